// Whoever signs out takes their tickets from this phone, and is told of what the gate has not sent yet.
for (const form of document.querySelectorAll("[data-forget]")) {
  form.addEventListener("submit", () => navigator.serviceWorker?.controller?.postMessage("forget"));
}

const notice = document.querySelector("[data-scans]");

async function tellWaiting() {
  const known = (await indexedDB.databases?.()) ?? [];
  if (!known.some((each) => each.name === "karcis-gate")) return;
  const { listWaiting } = await import("./gate-store.js");
  notice.hidden = !(await listWaiting()).length;
}

if (notice) tellWaiting().catch(() => {});
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-forget]") || notice.hidden || confirm(notice.dataset.confirm)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

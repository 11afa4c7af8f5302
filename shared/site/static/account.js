// Whoever signs out or deletes the account takes their tickets and their places in waiting rooms from this phone, and who
// signs out is told of what the gate has not sent yet.
for (const form of document.querySelectorAll("[data-forget]")) form.addEventListener("submit", forget);

function forget() {
  navigator.serviceWorker?.controller?.postMessage("forget");
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith("queue:")) localStorage.removeItem(key);
  } catch { /* a browser that keeps nothing */ }
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
  if (!event.target.matches("[data-forget]") || !notice || notice.hidden || confirm(notice.dataset.confirm)) return;
  event.preventDefault();
  event.stopPropagation();
}, true);

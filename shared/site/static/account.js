// Whoever signs out takes their tickets from this phone.
for (const form of document.querySelectorAll("[data-forget]")) {
  form.addEventListener("submit", () => navigator.serviceWorker?.controller?.postMessage("forget"));
}

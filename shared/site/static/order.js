// An order: the countdown by our clock, copying, saving the QR, and looking again until there is news.
import { live, reveal } from "./site.js";

const main = document.getElementById("main");
const begun = performance.now();
let shown = begun;
let lookAgain;

function clocks() {
  for (const box of document.querySelectorAll("[data-seconds]")) {
    const left = Math.max(0, Number(box.dataset.seconds) - (performance.now() - shown) / 1000);
    const minutes = Math.floor(left / 60);
    const shownLeft = box.querySelector("[data-left]"); // not where a day is left
    if (shownLeft) shownLeft.textContent = `${minutes}:${String(Math.floor(left % 60)).padStart(2, "0")}`;
    box.classList.toggle("soon", left <= 120);
    const announced = document.querySelector("[data-announce]");
    for (const mark of [5, 2, 1]) {
      if (left <= mark * 60 && left > mark * 60 - 2 && announced.dataset.said !== String(mark)) {
        announced.dataset.said = String(mark);
        announced.textContent = mark === 1 ? announced.dataset.one : announced.dataset.words.replace("{minutes}", mark);
      }
    }
    if (left <= 0 && !box.dataset.over) { box.dataset.over = "yes"; lookAgain?.(); }
  }
}
setInterval(clocks, 1000);
clocks();

async function keepAwake() {
  if (document.querySelector("[data-ticket]") && document.visibilityState === "visible") {
    try { await navigator.wakeLock?.request("screen"); } catch { /* the battery is low */ }
  }
}
document.addEventListener("visibilitychange", keepAwake);
keepAwake();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-save-qr]");
  if (!button) return;
  const svg = document.querySelector(`#${button.dataset.saveQr} svg`);
  const picture = new Image();
  picture.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(svg))}`;
  await picture.decode();
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1024;
  const brush = canvas.getContext("2d");
  brush.imageSmoothingEnabled = false;
  brush.drawImage(picture, 0, 0, 1024, 1024);
  const link = document.createElement("a");
  link.href = canvas.toDataURL("image/png");
  link.download = "qris.png";
  link.click();
});

document.addEventListener("submit", (event) => {
  const words = event.target.dataset.confirm;
  if (words && !confirm(words)) { event.preventDefault(); delete event.target.dataset.sent; }
}, true);

if (main.dataset.polled) {
  const seconds = () => Number(main.dataset.polled ?? 0) && (performance.now() - begun < 120_000 ? Number(main.dataset.polled) : 10);
  lookAgain = live(seconds, (fresh) => {
    const other = fresh.getElementById("main");
    if (!other || other.dataset.version === main.dataset.version) return;
    document.title = fresh.title;
    delete main.dataset.polled;
    Object.assign(main.dataset, other.dataset);
    main.replaceChildren(...other.childNodes);
    shown = performance.now();
    reveal();
    clocks();
    keepAwake();
    main.querySelector("h1")?.focus();
  });
}

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {});

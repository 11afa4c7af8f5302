// The time that one's turn in a rush is still good for: counted down in view, and said at five, two and one minutes.
const box = document.querySelector("[data-pass-seconds]");
const shown = box?.querySelector("[data-pass-left]");
const said = document.querySelector("[data-pass-said]");
const begun = performance.now();
const marks = new Set([5, 2, 1]);
const seconds = Number(box?.dataset.passSeconds);

function tick() {
  const left = Math.max(0, seconds - (performance.now() - begun) / 1000);
  shown.textContent = `(${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")})`;
  box.classList.toggle("warning", left <= 120);
  for (const mark of marks) {
    if (left > mark * 60 || left <= 0) continue;
    marks.delete(mark);
    if (seconds > mark * 60) said.textContent = mark === 1 ? box.dataset.one : box.dataset.announce.replace("{minutes}", mark);
  }
  if (left <= 0) { clearInterval(timer); location.reload(); }
}
const timer = box && seconds > 0 ? setInterval(tick, 1000) : 0;
if (timer) tick();

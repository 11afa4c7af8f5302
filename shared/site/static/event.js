// Choosing tickets: steppers, the total with its fees, and what is left.
import { live, replaceParts, rupiah } from "./site.js";

const form = document.querySelector("[data-choose]");
const article = document.querySelector("[data-event]");
const inputs = form ? [...form.querySelectorAll(".stepper input")] : [];

for (const stepper of document.querySelectorAll("[data-stepper]")) {
  const input = stepper.querySelector("input");
  const [fewer, more] = stepper.querySelectorAll("button");
  const show = () => {
    const value = Number(input.value);
    fewer.disabled = value <= 0;
    more.disabled = value >= Number(input.max);
    input.closest(".tier").classList.toggle("chosen", value > 0);
  };
  for (const button of [fewer, more]) {
    button.hidden = false;
    button.addEventListener("click", () => {
      input.value = Math.min(Number(input.max), Math.max(0, Number(input.value) + Number(button.dataset.step)));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
  input.addEventListener("input", show);
  show();
}

const total = form?.querySelector("[data-total]");
const fee = form?.querySelector("[data-fee]");
const range = form?.querySelector("[data-range]");
let asked = 0;
const go = form?.querySelector("[data-next]");
const choose = go?.textContent;

async function quote() {
  const items = inputs.filter((each) => Number(each.value) > 0)
    .map((each) => ({ tier_id: each.name.slice(2), quantity: Number(each.value) }));
  const mine = ++asked;
  go.textContent = items.length ? go.dataset.next : choose;
  if (!items.length) {
    range.hidden = false;
    total.textContent = "";
    fee.textContent = "";
    return;
  }
  try {
    const answer = await fetch("/api/v1/orders/quote", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      credentials: "omit",
      body: JSON.stringify({ event_id: article.dataset.event, items }),
    });
    const told = await answer.json();
    if (mine !== asked || !answer.ok) return;
    range.hidden = true;
    total.textContent = rupiah(told.total_amount);
    fee.textContent = document.documentElement.lang === "id" ? "termasuk biaya" : "fees included";
  } catch { /* the next page shows the total */ }
}

let waiting = 0;
form?.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(quote, 150); });
if (inputs.some((each) => Number(each.value) > 0)) quote();
form?.addEventListener("submit", (event) => {
  if (inputs.some((each) => Number(each.value) > 0)) return;
  event.preventDefault();
  document.getElementById("tickets").scrollIntoView();
  inputs[0]?.focus();
});

if (article) live(() => Number(article.dataset.liveEvery), replaceParts);

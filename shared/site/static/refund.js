// What comes back of the chosen tickets; goods come back with all of them.
import { rupiah } from "./site.js";

const sum = document.querySelector("[data-sum]");
const boxes = [...document.querySelectorAll("[data-amount]")];
const goods = [...document.querySelectorAll("[data-with-all]")];

function show() {
  const chosen = boxes.filter((each) => each.checked);
  const amounts = chosen.map((each) => Number(each.dataset.amount));
  if (chosen.length === boxes.length) amounts.push(...goods.map((each) => Number(each.dataset.withAll)));
  const total = Math.min(amounts.reduce((one, other) => one + other, 0), Number(sum.dataset.most));
  sum.textContent = sum.dataset.words.replace("{amount}", rupiah(total));
}

if (sum) {
  for (const box of boxes) box.addEventListener("change", show);
  show();
}

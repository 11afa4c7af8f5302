// The desk: the tab of the page is in view, and an event is shown as buyers will see it before it is saved.
import { rupiah } from "./site.js";

for (const tabs of document.querySelectorAll(".tabs ul")) {
  const current = tabs.querySelector("[aria-current]");
  if (current) tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}

for (const shown of document.querySelectorAll("[data-preview-of]")) {
  document.getElementById(shown.dataset.previewOf)?.addEventListener("change", (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const reader = new FileReader();
    reader.addEventListener("load", () => {
      const picture = document.createElement("img");
      picture.className = "banner";
      picture.alt = "";
      picture.src = reader.result;
      shown.replaceChildren(picture);
    });
    reader.readAsDataURL(file);
  });
}

const preview = document.querySelector(".live-preview");
if (preview) {
  const form = document.getElementById("title").form;
  const value = (name) => form.elements[name]?.value.trim() ?? "";
  const show = (name, words) => { if (words) preview.querySelector(`[data-shows=${name}]`).textContent = words; };
  const fill = () => {
    show("title", value("title"));
    show("where", [value("venue"), value("location")].filter(Boolean).join(", "));
    show("when", value("start_date") && `${moment(value("start_date"))} ${form.elements.timezone.selectedOptions[0].text.split(" ")[0]}`);
    show("price", range([...form.querySelectorAll("[name$=_price]")].map((field) => field.value)));
  };
  const moment = (local) => new Date(local).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });
  const range = (typed) => {
    const prices = typed.filter((each) => /\d/.test(each)).map((each) => Number(each.replace(/\D/g, "")));
    if (!prices.length) return "";
    const [least, most] = [Math.min(...prices), Math.max(...prices)];
    const { from, free, to } = preview.dataset;
    if (least === most) return least ? rupiah(least) : free;
    return least ? `${from} ${rupiah(least)}` : `${free} ${to} ${rupiah(most)}`;
  };
  form.addEventListener("input", fill);
  fill();
  preview.hidden = false;
}

// A file that takes long to make says so, and how much of it has come. Without a script the browser downloads it.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("[data-exports] a[download]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const exports = link.closest("[data-exports]");
  if (exports.dataset.busy) return;
  exports.dataset.busy = "yes";
  const [bar, words, size] = ["progress", "[role=status]", "[data-size]"].map((each) => exports.querySelector(each));
  bar.hidden = false;
  words.textContent = words.dataset.making;
  try {
    save(await loaded(link.href, (bytes) => { size.textContent = `${Math.ceil(bytes / 1000).toLocaleString(document.documentElement.lang)} kB`; }));
    words.textContent = words.dataset.done;
  } catch {
    words.textContent = size.textContent = "";
    location.assign(link.href); // the browser's own way says what is wrong
  }
  bar.hidden = true;
  delete exports.dataset.busy;
});

async function loaded(address, progressed) {
  const answer = await fetch(address, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) throw new Error("not a file");
  const parts = [];
  let bytes = 0;
  for (let reader = answer.body.getReader(), part; !(part = await reader.read()).done;) {
    parts.push(part.value);
    progressed(bytes += part.value.length);
  }
  const name = /filename="?([^";]+)/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? "";
  return new File(parts, name, { type: answer.headers.get("Content-Type") });
}

function save(file) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

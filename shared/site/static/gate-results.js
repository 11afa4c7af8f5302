// The result that fills the page: a colour, a word, a sign, a sound; with its times and names.
import { signal } from "./gate-feedback.js";

export const config = JSON.parse(document.getElementById("gate-config").textContent);
export const { words } = config;
export const page = document.getElementById("main");
export const part = (name) => page.querySelector(`[data-${name}]`);
export const filled = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
export const grouped = (number) => number.toLocaleString(words.locale);

const SHOWN_MS = { green: 2500, blue: 2500, amber: 3500, red: 5000, grey: 20_000 };
let hiding = 0;

export function show(kind, facts = {}) {
  const card = document.getElementById(`answer-${kind}`).content.firstElementChild.cloneNode(true);
  for (const [name, value] of Object.entries(facts)) {
    const place = card.querySelector(`[data-fact=${name}]`);
    if (place) place.textContent = value ?? "";
  }
  part("answer").replaceChildren(card);
  hideLater();
  const { colour } = card.dataset;
  if (colour === "grey") return;
  signal(colour);
  part("last").dataset.colour = colour;
  part("last").textContent = [card.querySelector(".answer-word").textContent, facts.name].filter(Boolean).join(" · ");
}

export const hide = () => part("answer").replaceChildren();

// Goes on by itself; a new scan replaces the answer at once.
export function hideLater() {
  clearTimeout(hiding);
  const shown = part("answer").firstElementChild;
  if (shown) hiding = setTimeout(hide, SHOWN_MS[shown.dataset.colour]);
}

// A moment as the event's place has it; the day only where it is another.
export function time(moment) {
  const at = (style, when) => new Date(when).toLocaleString(words.locale, { timeZone: config.timezone, ...style });
  const clock = at({ timeStyle: "short", hourCycle: "h23" }, moment);
  const day = at({ dateStyle: "medium" }, moment);
  return day === at({ dateStyle: "medium" }, Date.now()) ? clock : `${day} ${clock}`;
}

const joined = (...parts) => parts.filter(Boolean).join(" · ");
const hours = (opens, closes) => (opens ? filled(words.hours, { opens: time(opens), closes: time(closes) }) : "");

// What the server told of a ticket: the answer's kind and its facts.
export function ofTicket(told) {
  const isUsed = told.result === "already_used";
  return [kindOf(told), {
    name: told.attendee_name,
    tier: told.tier_name,
    bib: told.bib_number ? filled(words.bib, { number: told.bib_number }) : "",
    when: isUsed ? joined(told.validated_at && time(told.validated_at), told.gate) : hours(told.gates_open_at, told.gates_close_at),
  }];
}

function kindOf({ result, is_replaced: isReplaced, is_reentry: isReentry }) {
  if (result === "valid" && isReentry) return "reentry";
  return result === "refunded" && isReplaced ? "replaced" : result;
}

// What the server told of a pickup code.
export function ofPickup(told) {
  const items = (told.items ?? []).map((each) => `${each.quantity} × ${each.tier_name}`).join(", ");
  const when = told.result === "already_used" ? joined(told.picked_up_at && time(told.picked_up_at), told.gate) : "";
  const kind = ["refused", "forged"].includes(told.result) ? told.result : `pickup_${told.result}`;
  return [kind, { name: told.buyer_name, tier: items, when }];
}

// What this device decided by itself.
export function ofDevice({ kind, name, tier, at, gate, opens, closes }) {
  const used = at ? filled(words.here, { time: time(at) }) : words.elsewhere;
  const when = kind === "already_used" ? joined(used, gate) : kind === "not_open" ? hours(opens, closes) : "";
  return [kind, { name, tier, when }];
}

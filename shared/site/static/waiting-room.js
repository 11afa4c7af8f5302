// A waiting room: how far the queue is, by the one status that everybody reads, and where one's own place is in it.
const box = document.querySelector("[data-queue]");
const words = JSON.parse(box.dataset.words);
const locale = document.documentElement.lang === "en" ? "en-GB" : "id-ID";
const kept = `queue:${box.dataset.slug}`;
const POLL = 5_000;
const STALE = 60_000;
// One's own page says whether there is a place; everybody's page has only what is kept.
const hasNone = "private" in document.getElementById("main").dataset && !("own" in box.dataset);
const all = (name) => box.querySelectorAll(`[data-${name}]`);
const write = (name, words) => { for (const each of all(name)) each.textContent = words; };
const number = (value) => value.toLocaleString(locale);

let now = JSON.parse(box.dataset.now);
let seen = performance.now();
let place = ownPlace();
let reached = "";
const title = document.title;
const zoneLabel = /\s\S+$/.exec(all("at")[0].textContent)[0];

function ownPlace() {
  try {
    if (box.dataset.state === "over" || hasNone) localStorage.removeItem(kept);
    if ("own" in box.dataset) return keep({ room_id: now.room_id, number: Number(box.dataset.number), token: box.dataset.token });
    return JSON.parse(localStorage.getItem(kept));
  } catch { return null; /* a browser that keeps nothing */ }
}

function keep(found) {
  try { if (box.dataset.state !== "over") localStorage.setItem(kept, JSON.stringify(found)); } catch { /* nor here */ }
  return found;
}

// The draw, as shared/waiting_room/draw.py makes it: anybody can compute anybody's position.
const encoder = new TextEncoder();
async function position(of, { key, size }) {
  if (of > size) return of;
  const bytes = Uint8Array.from(key.match(/../g), (pair) => parseInt(pair, 16));
  const signing = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const half = Math.max(1, Math.ceil((size > 1 ? (size - 1).toString(2).length : 0) / 2));
  const mask = 2 ** half - 1;
  let value = of - 1;
  do {
    let [left, right] = [value >>> half, value & mask];
    for (let turn = 0; turn < 10; turn++) {
      const signed = await crypto.subtle.sign("HMAC", signing, encoder.encode(`${size}:${turn}:${right}`));
      [left, right] = [right, left ^ (new DataView(signed).getUint32(0) & mask)];
    }
    value = left * 2 ** half + right;
  } while (value >= size);
  return value + 1;
}
let drawn = { of: "", position: 0 };
async function ownPosition() {
  const of = `${place.number} ${now.draw.key}`;
  if (drawn.of !== of) drawn = { of, position: await position(place.number, now.draw) };
  return drawn.position;
}

async function show() {
  for (const each of all("phase")) each.hidden = each.dataset.phase !== now.phase;
  for (const each of all("join")) each.hidden = !["gathering", "serving", "all_held", "paused"].includes(now.phase);
  write("serving", number(now.serving_number));
  write("joined", number(now.joined));
  write("at", new Date(now.at).toLocaleTimeString(locale, { timeZone: box.dataset.zone }) + zoneLabel);
  for (const each of document.querySelectorAll("[data-draw-key]")) each.textContent = now.draw?.key ?? "…";
  if (place && place.room_id !== now.room_id) place = null;
  if (["choosing", "over"].includes(box.dataset.state)) return;
  await showPlace();
}

async function showPlace() {
  const at = place && now.draw && crypto.subtle ? await ownPosition() : 0;
  const ahead = Math.max(0, at - now.serving_number - 1);
  const state = !place ? "none" : !at ? "undrawn" : at <= now.serving_number ? "called" : "waiting";
  for (const each of all("at-state")) each.hidden = each.dataset.atState !== state;
  if (place) write("own-number", number(place.number));
  if (state === "waiting") {
    const minutes = now.calls_per_minute ? Math.floor(ahead / now.calls_per_minute) : null;
    write("position", number(at));
    write("ahead", number(ahead));
    write("wait", minutes === null ? words.unknown : [words.soon, words.minute][minutes] ?? words.minutes.replace("{minutes}", number(minutes)));
    for (const each of all("progress")) each.setAttribute("width", (100 * now.serving_number / at).toFixed(1));
  }
  document.title = state === "called" ? `${words.turn} · ${title}` : title;
  say(state, at, ahead);
}

// A screen reader hears what changed for this person, not every number.
function say(state, at, ahead) {
  const mark = [10, 100, 1_000, 10_000].find((most) => ahead <= most) ?? "";
  const step = `${now.phase} ${state} ${state === "waiting" ? mark : ""}`;
  if (step === reached) return;
  const phase = box.querySelector(`[data-phase="${now.phase}"] h2`).textContent;
  const told = { called: words.turn, waiting: reached ? ahead === 1 ? words.one : words.ahead.replace("{ahead}", number(ahead)) : words.drawn.replace("{position}", number(at)) };
  if (reached) write("said", now.phase === "serving" || !told[state] ? told[state] ?? phase : `${phase}. ${told[state]}`);
  reached = step;
}

async function look() {
  try {
    const answer = await fetch(box.dataset.status, { credentials: "omit" });
    const told = answer.ok ? await answer.json() : null;
    if (told && (told.room_id !== now.room_id || told.revision > now.revision)) {
      now = told;
      seen = performance.now();
      await show();
    }
  } catch { /* no network: the next look may have one */ }
  for (const each of all("stale")) each.hidden = performance.now() - seen < STALE || ["ended", "cancelled", "lifted"].includes(now.phase);
  setTimeout(look, POLL + Math.random() * 1_000);
}

function countdown() {
  const left = now.phase === "gathering" ? (new Date(now.draws_at) - new Date(now.at) - (performance.now() - seen)) / 1000 : 0;
  const parts = [Math.floor(left / 3600), Math.floor(left / 60) % 60, Math.floor(left) % 60];
  const clock = (parts[0] ? parts : parts.slice(1)).map((part) => String(part).padStart(2, "0")).join(":");
  write("countdown", left > 0 && left < 86_400 ? words.begins.replace("{time}", clock) : "");
}

// One call takes the place. Where that says no, the form goes the long way: to sign in, or to a page that says why.
box.querySelector("[data-join]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  try {
    const answer = await fetch(`/api/v1/waiting-rooms/${now.event_id}/place`, { method: "POST", credentials: "same-origin" });
    if (!answer.ok) throw new Error(answer.status);
    place = keep(await answer.json());
    delete form.dataset.sent;
    await show();
    box.querySelector("#place-title").scrollIntoView({ block: "nearest" });
  } catch { form.submit(); }
});

document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") show(); });
setInterval(countdown, 1000);
countdown();
show();
setTimeout(look, Math.random() * 2_000);

// The gate: reads codes, asks the server, or decides by the snapshot where the network is away.
import { config, filled, hide, hideLater, ofDevice, ofPickup, ofTicket, page, part, show, words } from "./gate-results.js";
import { Camera, causeOf } from "./gate-camera.js";
import { isPickup, looksLikeTicket, prepare, ticketOf } from "./gate-code.js";
import { ANSWER_MS, again, countWaiting, isAccessGone, lose, passed, readSnapshot, renewCounts, sendForStrangers, state, status, waitsOneMore } from "./gate-sync.js";
import { Away, TooManyRequests, call } from "./gate-network.js";
import { decide } from "./gate-offline.js";
import { Refused } from "./gate-queue.js";
import { unlock } from "./gate-feedback.js";
import { hashed } from "./gate-snapshot.js";
import * as store from "./gate-store.js";

const eventId = config.event_id;
const SNAPSHOT_MS = 60_000, COUNTS_MS = 15_000, CHECKING_MS = 150;
const SETTINGS = `gate-${eventId}`;
const settings = { gate: "", tiers: null, direction: "in" };

// --- a scan ---

let line = Promise.resolve();
let asked = 0;

// One after the other: each person gets their own answer.
function scan(text) {
  const begun = performance.now();
  asked++;
  line = line.then(() => answer(text.trim(), begun)).catch((error) => {
    console.warn(error);
    show("undecided");
  }).finally(() => { asked--; });
}

async function answer(text, begun) {
  const checking = setTimeout(show, CHECKING_MS, "checking");
  const [kind, facts] = await (isPickup(text) ? pickup(text) : ticket(text)).finally(() => clearTimeout(checking));
  const shown = kind === "forged" && !looksLikeTicket(text) ? "not_a_ticket" : kind;
  show(shown, facts);
  performance.measure("scan", { start: begun, detail: shown });
}

async function ticket(text) {
  const hash = await hashed(text);
  const id = ticketOf(text);
  const own = id && await store.passageOf(eventId, id);
  const scanned = { ...identity(), qr: text, direction: settings.direction };
  const isUnsent = own && !own.sent_at;
  const told = !isUnsent && await asking("tickets/scan", { ...scanned, ...(settings.tiers ? { tier_ids: settings.tiers } : {}) });
  if (state.network === "forbidden") return ["refused", {}];
  return told ? judged(told, scanned, hash) : decided(scanned, hash, own);
}

const identity = () => ({
  scan_id: crypto.randomUUID(),
  scanned_at: new Date().toISOString(),
  ...(settings.gate ? { gate: settings.gate } : {}),
});

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// The identity of a scan that no answer has come to yet, kept under this key.
function identityOf(key) {
  try {
    const kept = localStorage.getItem(key) ?? JSON.stringify(identity());
    localStorage.setItem(key, kept);
    return JSON.parse(kept);
  } catch { return identity(); /* a browser that keeps nothing */ }
}

// The server's answer, or null where there is none. One that was lost on its way is given again to the same scan id.
// One that says to wait is waited for, by the scans after it too: the device must not decide while there is a network.
async function asking(path, body) {
  let left = 2, lost = new Away();
  while (left && state.network === "online") {
    try {
      return await call("POST", path, { body: { ...body, event_id: eventId }, milliseconds: ANSWER_MS });
    } catch (error) {
      if (error instanceof Refused && !isAccessGone(error)) return { result: error.status === 422 ? "forged" : "refused" };
      if (error instanceof TooManyRequests) {
        await later(error.milliseconds);
        continue;
      }
      lost = error;
      if (!(error instanceof Away)) break;
      left--;
    }
  }
  if (state.network === "online") lose(lost);
  return null;
}

async function judged(told, scanned, hash) {
  if (["valid", "exited"].includes(told.result)) {
    await store.keepPassage({ ...passage(scanned, hash), sent_at: Date.now() }).catch(console.warn);
    passed(told);
  }
  return ofTicket(told);
}

async function decided(scanned, hash, own) {
  const at = Date.parse(scanned.scanned_at);
  const told = await decide({ text: scanned.qr, hash, at, direction: scanned.direction }, state.snapshot, own, settings.tiers);
  const admitted = ["accepted", "exited_offline"].includes(told.kind);
  await store.keepScan({ ...scanned, event_id: eventId, owner: config.owner, ticket: ticketOf(scanned.qr), hash, admitted }, admitted ? passage(scanned, hash) : null);
  waitsOneMore();
  again();
  return ofDevice(told);
}

const passage = ({ qr, scan_id, scanned_at, direction }, hash) =>
  ({ event_id: eventId, ticket: ticketOf(qr), hash, scan_id, at: scanned_at, gate: settings.gate, direction });

// Goods are handed over by the server's word only. One that was lost on its way is given again with the code's next scan.
async function pickup(text) {
  const key = `pickup-${eventId}-${text.replace(/[- ]/, "").toUpperCase()}`;
  const told = state.network === "online" && await asking("pickups/scan", { ...identityOf(key), code: text });
  try { if (told) localStorage.removeItem(key); } catch { /* a browser that keeps nothing */ }
  if (state.network === "forbidden") return ["refused", {}];
  return told ? ofPickup(told) : ["no_network", {}];
}

// --- the camera ---

const camera = new Camera(page.querySelector("video"), config.files, scan, () => asked > 0);

async function startCamera() {
  part("start").hidden = true;
  for (const each of page.querySelectorAll("[data-cause]")) each.hidden = true;
  try {
    await camera.start();
    part("camera").hidden = false;
    part("torch").hidden = !camera.hasTorch;
    keepAwake();
    keepFiles();
  } catch (error) {
    console.info(error.name, error.message);
    camera.stop();
    part("camera").hidden = true;
    page.querySelector(`[data-cause=${causeOf(error)}]`).hidden = false;
  }
}

async function keepAwake() {
  try { await navigator.wakeLock?.request("screen"); } catch { /* the battery is low */ }
}

async function isAllowed() {
  try { return (await navigator.permissions.query({ name: "camera" })).state === "granted"; } catch { return false; }
}

// The page and its files open without a network too, as the service worker gives what is kept.
async function keepFiles() {
  const kept = await caches.open("karcis-1");
  const loaded = performance.getEntriesByType("resource").map((each) => new URL(each.name).pathname);
  if (!(await kept.match(location.pathname))) await kept.add(location.pathname).catch(() => {});
  for (const address of loaded.filter((each) => each.startsWith("/assets/"))) {
    if (await kept.match(address)) continue;
    const answer = await fetch(address).catch(() => null);
    // While a release goes out, the other one's file may answer for this name, for the moment.
    if (answer?.headers.get("Cache-Control")?.includes("immutable")) await kept.put(address, answer);
  }
}

// --- hand scanners and typing ---

const typed = page.querySelector("[data-typed] input[name=code]");

// A hand scanner is a keyboard: what it types goes into the field, wherever the focus is; its Enter sends it.
function typeAnywhere(event) {
  const isTyping = event.target.closest?.("input, select, textarea, dialog[open]");
  if (isTyping || event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
  typed.inputMode = "none"; // no keyboard on the screen
  typed.value = "";
  typed.focus();
}

function submitTyped(event) {
  event.preventDefault();
  event.stopPropagation(); // it may be sent again at once
  const text = typed.value;
  typed.value = "";
  typed.blur();
  typed.inputMode = "text";
  if (text.trim()) scan(text);
}

// --- the settings of this device ---

function readSettings() {
  try { Object.assign(settings, JSON.parse(localStorage.getItem(SETTINGS))); } catch { /* a browser that keeps nothing */ }
  if (!config.allows_reentry) settings.direction = "in";
}

function keepSettings() {
  try { localStorage.setItem(SETTINGS, JSON.stringify(settings)); } catch { /* as above */ }
  showSettings();
}

function showSettings() {
  const names = config.tiers.filter((each) => settings.tiers?.includes(each.id)).map((each) => each.name);
  part("gate").textContent = settings.gate || words.no_gate;
  part("admits").textContent = names.length ? filled(words.admits, { tiers: names.join(", ") }) : "";
  page.dataset.way = settings.direction;
  if (part("direction")) part("direction").setAttribute("aria-pressed", settings.direction === "out");
  typed.form.elements.gate.value = settings.gate;
}

const dialog = part("settings");
const boxes = [...dialog.querySelectorAll("[name=tier]")];

function openSettings() {
  dialog.querySelector("[name=own_gate]").value = settings.gate;
  for (const box of boxes) box.checked = !settings.tiers || settings.tiers.includes(box.value);
  dialog.showModal();
}

function closeSettings() {
  const chosen = boxes.filter((each) => each.checked).map((each) => each.value);
  settings.gate = dialog.querySelector("[name=own_gate]").value.trim().slice(0, 50);
  settings.tiers = chosen.length && chosen.length < boxes.length ? chosen : null;
  keepSettings();
}

function turn() {
  settings.direction = settings.direction === "in" ? "out" : "in";
  keepSettings();
}

function light(button) {
  const isOn = button.getAttribute("aria-pressed") !== "true";
  camera.light(isOn).then(() => button.setAttribute("aria-pressed", isOn), () => {});
}

function search(_, event) {
  if (state.network !== "offline") return;
  event.preventDefault(); // a browser's error page
  show("search_offline");
}

// --- what is pressed, and what happens around the page ---

const acts = {
  start: startCamera,
  retry: startCamera,
  torch: light,
  direction: turn,
  "open-settings": openSettings,
  answer: hide,
  search,
  "send-strangers": sendForStrangers,
};

function listen() {
  addEventListener("pointerdown", unlock);
  addEventListener("keydown", unlock);
  page.addEventListener("click", (event) => {
    for (const [name, act] of Object.entries(acts)) {
      const pressed = event.target.closest(`[data-${name}]`);
      if (pressed) act(pressed, event);
    }
  });
  typed.form.addEventListener("submit", submitTyped);
  dialog.addEventListener("close", closeSettings);
  document.addEventListener("keydown", typeAnywhere);
  addEventListener("online", () => again(true));
  addEventListener("offline", () => lose(new Away()));
  addEventListener("focus", comeBack);
  document.addEventListener("visibilitychange", comeBack);
}

function comeBack() {
  if (document.visibilityState !== "visible") return;
  keepAwake();
  if (camera.stream && !camera.isLive) startCamera(); // a phone takes it away while another app is in front
  again(true);
}

const whileSeen = (act) => () => { if (document.visibilityState === "visible") act(); };

async function begin() {
  document.body.classList.add("gate-live");
  readSettings();
  showSettings();
  hideLater();
  listen();
  await readSnapshot();
  await countWaiting();
  page.dataset.ready = "yes";
  again(true);
  setInterval(whileSeen(() => again(true)), SNAPSHOT_MS);
  setInterval(whileSeen(() => { if (state.network === "online") renewCounts().catch(() => {}); }), COUNTS_MS);
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
  navigator.storage?.persist?.().catch(() => {});
  prepare().then(keepFiles).catch(() => {});
  if (await isAllowed()) startCamera();
}

status();
begin();

// Synchronization with the server: sends queued scans, renews the snapshot and the counts, and knows whether it answers.
import { config, filled, grouped, page, part, time, words } from "./gate-results.js";
import { Away, SignedOut, TooManyRequests, call } from "./gate-network.js";
import { Refused, backOff, sendBatch } from "./gate-queue.js";
import { fromBase64, merged, read, written } from "./gate-snapshot.js";
import * as store from "./gate-store.js";

export const ANSWER_MS = 2500;
const eventId = config.event_id;
const PATIENT = { milliseconds: 30_000 };

export const state = { network: navigator.onLine ? "online" : "offline", snapshot: null };
let waiting = 0;
let strangers = 0; // scans of somebody else who used this device
let sendsAll = false;
let tries = 0;
let timer = 0;

export const isAccessGone = (error) => error instanceof Refused && [403, 404].includes(error.status);

export function status() {
  const { snapshot, network } = state;
  page.dataset.network = network;
  part("network-word").textContent = words[network];
  part("age").textContent = snapshot ? filled(words.snapshot, { time: time(snapshot.taken_at) }) : words.no_snapshot;
  part("waiting").textContent = waiting ? filled(words.waiting, { count: grouped(waiting) }) : "";
  part("sign-in").hidden = network !== "signed_out";
  part("strangers").hidden = !strangers;
}

// From now on the device decides, until the server answers again.
export function lose(error) {
  state.network = error instanceof SignedOut ? "signed_out" : isAccessGone(error) ? "forbidden" : "offline";
  status();
  again();
}

// Tries again after a while; `soon` at once. A try that is due already is not put off.
export function again(soon = false, milliseconds = backOff(tries)) {
  if (soon) {
    clearTimeout(timer);
    tries = 0;
  } else if (timer) return;
  timer = setTimeout(sync, soon ? 0 : milliseconds);
}

// Of several open pages one does it at a time.
function sync() {
  timer = 0;
  const alone = (lock) => (lock ? syncNow() : again());
  return navigator.locks ? navigator.locks.request("karcis-gate", { ifAvailable: true }, alone) : syncNow();
}

async function syncNow() {
  try {
    await sendWaiting();
    await renewSnapshot();
    await renewCounts().catch((error) => { if (!(error instanceof Refused)) throw error; });
    state.network = "online";
    tries = 0;
    status();
  } catch (error) {
    if (error instanceof TooManyRequests) return again(false, error.milliseconds);
    if (![Away, SignedOut, Refused].some((each) => error instanceof each)) console.warn(error);
    tries++;
    lose(error);
  }
}

const isMine = (scan) => sendsAll || scan.owner === config.owner;
const post = async (event, scans) => (await call("POST", `gate/events/${event}/scans`, { body: { scans }, ...PATIENT })).items;

// The open event first. Scans of another one wait as long as whoever is signed in may not scan there.
async function sendWaiting() {
  const waitingOf = (await store.listWaiting()).filter(isMine).map((each) => each.event_id);
  for (const each of new Set([eventId, ...waitingOf])) {
    await sendAll(each).catch((error) => { if (each === eventId || !isAccessGone(error)) throw error; });
  }
}

async function sendAll(event) {
  for (let sent; (sent = await sendBatch(post, event, isMine)).length;) {
    tellDoubles(sent.filter(({ scan, answer }) => scan.admitted && !["valid", "exited"].includes(answer?.result)).length);
    await countWaiting();
  }
}

export async function countWaiting() {
  const scans = await store.listWaiting();
  waiting = scans.length;
  strangers = scans.filter((each) => !isMine(each)).length;
  status();
}

// Counts one more without reading them all: there may be thousands.
export function waitsOneMore() {
  waiting++;
  status();
}

export function sendForStrangers() {
  sendsAll = true;
  again(true);
}

let doubles = 0;

function tellDoubles(number) {
  doubles += number;
  part("doubles").hidden = !doubles;
  part("doubles-word").textContent = filled(words.doubles, { count: grouped(doubles) });
}

async function renewSnapshot() {
  const begun = Date.now();
  const cursor = state.snapshot ? `?cursor=${encodeURIComponent(state.snapshot.cursor)}` : "";
  const told = await call("GET", `gate/events/${eventId}/snapshot${cursor}`, PATIENT);
  state.snapshot = merged(state.snapshot, told);
  await store.keepSnapshot({ ...state.snapshot, tickets: written(state.snapshot.tickets) }).catch(console.warn);
  await store.forgetPassages(eventId, read(fromBase64(told.tickets)), begun);
}

export async function readSnapshot() {
  const kept = await store.readSnapshot(eventId);
  state.snapshot = kept && { ...kept, tickets: read(kept.tickets) };
}

// Also how quickly the server answers: one that is too slow for a queue counts as away.
export async function renewCounts() {
  const told = await call("GET", `gate/events/${eventId}/counts`, { milliseconds: ANSWER_MS });
  part("total").textContent = grouped(told.tickets);
  showEntered(config.allows_reentry ? told.inside : told.used);
}

let entered = 0;

// Of an answer the page knows before the next counts.
export const passed = (told) => showEntered(entered + (told.result === "exited" ? -1 : 1));

function showEntered(number) {
  entered = number;
  part("used").textContent = grouped(number);
}

// What a gate keeps on its device: scans that wait to be sent, what it let in, and the snapshots. It survives a reload.
import { USED, stateOf } from "./gate-snapshot.js";

const NAME = "karcis-gate";
const SURELY = { durability: "strict" }; // on the disk before the answer: the battery may end next

let opened;

const database = () => (opened ??= new Promise((resolve, reject) => {
  const request = indexedDB.open(NAME, 2);
  request.onupgradeneeded = ({ oldVersion }) => {
    if (oldVersion < 1) {
      const scans = request.result.createObjectStore("scans", { autoIncrement: true });
      scans.createIndex("scan_id", "scan_id", { unique: true });
      request.result.createObjectStore("snapshots", { keyPath: "event_id" });
    } else {
      request.result.deleteObjectStore("passages");
    }
    request.result.createObjectStore("passages", { keyPath: ["event_id", "ticket"] });
  };
  request.onsuccess = () => {
    request.result.onclose = () => { opened = undefined; };
    resolve(request.result);
  };
  request.onerror = () => { opened = undefined; reject(request.error); };
}));

const done = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

// A browser that keeps nothing has nothing: with a network it scans all the same.
async function reading(store, read) {
  const kept = await database().catch(() => null);
  return kept && done(read(kept.transaction(store, "readonly").objectStore(store)));
}

async function writing(stores, write, options = {}) {
  const transaction = (await database()).transaction(stores, "readwrite", options);
  write(...stores.map((each) => transaction.objectStore(each)));
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

// A scan that was decided here, and whom it let through: both or neither.
export const keepScan = (scan, passage) => writing(["scans", "passages"], (scans, passages) => {
  scans.add(scan);
  if (passage) passages.put(passage);
}, SURELY);

export const keepPassage = (passage) => writing(["passages"], (passages) => passages.put(passage));
export const passageOf = async (eventId, ticket) => (await reading("passages", (store) => store.get([eventId, ticket]))) ?? null;
export const listWaiting = async () => (await reading("scans", (store) => store.getAll())) ?? [];

// Scans that the server has answered: they wait no more, and whom they let through is known there.
export const forgetScans = (scanIds) => writing(["scans", "passages"], (scans, passages) => {
  for (const id of scanIds) {
    scans.index("scan_id").openCursor(IDBKeyRange.only(id)).onsuccess = ({ target: { result: found } }) => {
      if (!found) return;
      const { event_id: eventId, ticket } = found.value;
      found.delete();
      if (ticket) passages.get([eventId, ticket]).onsuccess = ({ target: { result: passage } }) => {
        if (passage?.scan_id === id) passages.put({ ...passage, sent_at: Date.now() });
      };
    };
  }
}, SURELY);

// A scan that the server will never take is kept for a person to look at, behind those that it will.
export const setAside = (scanId, problem) => writing(["scans"], (scans) => {
  scans.index("scan_id").openCursor(IDBKeyRange.only(scanId)).onsuccess = ({ target: { result: found } }) => {
    if (!found) return;
    const scan = { ...found.value, problem };
    found.delete();
    scans.add(scan);
  };
}, SURELY);

// What the server knows by now is the snapshot's to say: an undone scan, for one, lets in again.
export async function forgetPassages(eventId, changed, before) {
  if (!changed.size) return;
  const isTold = ({ hash, sent_at: sentAt, direction }) => sentAt < before && changed.has(hash)
    && !(direction === "in" && stateOf(changed.get(hash)) === USED);
  const own = IDBKeyRange.bound([eventId], [eventId, []]);
  const past = ((await reading("passages", (store) => store.getAll(own))) ?? []).filter(isTold);
  if (past.length) await writing(["passages"], (passages) => { for (const { ticket } of past) passages.delete([eventId, ticket]); });
}

export const readSnapshot = async (eventId) => (await reading("snapshots", (store) => store.get(eventId))) ?? null;
export const keepSnapshot = (snapshot) => writing(["snapshots"], (store) => store.put(snapshot));

// Sends the scans that wait, oldest first. One that is sent twice counts once: its id tells.
import { forgetScans, listWaiting, setAside } from "./gate-store.js";

export const BATCH = 100;

// The problem of a request that the server refuses, however often it is sent.
export class Refused extends Error {
  constructor(status, slug) {
    super(slug);
    this.status = status;
    this.slug = slug;
  }
}

const LATER = [401, 403, 404, 408, 429]; // of the caller or the moment, not of the scan
const isFinal = (error) => error instanceof Refused && !LATER.includes(error.status);

const asSent = ({ scan_id, qr, gate, scanned_at, direction, admitted }) =>
  ({ scan_id, qr, scanned_at, direction, admitted, ...(gate ? { gate } : {}) });

// Sends one batch of an event by `post(eventId, scans)`, which gives the answers in the same order. Gives the scans with
// their answers; none where nothing waits of those that `isMine`. Throws what `post` throws: the scans still wait then.
export async function sendBatch(post, eventId, isMine = () => true) {
  const scans = (await listWaiting()).filter((each) => each.event_id === eventId && !each.problem && isMine(each)).slice(0, BATCH);
  if (!scans.length) return [];
  try {
    return await sent(post, eventId, scans);
  } catch (error) {
    if (!isFinal(error)) throw error;
    return sentEach(post, eventId, scans);
  }
}

async function sent(post, eventId, scans) {
  const answers = await post(eventId, scans.map(asSent));
  if (answers.length !== scans.length) throw new Error("an answer is missing");
  const told = scans.map((scan, i) => ({ scan, answer: answers[i] }));
  await forgetScans(told.filter(({ answer }) => !answer.is_id_reused).map(({ scan }) => scan.scan_id));
  for (const { scan, answer } of told) if (answer.is_id_reused) await setAside(scan.scan_id, "id-reused");
  return told;
}

// One scan that is refused doesn't keep the others from being sent. Noise that let nobody in is no loss.
async function sentEach(post, eventId, scans) {
  const all = [];
  for (const scan of scans) {
    try {
      all.push(...await sent(post, eventId, [scan]));
    } catch (error) {
      if (!isFinal(error)) throw error;
      await (scan.admitted ? setAside(scan.scan_id, error.slug) : forgetScans([scan.scan_id]));
      all.push({ scan, answer: null });
    }
  }
  return all;
}

// How long to wait before the next try: twice as long each time, up to a minute, and never all devices at once.
export const backOff = (tries, chance = Math.random()) => Math.min(60_000, 1000 * 2 ** tries) * (0.5 + chance / 2);

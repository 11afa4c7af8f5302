// What a device answers without a network: by the snapshot, the code's signature, and what it let in itself.
import { isSigned, parsed } from "./gate-code.js";
import { OUTSIDE, REPLACED, USED, VALID, VOID, fromBase64, ofTier, stateOf } from "./gate-snapshot.js";

// `scan` is {text, hash, at, direction}, `own` what this device last did with the ticket ({hash, at, gate, direction}),
// null if nothing, `admits` the ids of the tiers that this gate lets in, or null for all. Never green: the server alone says so.
export async function decide(scan, snapshot, own, admits) {
  if (!snapshot) return { kind: "undecided" };
  const value = snapshot.tickets.get(scan.hash);
  const code = parsed(scan.text);
  const tier = value === undefined ? null : ofTier(snapshot, value);
  const facts = { name: value === undefined ? "" : code?.name ?? "", tier: tier?.name ?? "" };
  const told = (kind, more) => ({ kind, ...facts, ...more });

  if (value !== undefined && !(await isOurs(scan.text, code, snapshot))) return { kind: "forged", name: "", tier: "" };
  if (value === undefined && own?.hash !== scan.hash) { // another code of the ticket has to be good too
    const refusal = await unknown(scan.text, code, snapshot);
    if (refusal) return told(refusal);
    facts.name = code.name;
  }
  const state = value === undefined ? VALID : stateOf(value);
  if (state === VOID) return told("refunded");
  if (state === REPLACED) return told("replaced");
  const refused = passage(scan.direction, isInside(own, state), wasUsed(own, state) && !snapshot.allows_reentry);
  if (refused) return told(refused, own && { at: own.at, gate: own.gate });
  if (!isOpen(scan.at, snapshot)) return told("not_open", { opens: snapshot.scan_from, closes: snapshot.scan_until });
  if (admits && !admits.includes(tier?.tier_id)) return told("wrong_gate"); // also one whose tier it can't know
  return told(scan.direction === "out" ? "exited_offline" : "accepted");
}

// A hash alone is met by who has a snapshot and tries for long enough: signed codes are proved, and others taken only
// where the event has tickets of their generation.
const isOurs = async (text, code, snapshot) =>
  snapshot.prefixes.includes(code?.version) && (code.version !== "K3" || isSigned(text, keysOf(snapshot)));

const keysOf = ({ keys }) => keys.filter((each) => each.prefix === "K3").map((each) => fromBase64(each.public_key));

// Why a code is refused that the snapshot doesn't know; null for one that was issued and signed after it.
async function unknown(text, code, snapshot) {
  if (!code) return "forged";
  if (code.version !== "K3") return code.eventId === snapshot.event_id ? "forged" : "wrong_event";
  if (!(await isSigned(text, keysOf(snapshot)))) return "forged";
  if (code.eventId !== snapshot.event_id) return "wrong_event";
  return code.issuedAt > Date.parse(snapshot.complete_until) ? null : "unknown";
}

const isInside = (own, state) => (own ? own.direction === "in" : state === USED);
const wasUsed = (own, state) => own !== null || state === USED || state === OUTSIDE;

// Why somebody doesn't pass: they are inside already, may not come back, or have never come in.
function passage(direction, inside, isUsedUp) {
  if (direction === "out") return inside ? null : "not_inside";
  return inside || isUsedUp ? "already_used" : null;
}

const isOpen = (at, { scan_from: from, scan_until: until }) => at >= Date.parse(from) && at < Date.parse(until);

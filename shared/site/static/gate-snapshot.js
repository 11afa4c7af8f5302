// The snapshot of an event's codes: what each is worth, by the first bytes of its SHA-256. It holds no names.
export const VALID = 0, USED = 1, VOID = 2, OUTSIDE = 3, REPLACED = 4;
export const NO_TIER = 31;
const HASH_BYTES = 6, RECORD_BYTES = 7;

// Six bytes are 48 bits, which a number holds exactly.
const numberAt = (bytes, start) => {
  let number = 0;
  for (let i = start; i < start + HASH_BYTES; i++) number = number * 256 + bytes[i];
  return number;
};

export async function hashed(text) {
  return numberAt(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))), 0);
}

export const fromBase64 = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));

// Each record is a hash, and a byte: three bits of state, five of the tier's index.
export function read(records, tickets = new Map()) {
  for (let start = 0; start + RECORD_BYTES <= records.length; start += RECORD_BYTES) {
    tickets.set(numberAt(records, start), records[start + HASH_BYTES]);
  }
  return tickets;
}

export function written(tickets) {
  const records = new Uint8Array(tickets.size * RECORD_BYTES);
  let start = 0;
  for (const [hash, value] of tickets) {
    for (let i = HASH_BYTES - 1, rest = hash; i >= 0; i--, rest = Math.floor(rest / 256)) records[start + i] = rest % 256;
    records[start + HASH_BYTES] = value;
    start += RECORD_BYTES;
  }
  return records;
}

export const stateOf = (value) => value & 7;
export const tierOf = (value) => value >> 3;

// What the server tells, on top of what is known. Told twice it is the same.
export function merged(known, told) {
  const tickets = told.is_delta && known ? known.tickets : new Map();
  const { tickets: records, ...facts } = told;
  return { ...facts, tickets: read(fromBase64(records), tickets) };
}

export const ofTier = (snapshot, value) => snapshot.tiers.find((each) => each.index === tierOf(value)) ?? null;

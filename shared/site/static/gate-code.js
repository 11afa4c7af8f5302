// The text of a ticket's QR code, as shared/tickets/qr.py writes it.
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const TICKET = /^(K[123])((?:\.[A-Z2-7]*){4,6})$/;
const PICKUP = /^[0-9A-Za-z]{4}[- ]?[0-9A-Za-z]{4}$/;
const PARTS = { K1: 4, K2: 5, K3: 6 };

export const isPickup = (text) => PICKUP.test(text);

// Another code, an address or a payment's, is nobody's forgery.
export const looksLikeTicket = (text) => /^K\d\./.test(text);

export function fromBase32(text) {
  const bytes = [];
  let bits = 0, held = 0;
  for (const letter of text) {
    held = (held << 5) | LETTERS.indexOf(letter);
    bits += 5;
    if (bits >= 8) bytes.push((held >> (bits -= 8)) & 255);
    held &= 255;
  }
  return Uint8Array.from(bytes);
}

const uuid = (bytes) => [...bytes].map((each) => each.toString(16).padStart(2, "0")).join("")
  .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

// What the code says of itself. Only `isSigned` tells whether it is true.
export function parsed(text) {
  const found = TICKET.exec(text);
  const parts = found?.[2].slice(1).split(".") ?? [];
  if (!found || parts.length !== PARTS[found[1]]) return null;
  const [ticket, event, name, , issued] = parts.map(fromBase32);
  const seconds = found[1] === "K3" && issued.length === 4 ? new DataView(issued.buffer).getUint32(0) : null;
  return {
    version: found[1],
    ticketId: uuid(ticket),
    eventId: uuid(event),
    name: new TextDecoder().decode(name),
    issuedAt: seconds === null ? null : seconds * 1000,
  };
}

// The id of the ticket that a code is for: all of its codes have the same. Null for what is no code.
export const ticketOf = (text) => parsed(text)?.ticketId ?? null;

// True if one of the keys has signed it: `keys` are raw Ed25519 public keys.
export async function isSigned(text, keys, verify = verified) {
  const end = text.lastIndexOf(".");
  const message = new TextEncoder().encode(text.slice(0, end));
  const signature = fromBase32(text.slice(end + 1));
  if (signature.length !== 64 || LETTERS.indexOf(text.at(-1)) & 7) return false; // one spelling only: 512 bits and zeros
  for (const key of keys) if (await verify(signature, message, key)) return true;
  return false;
}

let library;

// By the browser, else by a small library of our own origin.
export async function verified(signature, message, key) {
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    return verifiedByLibrary(signature, message, key);
  }
}

export async function verifiedByLibrary(signature, message, key) {
  try {
    return await (await loaded()).verifyAsync(signature, message, key);
  } catch {
    return false;
  }
}

const loaded = () => (library ??= import("./vendor/noble-ed25519/noble-ed25519.js"));

// Before the network goes away: a browser without Ed25519 fetches the library.
export async function prepare() {
  try {
    await crypto.subtle.importKey("raw", new Uint8Array(32), "Ed25519", false, ["verify"]);
  } catch {
    await loaded().catch(() => { library = undefined; });
  }
}

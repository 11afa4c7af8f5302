// Calls of the API. Whoever asks learns whether to ask again: Away, TooManyRequests, SignedOut, or Refused for good.
import { Refused } from "./gate-queue.js";

export class Away extends Error {}
export class SignedOut extends Error {}

// The server answers, and wants to be asked again after a while: the network is there.
export class TooManyRequests extends Error {
  constructor(seconds) {
    super();
    this.milliseconds = 1000 * (Number(seconds) || 1);
  }
}

async function ask(method, path, body, milliseconds) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), milliseconds);
  try {
    const answer = await fetch(`/api/v1/${path}`, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
      signal: stop.signal,
    });
    // A hotel's or a carrier's own page is no answer of ours.
    const isOurs = /\bjson\b/.test(answer.headers.get("Content-Type") ?? "");
    if (!isOurs || answer.status >= 500) throw new Away(`${answer.status}`);
    if (answer.status === 429) throw new TooManyRequests(answer.headers.get("Retry-After"));
    return { status: answer.status, told: await answer.json() };
  } catch (error) {
    throw error instanceof Away || error instanceof TooManyRequests ? error : new Away(error.message);
  } finally {
    clearTimeout(timer);
  }
}

let renewing;

// Many calls may find the session too old at once; it is renewed by one.
const renewed = (milliseconds) => (renewing ??= ask("POST", "auth/refresh-token", {}, milliseconds)
  .finally(() => { renewing = undefined; }));

export async function call(method, path, { body, milliseconds = 10_000 } = {}) {
  let answer = await ask(method, path, body, milliseconds);
  if (answer.status === 401) {
    if ((await renewed(milliseconds)).status !== 200) throw new SignedOut();
    answer = await ask(method, path, body, milliseconds);
  }
  if (answer.status === 401) throw new SignedOut();
  if (answer.status >= 400) throw new Refused(answer.status, `${answer.told.type}`.split("/").pop());
  return answer.told;
}

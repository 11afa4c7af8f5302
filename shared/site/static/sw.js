// Keeps tickets and gates on the phone: their pages and the files they need are shown when the network is away.
const KEPT = "karcis-1";
const GATE_WAIT_MS = 4000;
const isGate = (url) => /^\/gate(\/[0-9a-f-]{36})?$/.test(url.pathname);
const isKept = (url) => /^\/(tickets|orders)\/[0-9a-f-]{36}$/.test(url.pathname) || url.pathname === "/orders" || url.pathname.startsWith("/assets/");

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/login" || url.pathname === "/logout") return;
  if (isGate(url)) event.respondWith(gate(event.request));
  else if (isKept(url)) event.respondWith(url.pathname.startsWith("/assets/") ? first(event.request) : fresh(event.request));
});
self.addEventListener("message", (event) => {
  if (event.data === "forget") event.waitUntil(caches.delete(KEPT));
});

async function first(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  // While a release goes out, the other one's file may answer for this name, for the moment.
  return answer.headers.get("Cache-Control")?.includes("immutable") ? keep(request, answer) : answer;
}

async function fresh(request) {
  try {
    const answer = await fetch(request);
    return answer.ok && !answer.redirected ? keep(request, answer) : answer;
  } catch (error) {
    const kept = await caches.match(request);
    if (kept) return kept;
    throw error;
  }
}

// A gate opens also while the network is there but slow, or the server is not itself.
async function gate(request) {
  const kept = await caches.match(request, { ignoreSearch: true });
  if (!kept) return fresh(request);
  const late = new Promise((resolve) => setTimeout(resolve, GATE_WAIT_MS));
  const answer = await Promise.race([fresh(request), late]).catch(() => null);
  return answer && answer.status < 500 ? answer : kept;
}

async function keep(request, answer) {
  if (answer.ok) (await caches.open(KEPT)).put(request, answer.clone());
  return answer;
}

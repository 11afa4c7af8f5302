// Keeps tickets on the phone: their pages and the files they need are shown when the network is away.
const KEPT = "karcis-1";
const isKept = (url) => /^\/(tickets|orders)\/[0-9a-f-]{36}$/.test(url.pathname) || url.pathname === "/orders" || url.pathname.startsWith("/assets/");

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(clients.claim()));
self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname === "/login" || url.pathname === "/logout") return;
  if (isKept(url)) event.respondWith(url.pathname.startsWith("/assets/") ? first(event.request) : fresh(event.request));
});
self.addEventListener("message", (event) => {
  if (event.data === "forget") event.waitUntil(caches.delete(KEPT));
});

async function first(request) {
  return (await caches.match(request)) ?? keep(request, await fetch(request));
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

async function keep(request, answer) {
  if (answer.ok) (await caches.open(KEPT)).put(request, answer.clone());
  return answer;
}

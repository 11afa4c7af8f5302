// What every page has: the theme that was chosen, live parts, the service worker of tickets.
const root = document.documentElement;
const stored = (name, value) => {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch { /* a browser that keeps nothing */ }
  return null;
};

const theme = stored("theme");
if (theme) root.dataset.theme = theme;
const switcher = document.querySelector("[data-theme-switch]");
if (switcher) {
  switcher.hidden = false;
  switcher.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    stored("theme", root.dataset.theme);
  });
}

document.querySelector("[data-focus]")?.focus();

// A page that answered a form: reloading asks for it, and does not send the form again.
const address = document.getElementById("main")?.dataset.address;
if (address && address !== location.pathname) history.replaceState(null, "", address);

// What is kept on this phone for one person is not shown to the next.
const owner = document.getElementById("main")?.dataset.owner;
if (owner) {
  if (stored("owner") && stored("owner") !== owner) window.caches?.delete("karcis-1");
  stored("owner", owner);
}

// A form that was sent is not sent again by a second tap.
document.addEventListener("submit", (event) => {
  const button = event.submitter ?? event.target.querySelector("button");
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  if (event.target.method === "post") {
    event.target.dataset.sent = "yes";
    button?.setAttribute("aria-disabled", "true");
  }
});
addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("[data-private]")) location.reload();
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.querySelector("[aria-disabled]")?.removeAttribute("aria-disabled");
  }
});

// Times in the visitor's own zone, where that is another.
for (const time of document.querySelectorAll("time[data-zone]")) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const moment = new Date(time.dateTime);
  const locale = root.lang === "en" ? "en-GB" : root.lang; // hours as the server writes them
  const read = (timeZone, style) => moment.toLocaleString(locale, { timeZone, ...style });
  const day = (timeZone) => read(timeZone, { dateStyle: "medium" });
  const clock = (timeZone) => read(timeZone, { timeStyle: "short" });
  const zone = time.dataset.zone;
  if (own && (day(own) !== day(zone) || clock(own) !== clock(zone))) {
    const yours = document.createElement("span");
    yours.className = "note";
    const date = day(own) === day(zone) ? "" : `${day(own)}, `;
    yours.textContent = `(${date}${clock(own)} ${root.lang === "id" ? "waktu Anda" : "your time"})`;
    time.append(document.createElement("br"), yours);
  }
}

// What works with a script only is shown by it.
export function reveal() {
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
  for (const button of document.querySelectorAll("[data-save-qr], [data-print]")) button.hidden = false;
}
reveal();
document.addEventListener("click", (event) => { if (event.target.closest("[data-print]")) print(); });
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const shown = button.querySelector("span") ?? button;
  const [words, name] = [shown.textContent, button.ariaLabel];
  shown.textContent = button.ariaLabel = button.dataset.done;
  setTimeout(() => { shown.textContent = words; button.ariaLabel = name; }, 2000);
});

// Parts of a page that change: asked for again while somebody looks, by a conditional request; until `seconds` says 0.
export function live(seconds, changed) {
  let timer = 0;
  let known = "";
  const again = () => {
    clearTimeout(timer);
    const wait = seconds();
    if (wait) timer = setTimeout(look, wait * 1000);
  };
  const look = async () => {
    if (document.visibilityState === "visible") {
      try {
        const headers = known ? { "If-None-Match": known } : {};
        const answer = await fetch(location.href, { cache: "no-cache", credentials: "same-origin", headers });
        known = answer.headers.get("ETag") ?? known;
        const isPage = answer.ok && answer.headers.get("Content-Type")?.startsWith("text/html");
        if (answer.redirected) location.reload(); // signed out meanwhile
        else if (isPage) changed(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch { /* no network: the next look may have one */ }
    }
    again();
  };
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible" && seconds()) look(); });
  again();
  return look;
}

export const rupiah = (amount) => `Rp\u00a0${amount.toLocaleString(document.documentElement.lang === "id" ? "id-ID" : "en-US")}`;

export function replaceParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (other && other.innerHTML !== part.innerHTML) part.innerHTML = other.innerHTML;
  }
}

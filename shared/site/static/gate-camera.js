// The camera: QR codes only, by the browser's own detector or else by a reader of our own origin.
const SIDE = 720; // pixels of the picture that is read: enough for the finest code at arm's length
const EVERY_MS = 90;
const AWAY_LOOKS = 8, AWAY_MS = 3000; // a code must be away for both before it is read again
const BLANK_TICKS = 60, TICK_MS = 100; // no picture after so many: another app has the camera

// Why there is no picture, in the words of the page's steps.
export function causeOf(error, { isSecure = isSecureContext, agent = navigator.userAgent } = {}) {
  if (!isSecure) return "insecure";
  if (error.name === "NotReadableError" || error.name === "AbortError" || error.name === "Blank") return "busy";
  if (isInApp(agent) && error.name !== "NotFoundError") return "in_app";
  if (error.name === "NotAllowedError" || error.name === "SecurityError") return /iPhone|iPad/.test(agent) ? "refused_ios" : "refused";
  return "none";
}

const isInApp = (agent) => /FBA[NV]|Instagram|Line\/|WhatsApp|TikTok|musical_ly|GSA\//.test(agent)
  || (/iPhone|iPad/.test(agent) && !/Safari\//.test(agent)) || /; wv\)/.test(agent);

const named = (name) => Object.assign(new Error(name), { name });

async function detector() {
  if (!("BarcodeDetector" in window) || !(await BarcodeDetector.getSupportedFormats()).includes("qr_code")) return null;
  const own = new BarcodeDetector({ formats: ["qr_code"] });
  return async (canvas) => (await own.detect(canvas)).map((each) => each.rawValue);
}

async function library({ script, wasm }) {
  await loaded(script);
  await ZXingWASM.prepareZXingModule({ overrides: { locateFile: () => wasm }, fireImmediately: true });
  const options = { formats: ["QRCode"], maxNumberOfSymbols: 2, tryHarder: false };
  return async (canvas, brush) => {
    const picture = brush.getImageData(0, 0, canvas.width, canvas.height);
    return (await ZXingWASM.readBarcodes(picture, options)).filter((each) => each.isValid).map((each) => each.text);
  };
}

const loaded = (address) => ("ZXingWASM" in window) || new Promise((resolve, reject) => {
  const script = document.createElement("script");
  script.src = address;
  script.onload = resolve;
  script.onerror = () => { script.remove(); reject(named("ReaderMissing")); };
  document.head.append(script);
});

// Tells what has not been seen before. The same code held before the camera counts once; so do two beside each other.
export class News {
  looks = 0;
  seen = new Map();

  look(texts, isBusy, now = performance.now()) {
    this.looks++;
    return texts.filter((text) => {
      const before = this.seen.get(text);
      const isNew = !before || (this.looks - before.look > AWAY_LOOKS && now - before.at > AWAY_MS);
      if (!isNew || !isBusy) this.seen.set(text, { look: this.looks, at: now });
      return isNew && !isBusy;
    });
  }
}

// The middle of the picture, small enough to be read many times a second.
function draw(video, canvas, brush) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  canvas.width = canvas.height = Math.min(side, SIDE);
  brush.drawImage(video, (video.videoWidth - side) / 2, (video.videoHeight - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
}

const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Camera {
  // `found(text)` is called for what is new, while not `isBusy()`.
  constructor(video, files, found, isBusy) {
    Object.assign(this, { video, files, found, isBusy });
  }

  // Throws what the browser says; `causeOf` names it.
  async start() {
    if (!navigator.mediaDevices?.getUserMedia) throw named("NotSupported");
    this.stop(); // some phones open it once only
    const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };
    this.stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    this.video.srcObject = this.stream;
    await Promise.all([this.video.play(), this.picture()]);
    this.read ??= (await detector()) ?? (await library(this.files));
    this.look(this.stream);
  }

  async picture() {
    for (let ticks = 0; !this.video.videoWidth; ticks++) {
      if (ticks === BLANK_TICKS) throw named("Blank");
      await later(TICK_MS);
    }
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  get isLive() {
    return this.stream?.getVideoTracks().some((each) => each.readyState === "live") ?? false;
  }

  async look(stream) {
    const canvas = document.createElement("canvas");
    const brush = canvas.getContext("2d", { willReadFrequently: true });
    const news = new News();
    while (this.stream === stream) {
      if (this.video.videoWidth && document.visibilityState === "visible") {
        draw(this.video, canvas, brush);
        for (const text of news.look(await this.texts(canvas, brush), this.isBusy())) this.found(text);
      }
      await later(EVERY_MS);
    }
  }

  // Phones whose own detector doesn't work say so only once it is used.
  async texts(canvas, brush) {
    try {
      return await this.read(canvas, brush);
    } catch {
      this.read = await library(this.files).catch(() => this.read);
      return [];
    }
  }

  get track() {
    return this.stream?.getVideoTracks()[0];
  }

  get hasTorch() {
    return Boolean(this.track?.getCapabilities?.().torch);
  }

  light(isOn) {
    return this.track.applyConstraints({ advanced: [{ torch: isOn }] });
  }
}

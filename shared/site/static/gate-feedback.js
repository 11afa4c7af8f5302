// Sound and vibration for each colour of result.
const SIGNALS = {
  green: { tones: [[880, 0, 0.12], [1320, 0.13, 0.2]], pulses: [80] },
  amber: { tones: [[660, 0, 0.15], [660, 0.22, 0.15]], pulses: [80, 80, 80] },
  blue: { tones: [[660, 0, 0.2]], pulses: [120] },
  red: { tones: [[180, 0, 0.35], [140, 0.38, 0.45]], pulses: [350, 120, 350] },
};
let audio;

// Browsers let a page sound only once somebody has touched it.
export function unlock() {
  audio ??= "AudioContext" in window ? new AudioContext() : null;
  if (audio?.state === "suspended") audio.resume();
}

export function signal(colour) {
  const { tones, pulses } = SIGNALS[colour];
  if (navigator.userActivation?.hasBeenActive !== false) navigator.vibrate?.(pulses);
  if (audio?.state !== "running") return;
  for (const [pitch, from, length] of tones) sound(pitch, audio.currentTime + from, length);
}

function sound(pitch, from, length) {
  const tone = audio.createOscillator();
  const volume = audio.createGain();
  tone.type = "square";
  tone.frequency.value = pitch;
  volume.gain.setValueAtTime(0.3, from);
  volume.gain.exponentialRampToValueAtTime(0.001, from + length);
  tone.connect(volume).connect(audio.destination);
  tone.start(from);
  tone.stop(from + length);
}

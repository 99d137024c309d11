// How a call makes itself heard and seen: a soft double tone made here, the tab's title, and where it
// is allowed a notification. None of them says who calls: screens are seen by others.

import { words } from "../dom.js";

const SILENT = "hub.ring-silent";
const EVERY = 2600; // ms from ring to ring
const TONES = [
  [0, 587.33],
  [0.18, 783.99],
  [0.55, 587.33],
  [0.73, 783.99],
]; // seconds from the start, hertz

let audio = null;
let timer = 0;
let title = "";
let note = null;

export const isSilent = () => localStorage.getItem(SILENT) === "on";

export function setSilent(on) {
  localStorage.setItem(SILENT, on ? "on" : "off");
}

/** Browsers make no noise before somebody touched the page once. */
export function startRing() {
  const wake = () => {
    audio ??= new AudioContext();
    if (audio.state === "suspended") audio.resume();
  };
  for (const touch of ["pointerdown", "keydown"])
    document.addEventListener(touch, wake, { capture: true, passive: true });
}

/** Ring until `stop`, which may be called any time; a ring that sounds already goes on. */
export function ring() {
  if (timer) return;
  title = document.title;
  timer = setInterval(sound, EVERY);
  sound();
  document.title = `☎ ${words("phoneIncoming")}`;
  if ("Notification" in window && Notification.permission === "granted" && document.hidden) {
    note = new Notification(words("phoneIncoming"), { tag: "hub-phone", silent: true });
    note.addEventListener("click", () => {
      window.focus();
      note?.close();
    });
  }
}

export function stopRing() {
  if (!timer) return;
  clearInterval(timer);
  timer = 0;
  document.title = title;
  note?.close();
  note = null;
}

function sound() {
  if (!audio || audio.state !== "running" || isSilent()) return;
  const start = audio.currentTime + 0.02;
  for (const [after, hertz] of TONES) {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = hertz;
    tone.type = "triangle";
    volume.gain.setValueAtTime(0, start + after);
    volume.gain.linearRampToValueAtTime(0.22, start + after + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + after + 0.32);
    tone.connect(volume).connect(audio.destination);
    tone.start(start + after);
    tone.stop(start + after + 0.34);
  }
}

/** The sounds of the phones, made on the spot. A browser plays them only after a first gesture. */

const RING_HZ = [440, 480];
const RING_SECONDS = 2;
const RING_EVERY_MS = 6000;
const BUZZ_MS = [400, 200, 400];
const BEEP = { hz: [1000], seconds: 0.4 };
const KEY_SECONDS = 0.12;
const LOUDNESS = 0.06;
const FADE_SECONDS = 0.02;
/** The two tones of each key, by its row and column. */
const ROWS = [697, 770, 852, 941];
const COLUMNS = [1209, 1336, 1477];
const KEYS = "123456789*0#";

const wanted = document.getElementById("sound");
let context = null;

for (const gesture of ["pointerdown", "keydown"])
  document.addEventListener(gesture, () => {
    context ??= new AudioContext();
  }, { once: true });

function play(hz, seconds) {
  if (!context || !wanted.checked) return [];
  const loudness = context.createGain();
  const end = context.currentTime + seconds;
  loudness.gain.setValueAtTime(LOUDNESS, end - FADE_SECONDS);
  loudness.gain.linearRampToValueAtTime(0, end);
  loudness.connect(context.destination);
  return hz.map((pitch) => {
    const tone = new OscillatorNode(context, { frequency: pitch });
    tone.connect(loudness);
    tone.start();
    tone.stop(end);
    return tone;
  });
}

export const sound = {
  beep: () => play(BEEP.hz, BEEP.seconds),
  key(key) {
    const place = KEYS.indexOf(key);
    play([ROWS[Math.floor(place / 3)], COLUMNS[place % 3]], KEY_SECONDS);
  },
};

/** One bell for all phones of the page: it rings while any of them does. */
class Bell {
  constructor() {
    this.phones = new Set();
    this.tones = [];
    wanted.addEventListener("change", () => this.#hush());
  }

  start(phone) {
    if (!this.phones.size) {
      this.timer = setInterval(() => this.#ring(), RING_EVERY_MS);
      this.#ring();
    }
    this.phones.add(phone);
  }

  stop(phone) {
    if (!this.phones.delete(phone) || this.phones.size) return;
    clearInterval(this.timer);
    this.#hush();
  }

  #ring() {
    this.tones = play(RING_HZ, RING_SECONDS);
    // Where nothing was touched yet the browser would refuse, and say so on its console.
    if (navigator.userActivation?.hasBeenActive && wanted.checked) navigator.vibrate?.(BUZZ_MS);
  }

  #hush() {
    for (const tone of this.tones) tone.stop();
    this.tones = [];
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(0);
  }
}

export const ringing = new Bell();

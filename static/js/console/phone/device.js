// The telephone of this tab, by whichever way calls come. Both give the same interface, which is as
// much of @twilio/voice-sdk's as we use:
//   device  register(), updateToken(token), destroy();
//           events registered, unregistered, incoming (call), error ({code, message}), tokenWillExpire
//   call    accept(), reject(), disconnect(), mute(isMuted), isMuted(), sendDigits(digits);
//           events accept, cancel, disconnect, reject, error; the simulator's also heard and music

import { SimDevice } from "./sim-device.js";

const RENEW_BEFORE = 60_000;
// The library would fetch its sounds from Twilio; the page makes its own ring (ring.js).
const SOUNDS = [
  "disconnect", "incoming", "outgoing", "dtmfh", "dtmfs",
  ...Array.from({ length: 10 }, (_, digit) => `dtmf${digit}`),
];

/**
 * Make the device of a token ({token, transport, address} of the server); it is not registered yet.
 * `library` and `silence` are addresses of ours: Twilio's script, and a sound with nothing in it.
 */
export async function makeDevice({ token, transport, address }, { library, silence }) {
  if (transport === "simulator") return new SimDevice(token, { address });
  if (!window.Twilio) await load(library);
  return new window.Twilio.Device(token, {
    codecPreferences: ["opus", "pcmu"],
    logLevel: "error",
    tokenRefreshMs: RENEW_BEFORE,
    sounds: Object.fromEntries(SOUNDS.map((name) => [name, silence])),
  });
}

function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${address} was not loaded`)));
    document.head.append(script);
  });
}

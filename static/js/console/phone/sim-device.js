// The demo's telephone line: the simulated Twilio instead of the real one, with the same interface
// (device.js). Its sound is text: what is heard comes as words, and what is said goes as words.

const FIRST_WAIT = 500; // ms before the first try to connect again
const LONGEST_WAIT = 15_000;
const RENEW_BEFORE = 60_000; // ms before a token's end
const REFUSED = 4403;

/** As much of Node's emitter as Twilio's library offers and we use. */
class Emitter {
  #works = new Map();

  on(name, work) {
    this.#works.set(name, [...(this.#works.get(name) ?? []), work]);
    return this;
  }

  emit(name, ...values) {
    for (const work of this.#works.get(name) ?? []) work(...values);
  }
}

/** One call that rings or runs. Events: accept, cancel, disconnect, reject, heard, music. */
class SimCall extends Emitter {
  #device;
  #muted = false;

  constructor(device, { sid, from, to }) {
    super();
    this.#device = device;
    this.parameters = { CallSid: sid, From: from, To: to };
  }

  #say(type, more = {}) {
    this.#device.say({ type, sid: this.parameters.CallSid, ...more });
  }

  accept() {
    this.#say("accept");
  }

  reject() {
    this.#say("reject");
    this.emit("reject");
  }

  disconnect() {
    this.#say("hangup");
  }

  mute(muted) {
    this.#muted = muted;
    this.#say("mute", { muted });
  }

  isMuted() {
    return this.#muted;
  }

  sendDigits(digits) {
    this.#say("digits", { digits });
  }

  /** Only here: what the microphone would carry. */
  speak(text) {
    this.#say("say", { text });
  }
}

/** One registered tab. Events: registered, unregistered, incoming, error, tokenWillExpire. */
export class SimDevice extends Emitter {
  #address;
  #token;
  #socket = null;
  #calls = new Map();
  #wait = FIRST_WAIT;
  #retry = 0;
  #renew = 0;
  #gone = false;

  constructor(token, { address }) {
    super();
    this.#address = address;
    this.#token = token;
    this.#remind();
  }

  register() {
    this.#connect();
  }

  /** A call in hand goes on with the old connection; the new token is for the next one. */
  updateToken(token) {
    this.#token = token;
    this.#remind();
    if (!this.#calls.size) this.#socket?.close();
  }

  destroy() {
    this.#gone = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#renew);
    this.#socket?.close();
  }

  say(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #connect() {
    clearTimeout(this.#retry);
    const socket = new WebSocket(`${this.#address}?token=${encodeURIComponent(this.#token)}`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(data)));
    socket.addEventListener("close", ({ code }) => this.#down(code));
  }

  #down(code) {
    for (const call of this.#calls.values()) call.emit("disconnect");
    this.#calls.clear();
    if (this.#gone) return;
    this.emit("unregistered");
    if (code === REFUSED) {
      this.emit("tokenWillExpire");
      this.#wait = LONGEST_WAIT;
    }
    this.#retry = setTimeout(() => this.#connect(), this.#wait * (0.75 + Math.random() / 2));
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }

  #take(said) {
    const call = this.#calls.get(said.sid);
    switch (said.type) {
      case "ready":
        this.#wait = FIRST_WAIT;
        this.emit("registered");
        break;
      case "incoming": {
        const incoming = new SimCall(this, said.call);
        this.#calls.set(said.call.sid, incoming);
        this.emit("incoming", incoming);
        break;
      }
      case "accepted":
        call?.emit("accept");
        break;
      case "cancel":
      case "disconnect":
        this.#calls.delete(said.sid);
        call?.emit(said.type);
        break;
      case "heard":
        call?.emit("heard", said);
        break;
      case "music":
        call?.emit("music", said.on);
        break;
      case "error":
        this.emit("error", { code: said.code, message: said.message });
        break;
      default: // of a newer simulator
    }
  }

  /** Say in time that the token ends, as Twilio's library does. */
  #remind() {
    clearTimeout(this.#renew);
    const [, claims] = this.#token.split(".");
    const { exp } = JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/")));
    const left = exp * 1000 - Date.now() - RENEW_BEFORE;
    this.#renew = setTimeout(() => this.emit("tokenWillExpire"), Math.max(left, 1000));
  }
}

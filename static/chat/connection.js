/* The live connection: a socket that comes back by itself, and asks for lines by number.

   The place of the last line is the truth; the socket only hints. What is not acknowledged is sent
   again with the same intent, which the hub takes for one message. Where no socket can be had,
   plain requests do the same every few seconds. */

import { ofThisTab } from "./keep.js";
import { call } from "./server.js";
import { currentLanguage } from "./words.js";

const OVER = 4401;
const PING_MS = 20000;
const SILENCE_MS = 32000;
const CONNECT_MS = 8000;
const LONGEST_WAIT_MS = 15000;
const POLL_MS = 5000;
/* After so many attempts without a socket, requests take over (and sockets are still tried). */
const ATTEMPTS_BEFORE_POLLING = 3;

export class Connection {
  /** `on` has: lines(page), sent(intent), refused(intent, code, message), typing(), over(code), up(bool). */
  constructor(session, on) {
    this.session = session;
    this.on = on;
    this.place = 0;
    this.attempts = 0;
    this.stopped = false;
    this.queueKey = `hub-chat:queue:${session.site}`;
    this.queue = (ofThisTab.get(this.queueKey) ?? []).filter((one) => one.of === this.mark());
    this.wake = () => this.retryNow();
    window.addEventListener("online", this.wake);
    document.addEventListener("visibilitychange", this.wake);
  }

  /* So that words meant for one chat never go into the next one. */
  mark() {
    return this.session.token.slice(-6);
  }

  start() {
    this.connect();
    this.pinger = setInterval(() => this.ping(), PING_MS / 4);
  }

  stop() {
    this.stopped = true;
    clearInterval(this.pinger);
    clearTimeout(this.timer);
    clearTimeout(this.poller);
    window.removeEventListener("online", this.wake);
    document.removeEventListener("visibilitychange", this.wake);
    this.socket?.close();
  }

  // --- Sending ---

  /** Send words; they are kept, and sent again after a cut or a reload, until acknowledged. */
  send(intent, text) {
    this.queue.push({ intent, text, of: this.mark() });
    this.keepQueue();
    if (this.isUp()) this.frame({ type: "send", intent, text });
    else if (this.polling) this.pollNow();
  }

  forget(intent) {
    this.queue = this.queue.filter((one) => one.intent !== intent);
    this.keepQueue();
  }

  keepQueue() {
    ofThisTab.set(this.queueKey, this.queue.length ? this.queue : null);
  }

  typing() {
    if (this.isUp()) this.frame({ type: "typing" });
  }

  seen(place) {
    if (this.isUp()) this.frame({ type: "seen", place });
    else if (this.polling) call("/chat/seen", { session: this.session, json: { place } }).catch(() => {});
  }

  speak() {
    if (this.isUp()) this.frame({ type: "language", language: currentLanguage() });
  }

  // --- The socket ---

  isUp() {
    return this.isReady && this.socket?.readyState === WebSocket.OPEN;
  }

  frame(content) {
    this.socket.send(JSON.stringify(content));
  }

  connect() {
    if (this.stopped) return;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    this.isReady = false;
    this.heardAt = Date.now();
    this.openedAt = Date.now();
    let socket;
    try {
      socket = new WebSocket(`${scheme}://${location.host}/chat/socket`);
    } catch {
      this.lost(1006); // forbidden here
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      this.frame({
        type: "hello",
        token: this.session.token,
        site: this.session.site,
        after: this.place,
        language: currentLanguage(),
      });
    };
    socket.onmessage = (event) => {
      if (socket === this.socket) this.hear(JSON.parse(event.data));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code);
    };
  }

  hear(frame) {
    this.heardAt = Date.now();
    if (frame.type === "lines") {
      this.merge(frame);
      if (!this.isReady) this.ready();
      this.frame({ type: "got", place: this.place });
    } else if (frame.type === "ack") {
      this.forget(frame.intent);
      this.on.sent(frame.intent);
    } else if (frame.type === "refused") {
      this.forget(frame.intent);
      this.on.refused(frame.intent, frame.error, frame.message);
    } else if (frame.type === "typing") {
      this.on.typing();
    } else if (frame.type === "over") {
      this.overCode = frame.error;
    }
  }

  ready() {
    this.isReady = true;
    this.attempts = 0;
    this.polling = false;
    clearTimeout(this.poller);
    this.on.up(true);
    for (const one of this.queue) this.frame({ type: "send", intent: one.intent, text: one.text });
  }

  merge(page) {
    /* The lines must follow on what we have; if not, all is fetched anew. */
    if (page.lines.length && page.lines[0].n > this.place + 1) {
      this.place = 0;
      this.socket?.close();
      return;
    }
    this.place = Math.max(this.place, page.last);
    for (const line of page.lines) if (line.intent) this.forget(line.intent);
    this.on.lines(page);
  }

  lost(code) {
    this.isReady = false;
    if (this.stopped) return;
    if (code === OVER) {
      this.stop();
      this.on.over(this.overCode ?? "over");
      return;
    }
    this.on.up(false);
    this.attempts += 1;
    if (this.attempts >= ATTEMPTS_BEFORE_POLLING && !this.polling) {
      this.polling = true;
      this.poll();
    }
    const wait = Math.min(400 * 2 ** Math.min(this.attempts, 6), LONGEST_WAIT_MS);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), wait * (0.7 + Math.random() * 0.6));
  }

  retryNow() {
    if (this.stopped || document.visibilityState === "hidden") return;
    if (!this.isUp() && this.socket?.readyState !== WebSocket.CONNECTING) {
      clearTimeout(this.timer);
      this.connect();
    } else this.ping();
  }

  /* A cut cable closes no socket: silence tells. */
  ping() {
    const now = Date.now();
    if (this.socket?.readyState === WebSocket.CONNECTING && now - this.openedAt > CONNECT_MS) {
      this.drop();
    } else if (this.socket?.readyState === WebSocket.OPEN) {
      if (now - this.heardAt > SILENCE_MS) this.drop();
      else if (now - this.heardAt > PING_MS && this.isReady) this.frame({ type: "ping" });
    }
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    socket.close();
    this.lost(1006);
  }

  // --- Without a socket ---

  async poll() {
    if (this.stopped || !this.polling) return;
    try {
      const answer = await call(`/chat/messages?after=${this.place}`, { session: this.session });
      if (!this.polling) return;
      this.merge(await answer.json());
      this.on.up(true);
      if (await this.flushByRequest()) {
        this.pollNow();
        return;
      }
    } catch (refusal) {
      if (refusal.status === 401) {
        this.stop();
        this.on.over(refusal.code);
        return;
      }
      if (this.polling) this.on.up(false);
    }
    this.poller = setTimeout(() => this.poll(), POLL_MS);
  }

  pollNow() {
    clearTimeout(this.poller);
    this.poller = setTimeout(() => this.poll(), 0);
  }

  /* Returns whether anything was sent, and so is to be fetched as a line. */
  async flushByRequest() {
    const queue = [...this.queue];
    for (const one of queue) {
      try {
        await call("/chat/messages", {
          session: this.session,
          json: { intent: one.intent, text: one.text },
        });
      } catch (refusal) {
        if (refusal.code === "offline" || refusal.status === 401) throw refusal;
        this.forget(one.intent);
        this.on.refused(one.intent, refusal.code, refusal.message);
        continue;
      }
      this.forget(one.intent);
      this.on.sent(one.intent);
    }
    return queue.length > 0;
  }

  /** Send words with files, by a request; resolves when they are committed. */
  async sendFiles(intent, text, files) {
    const form = new FormData();
    form.append("intent", intent);
    form.append("text", text);
    for (const file of files) form.append("files", file, file.name);
    await call("/chat/messages", { session: this.session, form });
    if (this.polling) this.pollNow();
  }
}

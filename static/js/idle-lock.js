// Locks the screen of a person who left, and opens it again without losing the page.
//
// The server keeps the time (hub/staff/lock.py); this page reports real input at most once a
// minute, asks where the log-in stands when a limit should have come, warns a minute before, and
// covers everything while locked. Text that was being written stays where it is.
//
// Other scripts: document hears "hub:locked" and "hub:unlocked"; whoever meets a 401 or 423 may
// dispatch "hub:check-session" on document, and this asks the server.

const REPORT_EVERY = 60_000;
const WARN_SECONDS = 60;
const INPUTS = ["pointerdown", "pointermove", "keydown", "wheel", "touchstart"];
const ASK_WHILE_ENDED = 5_000;

const screen = document.getElementById("lock-screen");
const warning = document.getElementById("lock-warning");
if (screen && warning) start();

function start() {
  const urls = screen.dataset;
  const form = screen.querySelector("[data-lock-form]");
  const ended = screen.querySelector("[data-lock-ended]");
  const error = screen.querySelector("[data-lock-error]");
  const password = form.querySelector("[name=password]");
  const passkey = screen.querySelector("[data-lock-passkey]");
  const countdown = warning.querySelector("[data-lock-countdown]");
  const tabs = new BroadcastChannel("hub-session");
  const title = document.title;

  let locked = false;
  let over = false;
  let reportedAt = Date.now();
  let locksAt = Infinity;
  let endsAt = Infinity;
  let timer = 0;
  let cameFrom = null;
  // Answers may overtake one another; only that to the latest question says what is true now.
  let questions = 0;

  passkey.hidden = !("PublicKeyCredential" in window && PublicKeyCredential.parseRequestOptionsFromJSON);

  for (const kind of INPUTS) {
    window.addEventListener(kind, onInput, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", () => document.hidden || ask());
  document.addEventListener("hub:check-session", ask);
  document.addEventListener("hub:lock-now", lockNow);
  document.addEventListener("htmx:responseError", (event) => noteStatus(event.detail.xhr.status));
  tabs.addEventListener("message", ask);
  // A person cannot leave a locked screen by Escape.
  screen.addEventListener("cancel", (event) => event.preventDefault());
  screen.addEventListener("close", () => locked && screen.showModal());
  warning.addEventListener("close", () => locked || report());
  warning.querySelector("[data-lock-stay]").addEventListener("click", () => warning.close());
  form.addEventListener("submit", unlock);
  passkey.addEventListener("click", unlockByPasskey);
  ask();

  function onInput(event) {
    if (!event.isTrusted || locked || warning.open) return;
    if (Date.now() - reportedAt >= REPORT_EVERY) report();
  }

  async function report() {
    reportedAt = Date.now();
    const question = ++questions;
    const answer = await send(urls.activityUrl);
    if (!answer) return schedule();
    if (!answer.ok) return noteStatus(answer.status);
    apply(await answer.json(), question);
    tabs.postMessage("active");
  }

  function noteStatus(status) {
    if (status === 401 || status === 423) ask();
  }

  async function ask() {
    const question = ++questions;
    const answer = await fetch(urls.stateUrl, { headers: { Accept: "application/json" } }).catch(
      () => null,
    );
    // While the hub is away nobody can be asked; a limit that has passed locks all the same.
    if (!answer || !answer.ok) {
      if (Date.now() >= Math.min(locksAt, endsAt)) cover();
      return schedule();
    }
    apply(await answer.json(), question);
  }

  function apply(state, question) {
    if (question !== questions) return;
    if (state.user && state.user !== urls.user) return window.location.reload();
    if (state.csrf) renewTokens(state.csrf);
    if (state.locks_in !== undefined) locksAt = Date.now() + state.locks_in * 1000;
    if (state.idle !== undefined) reportedAt = Date.now() - state.idle * 1000;
    if (state.ends_in !== undefined) endsAt = Date.now() + state.ends_in * 1000;
    over = state.state === "gone";
    document.documentElement.dataset.session = state.state;
    form.hidden = over;
    ended.hidden = !over;
    if (state.state === "ok") uncover();
    else cover();
    schedule();
  }

  function schedule() {
    window.clearTimeout(timer);
    if (over) {
      timer = window.setTimeout(ask, ASK_WHILE_ENDED);
      return;
    }
    if (locked) return;
    const left = Math.min(locksAt, endsAt) - Date.now();
    if (!Number.isFinite(left)) {
      timer = window.setTimeout(ask, REPORT_EVERY);
    } else if (left > WARN_SECONDS * 1000) {
      if (warning.open && locksAt - Date.now() > WARN_SECONDS * 1000) closeWarning();
      // A browser that slept runs late timers at once, so long waits need no other care.
      timer = window.setTimeout(schedule, left - WARN_SECONDS * 1000);
    } else if (left > 0) {
      countdown.textContent = String(Math.ceil(left / 1000));
      if (!warning.open) warning.showModal();
      timer = window.setTimeout(schedule, 1000);
    } else {
      ask();
    }
  }

  function closeWarning() {
    reportedAt = Date.now(); // closing reports, unless another tab just did
    warning.close();
  }

  function cover() {
    if (locked) return;
    locked = true;
    cameFrom = document.activeElement;
    if (warning.open) warning.close();
    document.documentElement.classList.add("is-locked");
    document.title = urls.titleText;
    screen.showModal();
    document.dispatchEvent(new CustomEvent("hub:locked"));
  }

  function uncover() {
    if (!locked) return;
    locked = false;
    document.documentElement.classList.remove("is-locked");
    document.title = title;
    error.textContent = "";
    password.value = "";
    screen.close();
    if (cameFrom && cameFrom.isConnected) cameFrom.focus({ preventScroll: true });
    document.dispatchEvent(new CustomEvent("hub:unlocked"));
  }

  async function lockNow() {
    const question = ++questions;
    const answer = await send(urls.lockUrl);
    if (answer && answer.ok) {
      tabs.postMessage("locked");
      apply(await answer.json(), question);
    }
  }

  async function unlock(event) {
    event.preventDefault();
    await open(urls.unlockUrl, { password: password.value });
  }

  async function unlockByPasskey() {
    error.textContent = "";
    try {
      const answer = await fetch(urls.passkeyUrl, { headers: { Accept: "application/json" } });
      const options = (await answer.json()).request_options;
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey);
      const credential = await navigator.credentials.get({ publicKey });
      await open(urls.passkeyUrl, { credential: JSON.stringify(credential.toJSON()) });
    } catch {
      // No passkey here, or the person waved the browser's question away.
      error.textContent = urls.failedText;
    }
  }

  async function open(url, fields) {
    error.textContent = "";
    const question = ++questions;
    const answer = await send(url, fields);
    if (!answer) {
      error.textContent = urls.offlineText;
    } else if (answer.ok) {
      tabs.postMessage("unlocked");
      apply(await answer.json(), question);
    } else if (answer.status === 401) {
      await ask();
    } else {
      const told = await answer.json().catch(() => ({}));
      error.textContent = told.error || urls.failedText;
      password.select();
    }
  }

  function send(url, fields = {}) {
    const body = new URLSearchParams(fields);
    body.set("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
    return fetch(url, {
      method: "POST",
      body,
      headers: { Accept: "application/json" },
      keepalive: true,
    }).catch(() => null);
  }
}

// A log-in in another tab changed the secret behind all tokens of this page.
function renewTokens(token) {
  for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) input.value = token;
  document.dispatchEvent(new CustomEvent("hub:csrf", { detail: token }));
}

// What all modules of the console share: words in the person's language, requests, small parsing.

export const frame = () => document.getElementById("console");
export const me = () => frame().dataset.me;
export const conversation = () => document.querySelector("#conversation[data-uuid]");

/** A sentence of templates/console/partials/words.html, with {names} filled in. */
export function words(key, values = {}) {
  const text = document.getElementById("words").dataset[key] ?? "";
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The elements of a fragment that the server rendered (escaped there). */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

/** An answer that was refused: `message` is a sentence for the person, `code` its name. */
export class Refused extends Error {
  constructor(message, code, status) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** The network failed: nothing is known of what the server did. */
export class Unreachable extends Error {}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", ...options });
  } catch {
    throw new Unreachable(words("offline"));
  }
  if (response.ok) return response;
  const kind = response.headers.get("Content-Type") ?? "";
  const body = kind.includes("json") ? await response.json() : {};
  // The lock screen (static/js/idle-lock.js) shows itself on 401 and 423.
  if (response.status === 401 || response.status === 423) {
    document.dispatchEvent(new CustomEvent("console:locked"));
    throw new Refused(words("locked"), "Locked", response.status);
  }
  throw new Refused(body.error ?? words("failed"), body.code ?? "", response.status);
}

/** Fetch a fragment of a page. */
export async function get(path) {
  const response = await ask(path, { headers: { "HX-Request": "true" } });
  return response.text();
}

export async function getJson(path) {
  const response = await ask(path, { headers: { "HX-Request": "true" } });
  return response.json();
}

/** Post fields (an object or FormData); returns the answer's JSON, or null where there is none. */
export async function post(path, fields = {}, options = {}) {
  const body = fields instanceof FormData ? fields : new FormData();
  if (body !== fields) {
    for (const [name, value] of Object.entries(fields)) body.append(name, value ?? "");
  }
  const response = await ask(path, {
    method: "POST",
    body,
    headers: { "HX-Request": "true", "X-CSRFToken": csrf() },
    ...options,
  });
  return response.status === 204 ? null : response.json();
}

/** The newest token: logging in again in another tab changes it. */
function csrf() {
  const cookie = document.cookie.split("; ").find((one) => one.startsWith("csrftoken="));
  return cookie ? cookie.slice("csrftoken=".length) : frame().dataset.csrf;
}

/** Call `wait` ms after the last call; `.now()` runs what waits at once. */
export function debounced(work, wait) {
  let timer = 0;
  const run = () => {
    timer = 0;
    return work();
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(run, wait);
  };
  later.now = () => {
    if (!timer) return undefined;
    clearTimeout(timer);
    return run();
  };
  later.cancel = () => {
    clearTimeout(timer);
    timer = 0;
  };
  return later;
}

/** Tell screen readers; urgent things at once. */
export function announce(text, { urgent = false } = {}) {
  const region = document.getElementById(urgent ? "assertive" : "polite");
  const line = document.createElement("p");
  line.textContent = text;
  region.append(line);
  while (region.children.length > 5) region.firstElementChild.remove();
}

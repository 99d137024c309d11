/* What the browser keeps: the token, the language, and what is not sent yet. In a frame the browser
   gives each embedding site a store of its own. Where it gives none, the page's memory serves. */

const memory = new Map();

function store(kind) {
  try {
    const found = window[kind];
    found.getItem("hub-chat");
    return found;
  } catch {
    return null;
  }
}

function keeper(kind) {
  const found = store(kind);
  return {
    get(key) {
      const text = found ? found.getItem(key) : memory.get(kind + key);
      try {
        return text ? JSON.parse(text) : null;
      } catch {
        return null;
      }
    },
    set(key, value) {
      const text = value === null ? null : JSON.stringify(value);
      try {
        if (!found) memory.set(kind + key, text);
        else if (text === null) found.removeItem(key);
        else found.setItem(key, text);
      } catch {
        memory.set(kind + key, text); // full, or forbidden since
      }
    },
  };
}

export const lasting = keeper("localStorage");
export const isLasting = store("localStorage") !== null;
/* Unsent words go with the tab. */
export const ofThisTab = keeper("sessionStorage");

/** Return `bytes` random bytes as text for a URL. */
export function randomText(bytes) {
  const raw = crypto.getRandomValues(new Uint8Array(bytes));
  return btoa(String.fromCharCode(...raw)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
}

/** Return a random UUID; also on pages without TLS, where crypto.randomUUID is missing. */
export function randomUuid() {
  const raw = crypto.getRandomValues(new Uint8Array(16));
  raw[6] = (raw[6] & 15) | 64;
  raw[8] = (raw[8] & 63) | 128;
  const hex = [...raw].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** How numbers, times and links are written. */

const LONGEST_LINK = 28;
const LINK = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/g;
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const SECONDS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

/** (555) 010-0142 for +15550100142; other countries stay as they are. */
export function showNumber(e164) {
  const parts = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(e164);
  return parts ? `(${parts[1]}) ${parts[2]}-${parts[3]}` : e164;
}

export const showTime = (iso) => CLOCK.format(new Date(iso));
export const showSeconds = (iso) => SECONDS.format(new Date(iso));

/** 01:12 for 72 seconds, 1:00:00 for an hour. */
export function showLength(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  if (!parts[0]) parts.shift();
  return parts.map((part, at) => (at || parts.length === 2 ? `${part}`.padStart(2, "0") : part)).join(":");
}

/** Put a text into an element, its web addresses as links that open in a new tab. */
export function writeWithLinks(element, text) {
  element.replaceChildren();
  let written = 0;
  for (const { 0: address, index } of text.matchAll(LINK)) {
    element.append(text.slice(written, index), makeLink(address));
    written = index + address.length;
  }
  element.append(text.slice(written));
}

function makeLink(address) {
  const link = document.createElement("a");
  const short = address.replace(/^https?:\/\//, "");
  link.href = address;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.title = address;
  link.textContent = short.length > LONGEST_LINK ? `${short.slice(0, LONGEST_LINK - 1)}…` : short;
  return link;
}

/** A copy of a <template>, and its parts by their data- attribute. */
export function copyTemplate(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  return { element, part: (name) => element.querySelector(`[data-${name}]`) };
}

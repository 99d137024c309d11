// Of a person's open tabs one is the telephone; the others show the same bar and steer it from afar.
// The browser's lock says which (it passes on when that tab goes), a channel joins them.

import { me } from "../dom.js";

const name = () => `hub.phone.${me()}`;
let channel = null;
let leads = false;
let takeOrder = () => {};
let takeNews = () => {};

/** Whether this tab is the telephone. */
export const isLeader = () => leads;

/** Whether this browser lets tabs agree: it does on https and on this machine. */
export const canAgree = () => Boolean(navigator.locks) && "BroadcastChannel" in window;

/**
 * Take part. `lead` is called once, when this tab becomes the telephone; `obey(order)` there, with
 * what some tab ordered; `learn(news)` in all the others.
 */
export function startTabs({ lead, obey, learn }) {
  takeOrder = obey;
  takeNews = learn;
  channel = new BroadcastChannel(name());
  channel.addEventListener("message", ({ data }) => {
    if (data.for === "leader" && leads) takeOrder(data);
    else if (data.for === "all" && !leads) takeNews(data);
  });
  navigator.locks.request(name(), () => {
    leads = true;
    lead();
    return new Promise(() => {}); // held until the tab goes
  });
  order({ what: "hello" });
}

/** Have the telephone do something, in whichever tab it is. */
export function order(message) {
  if (leads) takeOrder(message);
  else channel?.postMessage({ ...message, for: "leader" });
}

/** From the telephone to the other tabs. */
export function tellTabs(news) {
  channel?.postMessage({ ...news, for: "all" });
}

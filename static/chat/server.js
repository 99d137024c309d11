/* The hub's HTTP side: a bearer token, never a cookie. */

import { currentLanguage } from "./words.js";

/** What the hub refused, or that it could not be reached (`code` "offline"). */
export class Refused extends Error {
  constructor(code, message, status = 0) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export async function call(path, { session, json, form, method } = {}) {
  const headers = { "Chat-Language": currentLanguage() };
  if (session) {
    headers.Authorization = `Bearer ${session.token}`;
    headers["Chat-Site"] = session.site;
  }
  if (json) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, {
      method: method ?? (json || form ? "POST" : "GET"),
      headers,
      body: json ? JSON.stringify(json) : form,
      credentials: "omit",
      cache: "no-store",
    });
  } catch {
    throw new Refused("offline", "");
  }
  if (answer.ok) return answer;
  let told = {};
  try {
    told = await answer.json();
  } catch {
    /* a proxy's page; the status says enough */
  }
  throw new Refused(told.error ?? (answer.status >= 500 ? "offline" : "failed"), told.message ?? "", answer.status);
}

/* Name and birth date, one question at a time, each of which may be skipped. */

import { byId, make } from "./dom.js";
import { currentLanguage, words } from "./words.js";

export class Ask {
  /** `tell` gets {name} or {birth_date}; `drawn` is called with each question, `done` after the last. */
  constructor({ tell, done, drawn }) {
    this.tell = tell;
    this.drawn = drawn;
    this.done = done;
    this.questions = [];
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.answer();
    });
    byId("ask-skip").addEventListener("click", () => this.next());
  }

  begin() {
    this.questions = ["name", "birth"];
    this.draw();
  }

  stop() {
    this.questions = [];
    byId("ask").hidden = true;
  }

  next() {
    const hadFocus = byId("ask").contains(document.activeElement);
    this.questions.shift();
    this.draw();
    if (!this.questions.length) this.done();
    else if (hadFocus) byId("ask").querySelector("input").focus();
  }

  draw() {
    const question = this.questions[0];
    byId("ask").hidden = !question;
    if (!question) return;
    byId("ask-title").textContent = words(question === "name" ? "askName" : "askBirth");
    byId("ask-why").textContent = words("askWhy");
    byId("ask-error").textContent = "";
    byId("ask-fields").replaceChildren(...(question === "name" ? nameField() : birthFields()));
    this.drawn();
  }

  answer() {
    const value = (id) => byId(id)?.value.trim() ?? "";
    if (this.questions[0] === "name") {
      if (value("ask-name")) this.tell({ name: value("ask-name") });
      this.next();
      return;
    }
    if (!value("ask-year") && !value("ask-month") && !value("ask-day")) {
      this.next();
      return;
    }
    const date = isoDate(value("ask-year"), value("ask-month"), value("ask-day"));
    if (!date) {
      byId("ask-error").textContent = words("badBirth");
      byId("ask").querySelector("input").focus();
      return;
    }
    this.tell({ birth_date: date });
    this.next();
  }
}

function nameField() {
  return [
    make("label", { className: "hidden-words", htmlFor: "ask-name" }, words("name")),
    make("input", { id: "ask-name", className: "field wide", autocomplete: "name", maxLength: 200 }),
  ];
}

/* In the order in which dates are written in that language. */
function birthFields() {
  const part = (id, label, length, auto) =>
    make(
      "label",
      { className: `part part-${length}` },
      make("span", {}, words(label)),
      make("input", {
        id,
        className: "field",
        inputMode: "numeric",
        autocomplete: auto,
        maxLength: length,
      }),
    );
  const month = part("ask-month", "month", 2, "bday-month");
  const day = part("ask-day", "day", 2, "bday-day");
  const year = part("ask-year", "year", 4, "bday-year");
  return currentLanguage() === "es" ? [day, month, year] : [month, day, year];
}

/** Return the date as 1961-03-12, or nothing where there is no such day. */
export function isoDate(year, month, day) {
  if (!/^\d{4}$/.test(year) || !/^\d{1,2}$/.test(month) || !/^\d{1,2}$/.test(day)) return "";
  const date = new Date(Date.UTC(+year, +month - 1, +day));
  const exists = date.getUTCMonth() === +month - 1 && date.getUTCDate() === +day;
  if (!exists || date > new Date() || +year < 1890) return "";
  return date.toISOString().slice(0, 10);
}

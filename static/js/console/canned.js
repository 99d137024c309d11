// Ready replies: "/" at the beginning of the text or of a word opens them, letters narrow them.

import { getJson, words } from "./dom.js";

const TOKEN = /(?:^|\s)\/([\p{L}\p{N}_-]*)$/u;

export function startCanned(form, field, { insert }) {
  const box = document.getElementById("canned");
  let shown = [];
  let at = 0;
  let asked = 0;

  const token = () => TOKEN.exec(field.value.slice(0, field.selectionStart));
  const close = () => {
    box.hidden = true;
    shown = [];
    field.removeAttribute("aria-activedescendant");
    field.removeAttribute("aria-controls");
  };

  async function look() {
    const found = token();
    if (!found) {
      close();
      return;
    }
    const mine = (asked += 1);
    let answer;
    try {
      answer = await getJson(`${form.dataset.canned}?q=${encodeURIComponent(found[1])}`);
    } catch {
      close(); // the words stay as typed; "/" again asks again
      return;
    }
    if (mine !== asked || !token()) return;
    shown = answer.replies;
    at = 0;
    draw();
  }

  function draw() {
    box.replaceChildren(
      ...shown.map((reply, index) => {
        const option = document.createElement("div");
        option.id = `canned-${index}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", String(index === at));
        for (const [name, text] of [
          ["canned-key", `/${reply.shortcut}`],
          ["muted", `${reply.title} · ${reply.language}`],
          ["canned-body", reply.body],
        ]) {
          const part = document.createElement("span");
          part.className = name;
          part.dir = "auto";
          part.textContent = text;
          option.append(part);
        }
        option.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          choose(index);
        });
        return option;
      }),
    );
    if (!shown.length) {
      const none = document.createElement("p");
      none.className = "muted";
      none.setAttribute("role", "option");
      none.setAttribute("aria-disabled", "true");
      none.textContent = words("noReply");
      box.append(none);
    }
    box.hidden = false;
    field.setAttribute("aria-controls", "canned");
    if (shown.length) field.setAttribute("aria-activedescendant", `canned-${at}`);
    box.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function choose(index) {
    const found = token();
    if (!found || !shown[index]) return;
    const end = field.selectionStart;
    const start = end - found[1].length - 1;
    field.setRangeText(shown[index].body, start, end, "end");
    close();
    field.focus();
    insert();
  }

  field.addEventListener("input", look);
  field.addEventListener("blur", () => setTimeout(() => document.activeElement !== field && close(), 100));
  field.addEventListener("keydown", (event) => {
    if (box.hidden) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      close();
    } else if (!shown.length) return;
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = (at + (event.key === "ArrowDown" ? 1 : -1) + shown.length) % shown.length;
      draw();
    } else if (event.key === "Enter" || event.key === "Tab") {
      event.preventDefault();
      choose(at);
    }
  });
  document.getElementById("canned-open").addEventListener("click", () => {
    const text = field.value;
    field.focus();
    if (!token()) field.setRangeText(text && !/\s$/.test(text) ? " /" : "/", text.length, text.length, "end");
    look();
  });
}

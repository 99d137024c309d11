/* Where the visitor writes: words, files, and whether somebody is writing. */

import { byId, make } from "./dom.js";
import { words } from "./words.js";

const TYPING_EVERY_MS = 2500;
const MOST_FILES = 10;

export class Composer {
  /** `on` has: write(text, files), typing(). */
  constructor({ maxBytes, on }) {
    this.on = on;
    this.maxBytes = maxBytes;
    this.files = [];
    this.typedAt = 0;
    this.form = byId("composer");
    this.text = byId("text");
    this.picker = byId("file");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.text.addEventListener("input", () => {
      this.fit();
      this.type();
    });
    this.text.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        this.submit();
      }
    });
    this.text.addEventListener("paste", (event) => this.add(event.clipboardData?.files ?? [], event));
    this.picker.addEventListener("change", () => {
      this.add(this.picker.files);
      this.picker.value = "";
    });
  }

  submit() {
    const text = this.text.value.trim();
    if (!text && !this.files.length) {
      this.text.focus();
      return;
    }
    const files = this.files;
    this.text.value = "";
    this.files = [];
    this.drawFiles();
    this.fit();
    this.tell("");
    this.text.focus();
    this.on.write(text, files);
  }

  put(text) {
    this.text.value = text;
    this.fit();
  }

  type() {
    const now = Date.now();
    if (this.text.value.trim() && now - this.typedAt > TYPING_EVERY_MS) {
      this.typedAt = now;
      this.on.typing();
    }
  }

  add(files, event) {
    if (files.length) event?.preventDefault();
    this.tell("");
    for (const file of files) {
      if (file.size > this.maxBytes) {
        this.tell(words("too_large", { name: file.name, limit: this.maxBytes / 1024 / 1024 }));
      } else if (this.files.length >= MOST_FILES) this.tell(words("many"));
      else this.files.push(file);
    }
    this.drawFiles();
    if (files.length) this.text.focus();
  }

  drawFiles() {
    byId("files").replaceChildren(
      ...this.files.map((file) => {
        const remove = make(
          "button",
          { type: "button", className: "chip", "aria-label": words("removeFile", { name: file.name }) },
          make("span", { className: "file-name" }, file.name),
          make("span", { "aria-hidden": "true" }, " ×"),
        );
        remove.addEventListener("click", () => {
          this.files = this.files.filter((one) => one !== file);
          this.drawFiles();
          this.text.focus();
        });
        return make("li", {}, remove);
      }),
    );
  }

  tell(sentence) {
    byId("refused").textContent = sentence;
  }

  speak() {
    this.text.placeholder = words("write");
    this.drawFiles();
  }

  fit() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight + 2, 140)}px`;
  }
}

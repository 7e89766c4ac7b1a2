// The list of conversations: open, rename, delete.

import { ago, icon, make, toast } from "/static/frame.js";
import { call } from "/static/wire.js";

export class Conversations {
  // `open(key)` and `gone(key)` are the page's.
  constructor(open, gone) {
    this.open = open;
    this.gone = gone;
    this.list = document.getElementById("conversations");
    this.current = "";
    this.entries = [];
    document.addEventListener("click", (event) => {
      for (const menu of this.list.querySelectorAll("details[open]")) if (!menu.contains(event.target)) menu.open = false;
    });
  }

  async refresh() {
    this.entries = (await call("GET", "/conversations")).conversations;
    this.draw();
  }

  title(key) {
    return this.entries.find((entry) => entry.key === key)?.title;
  }

  mark(key) {
    this.current = key;
    this.draw();
  }

  draw() {
    this.list.replaceChildren(...this.entries.map((entry) => this.row(entry)));
  }

  row(entry) {
    const link = make(
      "a.conversation",
      { href: `/c/${entry.key}`, title: `${entry.title}, ${ago(entry.updated)}`, "aria-current": entry.key === this.current ? "page" : null },
      entry.title,
    );
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.open(entry.key);
    });
    const item = make("li", {}, link);
    const menu = make(
      "details.menu",
      {},
      make("summary.ghost", { "aria-label": `More about ${entry.title}` }, icon("more")),
      make(
        "div",
        {},
        make("button.row", { type: "button", onclick: () => this.rename(entry, item) }, icon("edit"), "Rename"),
        make("button.row", { type: "button", onclick: (event) => this.remove(entry, event.currentTarget) }, icon("trash"), make("span", {}, "Delete")),
      ),
    );
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopPropagation();
    });
    item.append(menu);
    return item;
  }

  rename(entry, item) {
    const input = make("input", { value: entry.title, maxlength: "120", "aria-label": "New name" });
    item.replaceChildren(make("form.rename", {}, input));
    let done = false;
    const end = async (keep) => {
      if (done) return;
      done = true;
      const title = input.value.trim();
      if (keep && title && title !== entry.title) {
        await this.try(() => call("PATCH", `/conversations/${entry.key}`, { title }));
      }
      await this.try(() => this.refresh());
      if (entry.key === this.current) document.getElementById("title").textContent = this.title(entry.key) ?? "";
    };
    input.addEventListener("keydown", (event) => {
      if (event.key === "Escape") end(false);
    });
    input.addEventListener("blur", () => end(true));
    input.form.addEventListener("submit", (event) => {
      event.preventDefault();
      end(true);
    });
    input.select();
  }

  // The second press deletes: there is no way back, and no dialog in the way.
  async remove(entry, button) {
    if (!button.classList.contains("sure")) {
      button.classList.add("sure");
      button.querySelector("span").textContent = "Delete for good";
      return;
    }
    if (!(await this.try(() => call("DELETE", `/conversations/${entry.key}`)))) return;
    toast(`“${entry.title}” is deleted.`);
    this.gone(entry.key);
    await this.try(() => this.refresh());
  }

  async try(action) {
    try {
      await action();
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  }
}

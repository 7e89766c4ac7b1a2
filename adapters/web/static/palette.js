// The command palette over the message box: commands, their options and values, drawn from GET /commands.

import { make } from "/static/frame.js";
import { context, needsMore, openOptions, quoted } from "/static/grammar.js";
import { call } from "/static/wire.js";

const HELD = new Set(["ArrowDown", "ArrowUp", "Tab", "Enter"]);

export class Palette {
  constructor(input) {
    this.input = input;
    this.box = document.getElementById("palette");
    this.list = document.getElementById("palette-list");
    this.help = document.getElementById("palette-help");
    this.commands = [];
    this.items = [];
    this.active = -1;
    this.asked = 0;
    this.waiting = false; // for the choices of what is typed by now: those shown are of what was typed before
    this.held = []; // keys pressed meanwhile
    this.dismissed = false;
    input.addEventListener("input", () => {
      this.dismissed = false;
      this.update();
    });
    input.addEventListener("click", () => this.update());
    input.addEventListener("keyup", (event) => {
      if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) this.update();
    });
    input.addEventListener("blur", () => this.close());
    this.box.addEventListener("mousedown", (event) => event.preventDefault()); // the input keeps the focus
  }

  async load() {
    this.commands = (await call("GET", "/commands")).commands;
    if (document.activeElement === this.input) this.update(); // for what was typed meanwhile
  }

  get open() {
    return !this.box.hidden;
  }

  close() {
    this.asked += 1; // choices that are on their way come too late
    this.box.hidden = true;
    this.items = [];
    this.active = -1;
    this.waiting = false;
    this.held = [];
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }

  async update() {
    const asked = ++this.asked;
    const where = this.dismissed ? null : context(this.input.value, this.input.selectionStart, this.commands);
    if (!where) return this.close();
    this.waiting = true;
    const items = await this.choices(where);
    if (asked !== this.asked) return; // typed on meanwhile
    this.waiting = false;
    const command = where.command ?? (items.length ? items[0].command : null);
    if (!items.length && where.kind === "name") return this.close();
    const same = this.open && alike(items, this.items);
    this.items = items;
    // In the middle of free words Enter has to send, so nothing is chosen there until an arrow is pressed.
    if (!same) this.active = items.length && where.kind !== "option" && !this.exact(where, items) ? 0 : -1;
    this.box.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.list.replaceChildren(...items.map((item, at) => this.row(item, at)));
    this.list.hidden = !items.length;
    this.explain(command, where.option);
    this.mark();
    for (const key of this.held.splice(0)) {
      if (!this.press(key) && key === "Enter") this.input.form.requestSubmit();
    }
  }

  async choices(where) {
    const { start } = where;
    if (where.kind === "name") {
      return this.commands
        .filter((command) => command.name.startsWith(where.typed))
        .map((command) => ({ label: `/${command.name}`, words: command.description, command, start, insert: `/${command.name} ` }));
    }
    if (where.kind === "option") {
      return openOptions(where.command, this.input.value, where.typed)
        .filter((option) => !option.rest)
        .map((option) => ({
          label: `${option.name}:`, words: option.description, tag: option.required ? "needed" : option.default,
          start, insert: `${option.name}:`,
        }));
    }
    if (where.kind === "value") {
      return (await this.values(where)).map((choice) => ({
        label: choice.label, words: choice.value === choice.label ? "" : choice.value, value: choice.value,
        start, insert: `${quoted(choice.value)} `,
      }));
    }
    return [];
  }

  async values({ command, option, typed }) {
    if (!option.suggests) {
      const start = typed.toLowerCase();
      return option.choices.filter((choice) => `${choice.label} ${choice.value}`.toLowerCase().includes(start));
    }
    const query = new URLSearchParams({ command: command.name, option: option.name, typed });
    try {
      return (await call("GET", `/commands/suggest?${query}`)).choices;
    } catch {
      return []; // typing goes on without suggestions
    }
  }

  // Typed to its end: Enter shall send it, not complete it.
  exact(where, items) {
    if (where.kind === "name") return items[0].command.name === where.typed && !needsMore(items[0].command);
    return where.kind === "value" && items.some((item) => item.value.toLowerCase() === where.typed.toLowerCase());
  }

  row(item, at) {
    return make(
      "li.choice",
      { role: "option", id: `choice-${at}`, "aria-selected": "false", onclick: () => this.choose(item), onmousemove: (event) => this.point(event, at) },
      make("span.choice-label", {}, item.label),
      make("span.choice-words", {}, item.words || ""),
      item.tag ? make("span.choice-tag", {}, item.tag) : null,
    );
  }

  explain(command, option) {
    if (!command) return this.help.replaceChildren();
    const examples = command.examples.slice(0, 3).map((line) =>
      make("button.example", { type: "button", tabindex: "-1", onclick: () => this.take(line) }, line),
    );
    const parts = [make("p.usage", {}, ...this.usage(command, option))];
    if (option) parts.push(make("p", {}, optionWords(option)));
    else if (command.help) parts.push(make("p", {}, command.help));
    if (examples.length && !option) parts.push(make("div.example-list", {}, ...examples));
    this.help.replaceChildren(...parts);
  }

  usage(command, current) {
    return command.usage.split(" ").flatMap((word) => {
      const name = /[a-z_]+/.exec(word)?.[0];
      const mine = current && name === current.name && !word.startsWith("/");
      return [make(mine ? "b" : "span", {}, word), " "];
    });
  }

  take(line) {
    this.input.value = line;
    this.dismissed = true;
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
    this.close();
    this.dismissed = true;
    this.input.focus();
  }

  choose(item) {
    const { value, selectionStart } = this.input;
    const after = value.slice(selectionStart).replace(/^\s+/, "");
    this.input.value = value.slice(0, item.start) + item.insert + after;
    const caret = item.start + item.insert.length;
    this.input.setSelectionRange(caret, caret);
    this.input.focus();
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // A list that is drawn under a mouse at rest sends a move too, which is none of the reader's.
  point(event, at) {
    if (event.movementX || event.movementY) this.select(at);
  }

  select(at) {
    if (at === this.active) return;
    this.active = at;
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((row, at) => row.setAttribute("aria-selected", String(at === this.active)));
    const row = this.list.children[this.active];
    if (row) {
      this.input.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    } else this.input.removeAttribute("aria-activedescendant");
  }

  // True when the palette took the key.
  key(event) {
    if (!this.open || event.shiftKey) return false;
    if (this.waiting && HELD.has(event.key)) this.held.push(event.key);
    else if (!this.press(event.key)) return false;
    event.preventDefault();
    return true;
  }

  press(key) {
    const many = this.items.length;
    if (key === "Escape") {
      this.dismissed = true;
      this.close();
    } else if (key === "ArrowDown" && many) this.select((this.active + 1) % many);
    else if (key === "ArrowUp" && many) this.select((this.active <= 0 ? many : this.active) - 1);
    else if (key === "Tab" && many) this.choose(this.items[Math.max(0, this.active)]);
    else if (key === "Enter" && this.active >= 0) this.choose(this.items[this.active]);
    else return false;
    return true;
  }
}

function alike(some, others) {
  const words = (item) => `${item.label} ${item.start} ${item.insert}`;
  return some.length === others.length && some.every((item, at) => words(item) === words(others[at]));
}

function optionWords(option) {
  const range = option.minimum != null && option.maximum != null ? ` From ${option.minimum} to ${option.maximum}.` : "";
  const usual = option.default ? ` Usually ${option.default}.` : "";
  return `${option.description.replace(/\.?$/, ".")}${range}${usual}`;
}

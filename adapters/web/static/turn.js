// One turn on the page: the question, the answer as it grows, and everything under it.

import { icon, make } from "/static/frame.js";
import { controls } from "/static/controls.js";
import { sources, cite } from "/static/sources.js";

const STATES = {
  stopped: "Stopped here.",
  broken: "This answer broke off before its end.",
  failed: "This question could not be answered.",
  running: "Still being written, in another window perhaps.",
};

export class Turn {
  // `actions`: press(turn, button, value), retry(turn), of the thread that the turn is in.
  constructor(question, actions, pressed = false) {
    this.question = question;
    this.actions = actions;
    this.id = "";
    this.view = null;
    this.shown = [];
    this.said = make(pressed ? "p.pressed" : "div.said", {}, ...questionParts(question));
    this.waitingLine = make("p.waiting", {});
    this.blocks = make("div.blocks", {});
    this.below = make("div.below", {});
    this.asides = make("div.asides", { role: "status" });
    this.answer = make("div.answer", {}, this.waitingLine, this.blocks, this.below, this.asides);
    this.element = make("article.turn", {}, question ? this.said : null, this.answer);
  }

  static of(view, actions) {
    const turn = new Turn(view.question, actions);
    turn.finish(view);
    return turn;
  }

  get running() {
    return this.element.classList.contains("running");
  }

  start() {
    this.element.classList.add("running");
    this.answer.setAttribute("aria-busy", "true");
    this.shown = [];
    this.blocks.replaceChildren();
    this.below.replaceChildren();
    this.asides.replaceChildren();
    this.wait("");
  }

  wait(words) {
    this.waitingLine.replaceChildren(make("span.dots", { "aria-hidden": "true" }, make("i"), make("i"), make("i")), words);
    this.waitingLine.hidden = false;
  }

  stopping() {
    this.element.classList.add("stopping");
  }

  rate(rating) {
    this.view.rating = rating;
    for (const button of this.below.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.dataset.control === rating));
    }
  }

  text(first, blocks) {
    this.waitingLine.hidden = true;
    this.show(first, blocks);
  }

  // Only blocks that differ are touched, so that nothing flickers and a selection survives.
  show(first, blocks) {
    blocks.forEach((html, offset) => {
      const number = first + offset;
      if (this.shown[number] === html && this.blocks.children[number]) return;
      const block = make("div.block");
      block.innerHTML = html; // made safe by the server
      dress(block);
      if (this.blocks.children[number]) this.blocks.children[number].replaceWith(block);
      else this.blocks.append(block);
      this.shown[number] = html;
    });
    while (this.blocks.children.length > first + blocks.length) this.blocks.lastChild.remove();
    this.shown.length = first + blocks.length;
  }

  finish(view) {
    this.view = view;
    this.id = view.turn;
    this.element.classList.remove("running", "failed", "stopping");
    this.answer.removeAttribute("aria-busy");
    this.waitingLine.hidden = true;
    this.show(0, view.blocks);
    cite(this.blocks, view.sources);
    const troubled = view.state === "broken" || view.state === "failed";
    const again = view.buttons.some((button) => button.control === "retry");
    this.below.replaceChildren(
      ...[
        troubled ? this.trouble(again, ...(view.notes.length ? view.notes.map(note) : [make("p", {}, STATES[view.text ? "broken" : view.state])])) : null,
        !troubled && STATES[view.state] ? make("p.state", {}, icon("stop"), STATES[view.state]) : null,
        ...(troubled ? [] : view.notes.map(note)),
        view.files.length ? make("ul.files", {}, ...view.files.map(file)) : null,
        view.sources.length ? sources(view.sources) : null,
        troubled && !view.text ? null : controls(this, troubled),
      ].filter(Boolean),
    );
  }

  fail(words) {
    this.element.classList.remove("running", "stopping");
    this.element.classList.add("failed");
    this.answer.removeAttribute("aria-busy");
    this.waitingLine.hidden = true;
    if (this.view) this.finish(this.view);
    else this.blocks.replaceChildren();
    if (this.view) this.aside(make("p", {}, words));
    else this.below.replaceChildren(this.trouble(true, make("p", {}, words)));
  }

  // `again`: whether another try may come to more than the same words.
  trouble(again, ...words) {
    const box = make("div.trouble", { role: "alert" }, icon("alert"), make("div", {}, ...words));
    const retry = { type: "button", onclick: () => this.actions.retry(this) };
    if (again) box.append(make("button.quiet", retry, icon("retry"), "Retry"));
    return box;
  }

  // Something only the reader is told, in a small box under the answer.
  aside(...content) {
    const close = make("button.ghost", { type: "button", "aria-label": "Close", onclick: () => box.remove() }, icon("close"));
    const box = make("div.aside", {}, make("div", {}, ...content), close);
    this.asides.replaceChildren(box);
    return box;
  }

  asideBlocks(view) {
    const blocks = view.blocks.map((html) => {
      const block = make("div.block");
      block.innerHTML = html;
      dress(block);
      return block;
    });
    return this.aside(...blocks, ...view.files.map(file));
  }
}

function questionParts(question) {
  const typed = /^([/!][a-z][a-z_-]*)([\s\S]*)$/i.exec(question || "");
  return typed ? [make("span.command", {}, typed[1]), typed[2]] : [question];
}

function dress(block) {
  for (const pre of block.querySelectorAll("pre")) {
    const copy = make("button.ghost", { type: "button", "aria-label": "Copy this code", title: "Copy" }, icon("copy"));
    copy.addEventListener("click", () => copyText(pre.innerText, copy));
    const head = make("div.code-head", {}, make("span", {}, pre.dataset.language || "code"), copy);
    const box = make("div.code");
    pre.replaceWith(box);
    pre.tabIndex = 0; // so that the keyboard can scroll it
    box.append(head, pre);
  }
  for (const table of block.querySelectorAll("table")) {
    const box = make("div.wide", { tabindex: "0" });
    table.replaceWith(box);
    box.append(table);
  }
}

export async function copyText(text, button) {
  await navigator.clipboard.writeText(text);
  button.replaceChildren(icon("check"));
  setTimeout(() => button.replaceChildren(icon("copy")), 1500);
}

function note(blocks) {
  const line = make("div.note");
  line.innerHTML = blocks.join(""); // made safe by the server
  return line;
}

function file(one) {
  const bytes = Uint8Array.from(atob(one.content), (letter) => letter.charCodeAt(0));
  const link = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  return make("li", {}, make("a.file", { href: link, download: one.name }, icon("save"), one.name));
}

// One item as drawn: the question, the answer against the better one, what it was made from, what was said of it.

import { ago, icon, make } from "/static/frame.js";
import { showDiff } from "/static/review/diff.js";
import { sources } from "/static/sources.js";

const STATES = { approved: "Approved", edited: "Edited", rejected: "Rejected: the answer stands" };

export class Paper {
  constructor() {
    this.element = document.getElementById("paper");
    this.box = null; // the text box while somebody writes the better answer
  }

  empty(words) {
    this.box = null;
    this.element.replaceChildren(make("p.nothing", {}, icon("check"), words));
  }

  show(item) {
    this.item = item;
    this.box = null;
    this.left = make("div.text", { lang: "" });
    this.right = make("div.text", { lang: "" });
    const better = item.state === "open" ? item.suggestion : item.correction;
    this.element.replaceChildren(
      ...[
        this.head(item),
        this.complaints(item),
        part("Question", make("div.text.question", { lang: "" }, item.question || "Nothing of the question is kept."), item.rewritten ? fine(`Trains as: ${item.rewritten}`) : null),
        make(
          "div.compare",
          {},
          part("Answer", this.left),
          better || item.state === "open" ? (this.rightPart = part(this.rightTitle(item), this.right)) : null,
        ),
        (this.translation = make("div.translation", { "aria-live": "polite" })),
        item.sources.length ? sources(item.sources) : null,
        prompt(item),
        votes(item),
      ].filter(Boolean),
    );
    showDiff(this.left, this.right, item.answer, better);
    if (!better && item.state === "open") this.right.replaceChildren(make("p.small", {}, "Nobody has written a better one. Press E to do so, or A if there is none to give."));
    this.element.scrollTop = 0;
  }

  rightTitle(item) {
    if (item.state !== "open") return "Better answer";
    if (!item.suggestion) return "Better answer";
    return item.needed > 1 ? "Proposed, to be agreed on by two" : "Proposed";
  }

  head(item) {
    const place = item.server ? `${item.platform} ${item.server}` : item.platform;
    const status = item.state !== "open"
      ? `${STATES[item.state] ?? item.state} by ${item.decider}, ${ago(item.decided)}`
      : item.escalator
        ? `Passed on by ${item.escalator}`
        : item.claimed
          ? `Yours until ${new Date(item.until).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`
          : item.claimer
            ? `${item.claimer} is looking at it`
            : "";
    return make(
      "header.facts",
      {},
      make("span.chip", {}, `/${item.scenario}`),
      make("span", { title: new Date(item.asked).toLocaleString() }, `asked ${ago(item.asked)}, ${place}`),
      item.model ? make("span.model", { title: "What answered" }, item.model) : null,
      (this.gold = make("span.chip.gold", { hidden: !item.golden }, icon("star"), item.golden?.critical ? "golden, critical" : "golden")),
      status ? make("span.chip.state", {}, status) : null,
      item.learned.length ? make("span.chip.good", { title: "Adapters that were trained with this" }, `learned by ${item.learned.join(", ")}`) : null,
    );
  }

  star(item) {
    this.gold.hidden = !item.golden;
  }

  complaints(item) {
    if (!item.people) return null;
    const who = item.people === 1 ? "One person says" : `${item.people} people say`;
    const reasons = Object.entries(item.reasons).map(([name, count]) => {
      const label = name.replaceAll("_", " ");
      return make("span.chip.warn", {}, count > 1 ? `${label} ${count}×` : label);
    });
    const words = reasons.length ? [`${who}: `, ...reasons] : [`${who} it should have been better.`];
    return make(
      "div.complaint",
      {},
      make("p", {}, ...words),
      ...item.notes.map((note) => make("blockquote", { lang: "" }, note)),
      item.hindered ? make("p.hindered", {}, icon("alert"), item.hindered) : null,
    );
  }

  // A box for the better answer in place of the proposed one; `send(text, question)` when it is written.
  edit(send, cancel) {
    const { item } = this;
    const start = item.suggestion || item.answer;
    this.box = make("textarea.better", { rows: 5, "aria-label": "The answer as it should have been", maxlength: 4000 });
    this.box.value = start;
    this.asked = make("textarea.reworded", { rows: 2, "aria-label": "The question in your own words", placeholder: "The question in your own words (may stay empty)", maxlength: 4000 });
    this.asked.value = item.rewritten ?? "";
    const preview = make("div.text.preview", { lang: "" });
    const compare = () => showDiff(this.left, preview, item.answer, this.box.value);
    const keys = (event) => {
      if (event.key === "Escape") {
        event.preventDefault();
        event.stopPropagation();
        cancel();
      } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        send(this.box.value, this.asked.value);
      }
    };
    this.box.addEventListener("input", compare);
    this.box.addEventListener("keydown", keys);
    this.asked.addEventListener("keydown", keys);
    const buttons = make(
      "div.write",
      {},
      make("button.quiet.primary", { type: "button", onclick: () => send(this.box.value, this.asked.value) }, "Send ", make("kbd", {}, "Ctrl ⏎")),
      make("button.quiet", { type: "button", onclick: cancel }, "Cancel"),
    );
    const words = fine("A member's words train only with their consent; a question in your own words trains in their place.");
    this.rightPart.replaceChildren(make("h2", {}, "Better answer"), this.box, preview, this.asked, words, buttons);
    compare();
    this.box.focus();
  }

  read(said) {
    const parts = ["question", "answer", "suggestion"].filter((name) => said[name]).map((name) => part(`The ${name} in your language`, make("div.text", { lang: "" }, said[name])));
    this.translation.replaceChildren(...parts);
  }

  wait(words) {
    this.translation.replaceChildren(make("p.small", {}, words));
  }
}

function part(title, ...content) {
  return make("section.part", {}, make("h2", {}, title), ...content);
}

function fine(words) {
  return make("p.small", {}, words);
}

function prompt(item) {
  const messages = item.prompt.flat();
  if (!messages.length) return null;
  const summary = make("summary", {}, icon("file"), `What the model read: ${messages.length} message${messages.length === 1 ? "" : "s"}`);
  const list = messages.map((one) => make("li", {}, make("span.speaker", {}, one.role), make("div.text", { lang: "" }, one.content)));
  return make("details.prompt", {}, summary, make("ol", {}, ...list));
}

function votes(item) {
  if (!item.votes) return item.hindered ? null : fine("What others said of it is shown once you have decided.");
  const lines = item.votes.reviewers.map((one) => {
    const reasons = one.reasons.length ? `, ${one.reasons.join(", ")}` : "";
    return make("li", {}, `${one.who}: ${one.decision}${reasons}`);
  });
  const thumbs = `Thumbs of members: ${item.votes.up} up, ${item.votes.down} down`;
  return make("section.votes", {}, make("h2", {}, "What others said"), make("p.small", {}, thumbs), make("ul", {}, ...lines));
}

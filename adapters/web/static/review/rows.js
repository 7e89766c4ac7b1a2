// The list of items: filtered by the form above it, a page at a time, one of them chosen.

import { ago, make } from "/static/frame.js";
import { call } from "/static/wire.js";

const NONE = {
  open: "Nothing waits for review.",
  mine: "You have claimed nothing.",
  escalated: "Nothing was passed on.",
  decided: "Nothing has been decided yet.",
};

export class Rows {
  // `chosen(turn)` hears which item is looked at, "" for none.
  constructor(chosen) {
    this.chosen = chosen;
    this.list = document.getElementById("rows");
    this.none = document.getElementById("none");
    this.more = document.getElementById("more");
    this.form = document.getElementById("filters");
    this.state = "open";
    this.items = [];
    this.current = "";
    this.asked = 0;
    this.more.addEventListener("click", () => this.load(true));
    this.form.addEventListener("change", () => this.load());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.load();
    });
    this.list.addEventListener("click", (event) => {
      const row = event.target.closest("[data-turn]");
      if (row) this.choose(row.dataset.turn);
    });
    for (const tab of document.querySelectorAll("[data-state]")) {
      tab.addEventListener("click", () => this.show(tab.dataset.state));
    }
  }

  show(state) {
    this.state = state;
    for (const tab of document.querySelectorAll("[data-state]")) {
      if (tab.dataset.state === state) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    return this.load();
  }

  get filtered() {
    return [...new FormData(this.form).values()].some((value) => value.trim());
  }

  // Reads the first page anew, or one page more. What is looked at stays, where it is still there.
  async load(further = false) {
    const asked = ++this.asked;
    const query = new URLSearchParams({ state: this.state, ...Object.fromEntries(new FormData(this.form)) });
    if (further && this.items.length) query.set("after", this.items.at(-1).mark);
    const page = await call("GET", `/review/items?${query}`);
    if (asked !== this.asked) return;
    this.items = further ? [...this.items, ...page.items] : page.items;
    this.count(page.counts);
    if (page.scenarios) this.offer(page);
    this.more.hidden = !page.more;
    this.draw();
    if (!this.items.some((item) => item.turn_id === this.current)) this.choose(this.items[0]?.turn_id ?? "");
  }

  count(counts) {
    for (const place of document.querySelectorAll("[data-count]")) place.textContent = counts[place.dataset.count] || "";
  }

  offer({ scenarios, servers }) {
    fill(this.form.elements.scenario, scenarios, (name) => `/${name}`);
    fill(this.form.elements.server, servers, (name) => name.replace(/:$/, "").replace(":", " "));
    this.form.elements.server.hidden = servers.length < 2;
  }

  draw() {
    this.list.replaceChildren(...this.items.map((item) => this.row(item)));
    this.none.hidden = this.items.length > 0;
    this.none.textContent = this.filtered ? "Nothing fits these filters." : NONE[this.state];
    this.mark();
  }

  row(item) {
    const reasons = Object.keys(item.reasons).slice(0, 2).map((label) => make("span.chip.warn", {}, label));
    const state = item.state !== "open"
      ? make("span.chip", {}, item.state)
      : item.escalated
        ? make("span.chip.state", {}, "passed on")
        : item.claimer
          ? make("span.chip.state", {}, item.claimed_by ? "yours" : item.claimer)
          : null;
    return make(
      "li.entry",
      { role: "option", id: `row-${item.turn_id}`, "data-turn": item.turn_id, "aria-selected": "false" },
      make("p.asked", { lang: "" }, item.question || "No question is kept"),
      make("p.under", {}, make("span", {}, `/${item.scenario}`), make("span", {}, ago(item.decided || item.opened)), ...reasons, state),
    );
  }

  mark() {
    for (const row of this.list.children) row.setAttribute("aria-selected", String(row.dataset.turn === this.current));
    const row = document.getElementById(`row-${this.current}`);
    if (row) {
      this.list.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    } else this.list.removeAttribute("aria-activedescendant");
  }

  choose(turn) {
    this.current = turn;
    this.mark();
    this.chosen(turn);
  }

  // Chooses the next item, or the one before. `open`: the next that still waits.
  step(by, open = false) {
    let at = this.items.findIndex((item) => item.turn_id === this.current) + by;
    while (open && this.items[at] && this.items[at].done) at += by;
    const item = this.items[at];
    if (item) this.choose(item.turn_id);
    else if (by > 0 && !this.more.hidden) this.load(true).then(() => this.step(by, open));
    return Boolean(item);
  }

  // What has become of an item: it stays in its place, so that it can be undone.
  changed(view) {
    const item = this.items.find((one) => one.turn_id === view.turn);
    if (!item) return;
    Object.assign(item, {
      state: view.state, claimer: view.claimer, claimed_by: view.claimed ? "you" : "", escalated: Boolean(view.escalator),
      done: view.state !== "open" || Boolean(view.own), decided: view.decided,
    });
    const row = this.row(item);
    row.classList.toggle("done", item.done);
    document.getElementById(`row-${item.turn_id}`)?.replaceWith(row);
    this.mark();
  }
}

function fill(select, values, label) {
  const chosen = select.value;
  const first = select.options[0];
  select.replaceChildren(first, ...values.map((value) => make("option", { value }, label(value))));
  select.value = values.includes(chosen) ? chosen : "";
}

// The review page: an item at a time, decided by keyboard or by button.

import { frame, icon, make, toast } from "/static/frame.js";
import { showFigures } from "/static/review/figures.js";
import { Paper } from "/static/review/paper.js";
import { Rows } from "/static/review/rows.js";
import { Refused, call } from "/static/wire.js";

const REVIEW = 2;
const SECONDS = 30; // between two looks at what others have done
const page = {
  bench: document.getElementById("bench"),
  acts: document.getElementById("acts"),
  verbs: document.getElementById("verbs"),
  reasons: [...document.querySelectorAll("[data-reason]")],
  keys: document.getElementById("keys"),
  figures: document.getElementById("figures-sheet"),
};
const may = Number(document.getElementById("main").dataset.role) >= REVIEW;
const paper = new Paper();
const rows = new Rows((turn) => guarded(() => look(turn)));
const done = []; // turns decided here, the last one at the end
let item = null;
let looking = 0;
let working = Promise.resolve();

// name, key, label, icon, when it can be pressed
const VERBS = [
  ["approve", "a", () => (item.suggestion ? "Approve" : "Bad answer"), "check", () => free(), true],
  ["edit", "e", () => "Edit", "edit", () => free()],
  ["reject", "r", () => "Reject", "close", () => free()],
  ["golden", "g", () => (item.golden ? "Golden" : "To golden"), "star", () => may && (item.state !== "open" || free())],
  ["escalate", "x", () => "Pass on", "onward", () => free() && !item.escalator],
  ["claim", "c", () => (item.claimed ? "Give back" : "Claim"), "hand", () => may && item.state === "open" && !item.hindered],
  ["translate", "t", () => "Translate", "language", () => true],
  ["undo", "u", () => "Undo", "undo", () => may && (done.length > 0 || item.state !== "open" || Boolean(item.own))],
];

function free() {
  return may && item.state === "open" && !item.hindered;
}

async function guarded(what) {
  try {
    await what();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    toast(error.message);
  }
}

async function look(turn) {
  const asked = ++looking;
  if (!turn) {
    item = null;
    page.acts.hidden = true;
    page.bench.classList.remove("reading");
    return paper.empty(rows.filtered ? "Nothing fits these filters." : "Nothing waits here.");
  }
  const found = await call("GET", `/review/items/${turn}`);
  if (asked === looking) show(found);
}

function show(found) {
  item = found;
  paper.show(item);
  for (const button of page.reasons) {
    button.setAttribute("aria-pressed", String(button.dataset.reason in item.reasons));
    button.disabled = !free();
  }
  drawVerbs();
  page.acts.hidden = false;
}

function drawVerbs() {
  const buttons = VERBS.filter(([name, , , , can]) => can() || ["approve", "edit", "reject"].includes(name)).map(
    ([name, key, label, sign, can, primary]) => {
      const kind = primary ? "button.quiet.primary" : "button.quiet";
      const attributes = { type: "button", "data-verb": name, disabled: !can(), onclick: () => press(name) };
      return make(kind, attributes, icon(sign), label(), make("kbd", {}, key.toUpperCase()));
    },
  );
  page.verbs.replaceChildren(...buttons);
  page.verbs.hidden = false;
}

function reasons() {
  return page.reasons.filter((button) => button.getAttribute("aria-pressed") === "true").map((button) => button.dataset.reason);
}

// One after the other, none is lost. What was pressed is for the item that was shown then, and for no other.
function press(name) {
  const [, , , , can] = VERBS.find(([known]) => known === name);
  const shown = item?.turn;
  working = working.then(async () => {
    if (item && (name === "undo" || item.turn === shown) && can()) await guarded(() => ACTS[name]());
  });
}

const ACTS = {
  approve: () => decide("approve", { revision: item.revision, reasons: reasons() }),
  reject: () => decide("reject", { reasons: reasons() }),
  escalate: () => decide("escalate", {}),
  async edit() {
    if (!item.claimed) await act("claim", {}); // it takes a while: nobody else shall begin meanwhile
    const cancel = () => guarded(async () => act("release", {}));
    const send = (text, question) => guarded(() => decide("edit", { text, question, reasons: reasons() }));
    paper.edit(send, cancel);
    page.verbs.hidden = true;
  },
  claim: () => act(item.claimed ? "release" : "claim", {}),
  async golden() {
    if (item.state === "open") {
      item.golden = item.golden ? null : { critical: false };
      paper.star(item);
      drawVerbs();
      return toast(item.golden ? "Goes into the golden set with your decision." : "Stays out of the golden set.");
    }
    const next = !item.golden ? "in" : item.golden.critical ? "out" : "critical";
    await act("golden", { wanted: next });
    toast({ in: "In the golden set. G again makes it critical.", critical: "No adapter that gets this wrong is promoted now.", out: "Out of the golden set." }[next]);
  },
  async translate() {
    const turn = item.turn;
    paper.wait("Translating…");
    try {
      const said = await call("POST", `/review/items/${turn}/translate`, { to: navigator.language });
      if (item?.turn === turn) paper.read(said);
    } catch (error) {
      if (item?.turn === turn) paper.wait("");
      throw error;
    }
  },
  async undo() {
    const here = item.state !== "open" || item.own;
    const turn = done.pop() ?? (here ? item.turn : "");
    if (!turn) return;
    const view = await call("POST", `/review/items/${turn}/undo`, {});
    rows.changed(view);
    if (rows.items.some((one) => one.turn_id === turn)) {
      rows.current = turn;
      rows.mark();
    }
    show(view);
    toast("It is open again.");
    await refresh();
  },
};

async function act(name, body) {
  const view = await call("POST", `/review/items/${item.turn}/${name}`, body);
  rows.changed(view);
  if (item.turn === view.turn) show(view);
  return view;
}

async function decide(name, body) {
  const golden = Boolean(item.golden) && name !== "escalate";
  const view = await act(name, body);
  if (name !== "escalate") done.push(view.turn);
  const known = golden && view.state !== "open" ? await act("golden", { wanted: "in" }) : null;
  toast(outcome(name, view) + (known ? " It is in the golden set." : ""));
  document.getElementById("paper").focus({ preventScroll: true });
  if (!rows.step(1, true)) drawVerbs();
  await refresh();
}

function outcome(name, view) {
  if (name === "escalate") return "Passed on to the admins.";
  if (view.state === "open") return "Kept. It states numbers, prices or links, so a second moderator has to agree.";
  if (view.state === "rejected") return "Rejected: the answer stands.";
  return view.correction ? "Approved: this is the better answer." : "Approved: that answer was bad.";
}

// The counts as they are by now, and the list where nobody works in it.
async function refresh(list = false) {
  if (list && !paper.box && !done.length && rows.items.length <= 50) return rows.load();
  rows.count(await call("GET", "/review/counts"));
}

function toggle(reason) {
  if (!reason || reason.disabled) return;
  reason.setAttribute("aria-pressed", String(reason.getAttribute("aria-pressed") !== "true"));
}

function typing(target) {
  return /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = event.key.toLowerCase();
  const verb = VERBS.find(([, letter]) => letter === key);
  if (event.key === "ArrowDown" || key === "j") rows.step(1);
  else if (event.key === "ArrowUp" || key === "k") rows.step(-1);
  else if (event.key === "?") page.keys.showModal();
  else if (event.key === "/") rows.form.elements.words.focus();
  else if (/^[1-9]$/.test(event.key)) toggle(page.reasons[Number(event.key) - 1]);
  else if (verb) press(verb[0]);
  else if (event.key === "Escape" && page.bench.classList.contains("reading")) page.bench.classList.remove("reading");
  else return;
  event.preventDefault();
});

for (const button of page.reasons) button.addEventListener("click", () => toggle(button));
document.getElementById("help").addEventListener("click", () => page.keys.showModal());
document.getElementById("figures").addEventListener("click", () => guarded(async () => {
  showFigures(document.getElementById("figures-body"), await call("GET", "/review/figures"));
  page.figures.showModal();
}));
// On a phone the list and the item take turns.
rows.list.addEventListener("click", () => page.bench.classList.add("reading"));
document.getElementById("back").addEventListener("click", () => page.bench.classList.remove("reading"));
setInterval(() => document.hidden || guarded(() => refresh(true)), SECONDS * 1000);

frame();
guarded(() => rows.load());

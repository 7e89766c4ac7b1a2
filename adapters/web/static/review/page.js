// What the pages of one column share: their place, errors as notices, buttons that ask once more, small parts.

import { frame, make, toast } from "/static/frame.js";
import { Refused } from "/static/wire.js";

export const place = document.getElementById("page");
export const may = { train: Number(document.getElementById("main").dataset.role) >= 3 };

export async function guarded(what) {
  try {
    return await what();
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    document.getElementById("waiting")?.remove();
    toast(error.message);
    return null;
  }
}

export function begin(what) {
  frame();
  return guarded(what);
}

// A button whose second press does it: what changes what people are answered with is never one slip away.
export function sure(label, asked, act, kind = "button.quiet") {
  const button = make(kind, { type: "button" }, label);
  let ready = false;
  button.addEventListener("click", async () => {
    if (!ready) {
      ready = true;
      button.textContent = asked;
      button.classList.add("sure");
      return;
    }
    button.disabled = true;
    await guarded(act);
    button.disabled = false;
    calm();
  });
  const calm = () => {
    ready = false;
    button.textContent = label;
    button.classList.remove("sure");
  };
  button.addEventListener("blur", calm);
  return button;
}

export function table(heads, rows) {
  const head = make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((cells) => make("tr", {}, ...cells.map((cell, at) => make("td", { "data-head": heads[at] }, cell))));
  return make("div.wide", { tabindex: "0" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...body)));
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== "" && value != null);
  return make("dl.facts-list", {}, ...shown.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

export function section(title, ...content) {
  return make("section", {}, make("h2", {}, title), ...content.filter(Boolean));
}

export function percent(part) {
  return `${Math.round(part * 100)} %`;
}

// 12 of 16 with the interval that this says something about.
export function interval([low, high]) {
  return `${Math.round(low * 100)}–${Math.round(high * 100)} %`;
}

export function counted(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

export function link(path, words) {
  return make("a", { href: path }, words);
}

export function when(moment) {
  return new Date(moment).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

const GOOD = new Set(["promoted", "ready", "passed", "pass"]);
const BAD = new Set(["failed", "rejected", "rolled_back", "stopped", "fail"]);

export function stateChip(state, words = "") {
  const kind = GOOD.has(state) ? "span.chip.good" : BAD.has(state) ? "span.chip.warn" : "span.chip";
  return make(kind, {}, words || state.replaceAll("_", " "));
}

// The row of buttons under an answer, and the small forms that some of them open.

import { icon, make } from "/static/frame.js";
import { copyText } from "/static/turn.js";

const ICONS = {
  retry: "retry", continue: "continue", undo: "undo", edit: "edit", up: "up", down: "down", flag: "flag", why: "why",
};
// These stand in the row of icons, in this order; every other control is a button with words. So is one that comes
// with a value, such as "Write chapter 2": an icon would not tell it from its neighbours.
const ROW = ["retry", "up", "down", "continue", "undo", "edit", "flag", "why"];

// `troubled`: there is a Retry with words above already.
export function controls(turn, troubled) {
  const { view } = turn;
  const offered = view.buttons.filter((button) => button.value || !ROW.includes(button.control));
  const row = make("div.row", { role: "toolbar", "aria-label": "About this answer" });
  if (view.versions.length > 1) row.append(versions(turn));
  if (view.text) row.append(copy(turn));
  for (const control of ROW) {
    const button = view.buttons.find((one) => one.control === control && !one.value);
    if (button && !(troubled && control === "retry")) row.append(small(turn, button));
  }
  if (view.model) row.append(make("span.fine", { title: fineWords(view) }, view.model));
  const picks = make("div.picks", {}, ...offered.map((button) => wide(turn, button)));
  return make("div.controls", {}, offered.length ? picks : null, row);
}

function fineWords(view) {
  const pace = view.tokens ? `${view.tokens} tokens in ${view.seconds.toFixed(1)} s` : "";
  return [view.model, pace].filter(Boolean).join(", ");
}

function small(turn, button) {
  const element = make(
    "button.ghost",
    { type: "button", "aria-label": button.label, title: button.label, "data-control": button.control },
    icon(ICONS[button.control]),
  );
  if (button.control === "up" || button.control === "down") {
    element.setAttribute("aria-pressed", String(turn.view.rating === button.control));
  }
  element.addEventListener("click", () => act(turn, button));
  return element;
}

function wide(turn, button) {
  const element = make(
    button.primary ? "button.quiet.primary" : "button.quiet",
    { type: "button", "data-control": button.control },
    button.label,
  );
  element.addEventListener("click", () => act(turn, button));
  return element;
}

function act(turn, button) {
  if (!button.asks) {
    turn.actions.press(turn, button, button.value);
    return;
  }
  const editing = button.control === "edit";
  const text = make("textarea", { rows: editing ? 8 : 3, "aria-label": button.asks });
  if (editing) text.value = turn.view.text;
  const form = make(
    "form.ask",
    {},
    make("label", {}, make("span", {}, button.asks), text),
    make("button.quiet.primary", {}, editing ? "Keep this text" : "Send"),
  );
  const box = turn.aside(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    box.remove();
    turn.actions.press(turn, button, text.value);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape") box.remove();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  box.scrollIntoView({ block: "nearest" });
  text.focus();
}

function copy(turn) {
  const button = make("button.ghost", { type: "button", "aria-label": "Copy", title: "Copy" }, icon("copy"));
  button.addEventListener("click", () => copyText(turn.view.text, button));
  return button;
}

function versions(turn) {
  const ids = turn.view.versions;
  const at = Math.max(0, ids.indexOf(turn.id));
  const step = (name, label, to) =>
    make(
      "button.ghost",
      { type: "button", "aria-label": label, title: label, disabled: !ids[to], onclick: () => choose(turn, ids[to]) },
      icon(name),
    );
  return make(
    "span.versions",
    { role: "group", "aria-label": "Versions of this answer" },
    step("left", "Earlier version", at - 1),
    make("span", {}, `${at + 1}/${ids.length}`),
    step("right", "Later version", at + 1),
  );
}

function choose(turn, id) {
  turn.actions.press(turn, { control: "version", label: "Version" }, id);
}

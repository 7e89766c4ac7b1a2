// Where an answer's words come from: a list that opens, and numbers in the text that lead to it.

import { icon, make } from "/static/frame.js";

export function sources(list) {
  const items = list.map((source) =>
    make(
      "li.source",
      { "data-number": source.number, tabindex: "-1" },
      make("span.number", {}, String(source.number)),
      make(
        "div",
        {},
        make("p.source-title", {}, title(source), source.heading ? make("span", {}, ` ${source.heading}`) : null),
        make("blockquote", {}, source.excerpt.replaceAll(/\n{2,}/g, "\n")),
      ),
    ),
  );
  const words = list.length === 1 ? "1 source" : `${list.length} sources`;
  const details = make("details.sources", {}, make("summary", {}, icon("book"), words), make("ol", {}, ...items));
  details.addEventListener("toggle", () => details.open && details.scrollIntoView({ block: "nearest" }));
  return details;
}

function title(source) {
  if (!/^https?:\/\//.test(source.url || "")) return source.title;
  return make("a", { href: source.url, target: "_blank", rel: "noopener noreferrer nofollow" }, source.title);
}

// Turns each [2] in the text into a button that opens source 2.
export function cite(blocks, list) {
  const numbers = new Set(list.map((source) => String(source.number)));
  if (!numbers.size) return;
  const walker = document.createTreeWalker(blocks, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("pre, code, a, button")) texts.push(walker.currentNode);
  }
  for (const text of texts) {
    const parts = text.data.split(/\[(\d{1,2})\]/);
    if (parts.length === 1) continue;
    text.replaceWith(...parts.map((part, at) => (at % 2 ? (numbers.has(part) ? mark(part) : `[${part}]`) : part)));
  }
}

function mark(number) {
  const button = make("button.cite", { type: "button", "aria-label": `Source ${number}` }, number);
  button.addEventListener("click", () => {
    const details = button.closest(".turn").querySelector(".sources");
    details.open = true;
    const item = details.querySelector(`[data-number="${number}"]`);
    item.scrollIntoView({ block: "nearest" });
    item.focus();
    item.classList.add("found");
    setTimeout(() => item.classList.remove("found"), 1500);
  });
  return button;
}

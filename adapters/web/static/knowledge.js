// The knowledge page: documents are added, listed, removed, and searched as an answer would search them.

import { ago, frame, icon, make, sizeWords, toast } from "/static/frame.js";
import { Refused, call, events } from "/static/wire.js";

const AT_ONCE = 2;
const page = {
  drop: document.getElementById("drop"),
  picker: document.getElementById("files"),
  uploads: document.getElementById("uploads"),
  search: document.getElementById("search"),
  words: document.getElementById("words"),
  results: document.getElementById("results"),
  documents: document.getElementById("documents"),
  empty: document.getElementById("empty"),
  count: document.getElementById("count"),
};
const waiting = [];
let working = 0;

function add(files) {
  for (const file of files) {
    const name = make("span.name", { title: file.name }, file.name);
    const words = make("span.words", {}, "Waiting");
    const bar = make("progress", { max: "1", value: "0", "aria-label": `${file.name}: how far` });
    const row = make("li.upload", {}, name, words, bar);
    page.uploads.append(row);
    waiting.push({ file, row, words, bar });
  }
  work();
}

async function work() {
  while (working < AT_ONCE && waiting.length) {
    working += 1;
    upload(waiting.shift()).finally(() => {
      working -= 1;
      work();
    });
  }
}

async function upload({ file, row, words, bar }) {
  words.textContent = "Sending";
  bar.removeAttribute("value");
  try {
    const query = new URLSearchParams({ name: file.name });
    for await (const { name, data } of events(`/knowledge/documents?${query}`, file)) {
      if (name === "progress") {
        words.textContent = `Reading, ${Math.round(data.part * 100)} %`;
        bar.value = data.part;
      } else if (name === "failed") throw new Refused(data.words);
      else if (name === "added") {
        bar.remove();
        words.textContent = data.words;
        row.classList.add("done");
      }
    }
    await list();
    setTimeout(() => row.remove(), 6000);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    bar.remove();
    row.classList.add("failed");
    words.textContent = error.message;
    const close = make("button.ghost", { type: "button", "aria-label": "Close", onclick: () => row.remove() }, icon("close"));
    row.insertBefore(close, words);
  }
}

async function list() {
  const { documents } = await call("GET", "/knowledge/documents");
  page.documents.replaceChildren(...documents.map(documentRow));
  page.empty.hidden = documents.length > 0;
  const passages = documents.reduce((sum, one) => sum + one.passages, 0);
  page.count.textContent = documents.length ? `${counted(documents.length, "document")}, ${counted(passages, "passage")}` : "";
}

function counted(number, noun) {
  return `${number.toLocaleString()} ${noun}${number === 1 ? "" : "s"}`;
}

function documentRow(one) {
  const facts = [one.path, sizeWords(one.size), counted(one.passages, "passage"), ago(one.added)].filter(Boolean).join(" · ");
  const remove = make("button.ghost", { type: "button", "aria-label": `Remove ${one.title}`, title: "Remove" }, icon("trash"));
  remove.addEventListener("click", () => sure(remove, one));
  remove.addEventListener("blur", () => {
    remove.classList.remove("sure");
    remove.replaceChildren(icon("trash"));
  });
  return make(
    "li.document",
    {},
    icon("file"),
    make("div", {}, make("p.name", { title: one.title }, one.title), make("p.fine", {}, facts)),
    remove,
  );
}

async function sure(button, one) {
  if (!button.classList.contains("sure")) {
    button.classList.add("sure");
    button.replaceChildren("Remove");
    return;
  }
  try {
    await call("DELETE", `/knowledge/documents/${encodeURIComponent(one.id)}`);
    toast(`“${one.title}” is removed.`);
    await list();
  } catch (error) {
    toast(error.message);
  }
}

async function search(words) {
  const { passages, confidence, sure, lexical } = await call("GET", `/knowledge/search?${new URLSearchParams({ words })}`);
  const head = passages.length ? `${counted(passages.length, "passage")} for “${words}”` : `Nothing found for “${words}”`;
  const close = make("button.ghost", { type: "button", "aria-label": "Close the results" }, icon("close"));
  close.addEventListener("click", () => {
    page.results.hidden = true;
    page.words.focus();
  });
  const verdict = sure ? "/support would answer this from these passages" : "/support would say that it does not know";
  const how = lexical ? "; only words were compared, as the model is not ready" : "";
  page.results.replaceChildren(
    make("div.found-head", {}, make("h2", {}, head), close),
    make("p.small", {}, `${verdict}: confidence ${confidence.toFixed(2)}${how}.`),
    ...passages.map(passage),
  );
  page.results.hidden = false;
}

function passage(one) {
  return make(
    "article.passage",
    {},
    make(
      "header",
      {},
      make("strong", {}, one.title),
      make("span", {}, one.heading),
      make("span.score", { title: "How well it fits, beside the others of this search" }, one.score.toFixed(2)),
    ),
    make("p", {}, one.text.replaceAll(/\n{2,}/g, "\n")),
  );
}

page.search.addEventListener("submit", async (event) => {
  event.preventDefault();
  const words = page.words.value.trim();
  if (words) await search(words).catch((error) => toast(error.message));
});
document.getElementById("choose").addEventListener("click", () => page.picker.click());
page.picker.addEventListener("change", () => {
  add([...page.picker.files]);
  page.picker.value = "";
});
for (const name of ["dragenter", "dragover"]) {
  page.drop.addEventListener(name, (event) => {
    event.preventDefault();
    page.drop.classList.add("over");
  });
}
page.drop.addEventListener("dragleave", () => page.drop.classList.remove("over"));
page.drop.addEventListener("drop", (event) => {
  event.preventDefault();
  page.drop.classList.remove("over");
  add([...event.dataTransfer.files]);
});

frame();
list().catch((error) => toast(error.message));

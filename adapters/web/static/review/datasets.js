// Datasets: the list, and one of them with its rows, where each comes from, and what was left out.

import { make, toast } from "/static/frame.js";
import { begin, counted, facts, guarded, link, place, section, stateChip, sure, table, when } from "/static/review/page.js";
import { call } from "/static/wire.js";

const PAGE = 40;

async function list() {
  const { datasets } = await call("GET", "/review/data/datasets");
  const rows = datasets.map((one) => [
    make("div", {}, link(`/review/datasets/${one.name}`, one.name), one.held ? make("p.hindered", {}, `Held back: ${one.held}`) : null),
    `/${one.scenario}`,
    one.created ? when(one.created) : "",
    Object.entries(one.counts).map(([name, count]) => `${name} ${count}`).join(", "),
    one.runs.join(", "),
  ]);
  const gold = make("div.data-rows");
  place.replaceChildren(
    make("p.small", {}, "What an adapter learns from and is tested by. A dataset is a function of the reviews: the same ones give the same rows, and what a member forgets is in none of the next."),
    rows.length ? table(["Dataset", "Scenario", "Newest row", "Rows", "Trained"], rows) : make("p.empty", {}, "No dataset yet: the first training run writes one."),
    section("Golden set", gold),
  );
  await golden(gold);
}

// The golden set, which every gate asks. Its texts are shown to those who may train.
async function golden(box) {
  const { counts, items } = await call("GET", "/review/data/golden");
  const mark = (one, wanted, words) => async () => {
    await call("POST", `/review/data/golden/${one.id}`, { wanted });
    toast(words);
    await golden(box);
  };
  const told = Object.entries(counts).map(([scenario, count]) => `/${scenario} ${count}`).join(", ");
  box.replaceChildren(
    make("p.small", {}, "Questions with answers that somebody vouches for. Every gate asks them, and nothing trains on them."),
    told ? make("p", {}, told) : make("p.empty", {}, "Nothing is in it yet: G puts a decided answer there."),
    ...items.map((one) =>
      make(
        "article.data-row",
        {},
        make("p.under", {}, make("span.chip", {}, `/${one.scenario}`), one.critical ? make("span.chip.gold", {}, "critical") : null, make("span", {}, when(one.created))),
        make("p.asked", { lang: "" }, one.question),
        make("div.text", { lang: "" }, one.reference),
        make(
          "div.row-acts",
          {},
          make("button.quiet", { type: "button", onclick: () => guarded(mark(one, one.critical ? "in" : "critical", one.critical ? "No longer critical." : "No adapter that gets this wrong is promoted now.")) }, one.critical ? "Not critical" : "Make critical"),
          sure("Take out", "Sure?", mark(one, "out", "Out of the golden set.")),
        ),
      ),
    ),
  );
}

async function show(name) {
  const one = await call("GET", `/review/data/datasets/${name}`);
  const rows = make("div.data-rows");
  const search = make("input", { type: "search", placeholder: "Search its rows", "aria-label": "Search its rows" });
  const files = one.files.map(({ file, title, count }) =>
    make("button.quiet", { type: "button", "data-file": file, title, onclick: () => open(file) }, title, make("span.count", {}, String(count))),
  );
  let current = "";
  const open = (file) => {
    current = file;
    for (const button of files) button.setAttribute("aria-pressed", String(button.dataset.file === file));
    return guarded(() => fill(rows, name, file, search.value));
  };
  let typing;
  search.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => open(current), 200);
  });
  place.replaceChildren(
    ...[
      make("p", {}, link("/review/datasets", "All datasets")),
      make("div.run-title", {}, make("h2", {}, one.name), one.held ? stateChip("held", "held back") : null),
      one.held ? make("p.hindered", {}, `Nothing may be promoted from it: ${one.held}`) : null,
      facts([
        ["Scenario", `/${one.scenario}`],
        ["Hash", make("code", {}, one.hash)],
        ["Seed", one.seed],
        ["Newest row", one.created ? when(one.created) : ""],
        ["Made of", Object.entries(one.sources).map(([source, count]) => `${source} ${count}`).join(", ")],
        ["Trained", one.runs.length ? make("span", {}, ...one.runs.flatMap((run, at) => [at ? ", " : "", link(`/review/runs/${run.id}`, run.adapter)])) : ""],
      ]),
      dropped(one.dropped),
      section("Rows", make("div.files-of", {}, ...files), search, rows),
    ].filter(Boolean),
  );
  if (one.files.length) await open(one.files[0].file);
}

function dropped(reasons) {
  const entries = Object.entries(reasons);
  if (!entries.length) return null;
  return section("Left out", make("ul.ranks", {}, ...entries.map(([reason, count]) => make("li", {}, make("span", {}, reason), make("span", {}, String(count))))));
}

async function fill(box, name, file, words, from = 0) {
  const query = new URLSearchParams({ file, words, from: String(from) });
  const found = await call("GET", `/review/data/datasets/${name}/rows?${query}`);
  const more = from + PAGE < found.count
    ? make("button.quiet", { type: "button", onclick: (event) => {
        event.target.remove();
        guarded(() => fill(box, name, file, words, from + PAGE));
      } }, "Show more")
    : null;
  const hidden = found.hidden ? make("p.small", {}, `${counted(found.hidden, "row")} of other servers are not shown to you.`) : null;
  const drawn = found.rows.map(row);
  if (from) box.append(...drawn, ...(more ? [more] : []));
  else box.replaceChildren(...[hidden, ...drawn, more].filter(Boolean));
  if (!found.rows.length && !from) box.append(make("p.small", {}, "No rows to show."));
}

function row(one) {
  const from = one.provenance ?? {};
  const asked = (one.prompt ?? []).filter((message) => message.role === "user").at(-1)?.content ?? "";
  const said = (messages) => (messages ?? []).map((message) => message.content).join("\n");
  const texts = [
    ["Answer", said(one.completion)],
    ["Right", one.reference],
    ["Chosen", said(one.chosen)],
    ["Rejected", typeof one.rejected === "string" ? one.rejected : said(one.rejected)],
  ].filter(([, text]) => text);
  return make(
    "article.data-row",
    {},
    make(
      "p.under",
      {},
      ...[
        from.source ? make("span.chip", {}, from.source) : null,
        one.label !== undefined ? make(one.label ? "span.chip.good" : "span.chip.warn", {}, one.label ? "thumb up" : "thumb down") : null,
        one.critical ? make("span.chip.gold", {}, "critical") : null,
        make("span", {}, [from.platform, from.server].filter(Boolean).join(" ")),
        make("code", { title: "The turn it was made from" }, one.id),
        from.cluster ? make("span", { title: "Rows of one cluster are never on both sides of the test" }, `cluster ${String(from.cluster).slice(0, 8)}`) : null,
        one.adapters.length ? make("span", {}, `in ${one.adapters.join(", ")}`) : null,
      ].filter(Boolean),
    ),
    make("p.asked", { lang: "" }, asked),
    ...texts.map(([title, text]) => make("div", {}, make("span.speaker", {}, title), make("div.text", { lang: "" }, text))),
  );
}

begin(() => (place.dataset.of ? show(place.dataset.of) : list()));

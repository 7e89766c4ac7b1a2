// One run: its loss while it trains, the gate's report, where it comes from, and the buttons.

import { icon, make, toast } from "/static/frame.js";
import { lines } from "/static/review/chart.js";
import { facts, guarded, interval, link, may, percent, place, section, stateChip, sure, table, when } from "/static/review/page.js";
import { showDiff } from "/static/review/diff.js";
import { call, listen } from "/static/wire.js";

const STAGES = { sft: "Corrections", dpo: "Preferences", kto: "Thumbs" };
const SETS = { flagged: "Flagged questions, held out", golden: "Golden questions", safety: "Must not be said again" };
const VERDICTS = { pass: "Passed the gate", fail: "Did not pass the gate", inconclusive: "The gate cannot tell" };

export async function showRun(id) {
  const run = await call("GET", `/review/data/runs/${id}`);
  const view = new RunView(run);
  view.draw();
  if (run.unfinished) await follow(view);
}

async function follow(view) {
  await guarded(async () => {
    for await (const { name, data } of listen(`/review/data/runs/${view.run.id}/events`)) {
      if (name === "event") view.add(data);
      else if (name === "state" && data.state !== view.run.state) {
        Object.assign(view.run, data);
        view.head();
      }
    }
    await showRun(view.run.id);
  });
}

class RunView {
  constructor(run) {
    this.run = run;
    this.events = run.unfinished ? [] : run.events; // the stream begins with all there are
    this.top = make("div.run-head");
    this.curves = make("div.curves", { "aria-live": "off" });
    this.log = make("ol.log");
  }

  draw() {
    const { run } = this;
    place.replaceChildren(
      ...[
        make("p", {}, link("/review/runs", "All runs")),
        this.top,
        run.report?.verdict ? report(run) : null,
        section("Loss", this.curves),
        run.report?.samples ? samples(run.report.samples) : null,
        lineage(run),
        section("As it went", this.log),
      ].filter(Boolean),
    );
    this.head();
    this.plot();
    this.log.replaceChildren(...this.events.filter((event) => event.words).map(line));
  }

  head() {
    const { run } = this;
    const serving = { service: "in service", trial: "on trial" }[run.serving];
    const last = this.events.findLast((event) => event.steps);
    const progress = run.unfinished && last ? make("progress", { max: last.steps, value: last.step, "aria-label": "How far this stage is" }) : null;
    this.top.replaceChildren(
      ...[
        make("div.run-title", {}, make("h2", {}, run.adapter), stateChip(run.state, serving)),
        make("p.small", {}, `/${run.scenario}, begun ${when(run.created)} by ${run.by}`, run.parent ? `, held against ${run.parent}` : ""),
        run.words ? make("p", {}, run.words) : null,
        run.failed?.words && run.failed.words !== run.words ? make("p.hindered", {}, run.failed.words) : null,
        progress,
        may.train ? acts(run) : null,
      ].filter(Boolean),
    );
  }

  add(event) {
    this.events.push(event);
    if (event.words) this.log.append(line(event));
    if (event.loss !== undefined) this.plot();
    if (event.steps) this.head();
  }

  plot() {
    const series = Object.entries(STAGES).map(([stage, name]) => ({
      name, points: this.events.filter((event) => event.stage === stage && event.loss !== undefined).map((event) => [event.step, event.loss]),
    }));
    const known = series.filter((one) => one.points.length);
    this.curves.replaceChildren(
      ...(known.length ? known.map((one) => lines([one], one.name)) : [make("p.small", {}, this.run.unfinished ? "The first step is on its way." : "Nothing was trained.")]),
    );
  }
}

function line(event) {
  const at = event.time ? new Date(event.time * 1000).toLocaleTimeString() : "";
  return make("li", {}, make("span.small", {}, at), make("span.chip", {}, event.stage), make("span", {}, event.words));
}

function acts(run) {
  const done = (words) => {
    toast(words);
    return showRun(run.id);
  };
  const post = (name, body, words) => async () => {
    await call("POST", `/review/data/runs/${run.id}/${name}`, body);
    await done(words);
  };
  const buttons = [];
  const ended = !run.unfinished && !["failed", "stopped"].includes(run.state);
  if (run.unfinished) buttons.push(sure("Stop", "Stop it?", post("stop", {}, "It stops within seconds.")));
  if (ended && !run.serving) {
    const force = run.state === "rejected";
    const asked = force ? "The gate said no. Promote it all the same?" : `Answer /${run.scenario} with it?`;
    buttons.push(sure("Promote", asked, post("promote", { force }, `${run.adapter} is in service.`), "button.quiet.primary"));
  }
  if (run.waiting) buttons.push(sure("Reject", "Leave it out?", post("reject", {}, "Rejected; nothing has changed.")));
  if (run.serving) {
    buttons.push(
      sure("Roll back", `Take ${run.adapter} out?`, async () => {
        const service = await call("POST", `/review/data/scenarios/${run.scenario}/rollback`, {});
        await done(`/${run.scenario} is answered by ${service.adapter || "the model as it came"} again.`);
      }),
    );
  }
  return buttons.length ? make("div.row-acts", {}, ...buttons) : null;
}

function report({ report }) {
  const sets = Object.entries(report.sets ?? {});
  const compared = sets.filter(([name]) => name in SETS && report.sets[name].n);
  const rows = compared.map(([name, set]) => [
    SETS[name],
    String(set.n),
    `${set.incumbent ?? "–"}`,
    `${set.candidate ?? "–"}`,
    set.interval ? interval(set.interval) : "",
    set.p !== undefined ? String(set.p) : "",
  ]);
  const others = sets.filter(([name]) => !(name in SETS)).flatMap(([name, set]) => pairs(name, set.incumbent, set.candidate));
  const { incumbent, candidate } = report.metrics ?? {};
  const figures = [...others, ...pairs("", incumbent, candidate)];
  return section(
    "The gate",
    make("p.verdict", {}, stateChip(report.verdict, VERDICTS[report.verdict]), report.scale !== 1 ? make("span.small", {}, `at ${percent(report.scale)} of its strength`) : null),
    make("ul.reasons-why", {}, ...(report.words ?? []).map((words) => make("li", {}, words))),
    rows.length ? table(["Set", "n", "Before", "Now", "95 % interval", "p"], rows) : null,
    figures.length ? make("details.more-figures", {}, make("summary", {}, icon("figures"), "More figures"), table(["Figure", "Before", "Now"], figures)) : null,
  );
}

// A row for each number that both sides have: [name, before, now].
function pairs(name, before, now) {
  if (typeof before === "number" && typeof now === "number") return [[name.replaceAll("_", " "), plain(before), plain(now)]];
  if (!before || !now || typeof before !== "object") return [];
  if (Array.isArray(before)) return [[name.replaceAll("_", " "), plain(before), plain(now)]];
  return Object.keys(before).flatMap((part) => pairs(`${name} ${part}`.trim(), before[part], now[part]));
}

// {"n": 16, "share": 0.7512} as "n 16, share 0.751"
function plain(value) {
  if (Array.isArray(value)) return value.map(plain).join(" to ");
  if (value && typeof value === "object") {
    return Object.entries(value).map(([name, inner]) => `${name.replaceAll("_", " ")} ${plain(inner)}`).join(", ");
  }
  return typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(3) : String(value);
}

function samples(list) {
  const items = list.map((one) => {
    const before = make("div.text", { lang: "" });
    const now = make("div.text", { lang: "" });
    showDiff(before, now, one.incumbent, one.candidate);
    const sign = (passed) => (passed === undefined ? null : make(passed ? "span.chip.good" : "span.chip.warn", {}, passed ? "right" : "wrong"));
    return make(
      "li.sample",
      {},
      make("p.asked", { lang: "" }, make("span.chip", {}, one.set), one.question),
      make(
        "div.compare",
        {},
        make("div", {}, make("p.small", {}, "Before ", sign(one.passed?.[0])), before),
        make("div", {}, make("p.small", {}, "Now ", sign(one.passed?.[1])), now),
      ),
      one.reference ? make("p.small", { lang: "" }, `Right: ${one.reference}`) : null,
    );
  });
  return section("Answers, before and now", make("ol.samples", {}, ...items));
}

function lineage(run) {
  const { lineage: known } = run;
  const digest = (value) => (value ? make("code", {}, String(value).slice(0, 16)) : "");
  const trained = Object.entries(known.trained ?? {}).map(([stage, count]) => `${STAGES[stage] ?? stage}: ${count}`).join(", ");
  return section(
    "Where it comes from",
    facts([
      ["Dataset", run.dataset ? link(`/review/datasets/${run.dataset}`, run.dataset) : ""],
      ["Rows trained on", trained],
      ["Rows left out", known.dropped ?? ""],
      ["Base", known.base ? make("span", {}, known.base.name ?? "", " ", digest(known.base.sha256)) : ""],
      ["Held against", run.parent || "the model as it came"],
      ["Seed", known.seed ?? ""],
      ["Took", known.seconds ? plain(known.seconds) : ""],
      ["Memory at most", known.peak_memory_bytes ? `${(known.peak_memory_bytes / 1e9).toFixed(1)} GB` : ""],
      ["Versions", known.versions ? plain(known.versions) : ""],
    ]),
  );
}

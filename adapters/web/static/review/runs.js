// Runs: the list with what is in service, and one run as it goes on, with its report and what may be done about it.

import { make, toast } from "/static/frame.js";
import { begin, counted, guarded, link, may, place, section, stateChip, sure, table, when } from "/static/review/page.js";
import { showRun } from "/static/review/run.js";
import { call } from "/static/wire.js";

async function list() {
  const found = await call("GET", "/review/data/runs");
  place.replaceChildren(
    section("In service", services(found)),
    section(
      "Training runs",
      found.runs.length
        ? table(["Adapter", "State", "Begun", "By", "Why"], found.runs.map(row))
        : make("p.empty", {}, "No runs yet. One begins by the clock when there is enough to learn, or by hand."),
    ),
  );
  if (found.runs.some((run) => run.unfinished)) setTimeout(() => guarded(list), 4000);
}

function services({ services, scenarios, trains }) {
  const rows = scenarios.map((scenario) => {
    const one = services.find((service) => service.scenario === scenario);
    const now = one?.adapter || "the model as it came";
    const trial = one?.canary ? make("p.small", {}, `${one.canary} is on trial for ${one.share} % of the people`) : null;
    return [`/${scenario}`, make("div", {}, now, trial), one?.words ? make("span.small", {}, `${one.words}, ${when(one.since)}`) : "", acts(scenario, one, trains)];
  });
  return table(["Scenario", "Answered by", "Since", ""], rows);
}

function acts(scenario, service, trains) {
  if (!may.train) return "";
  const change = (path, body, words) => async () => {
    await call("POST", `/review/data/scenarios/${scenario}/${path}`, body);
    toast(words);
    await list();
  };
  return make(
    "div.row-acts",
    {},
    service?.canary ? sure("Give to all", "Sure?", change("canary", { keep: true }, "It is for everybody now.")) : null,
    service?.rolls_back ? sure("Roll back", "Sure?", change("rollback", {}, "Rolled back.")) : null,
    trains
      ? sure("Train", "Train now?", async () => {
          const run = await call("POST", `/review/data/scenarios/${scenario}/train`, {});
          location.assign(`/review/runs/${run.id}`);
        })
      : null,
  );
}

function row(run) {
  const serving = { service: "in service", trial: "on trial" }[run.serving];
  const rows = run.counts["sft.train"] ? counted(run.counts["sft.train"], "row") : "";
  return [
    make("div", {}, link(`/review/runs/${run.id}`, run.adapter), rows ? make("p.small", {}, rows) : null),
    stateChip(run.state, serving),
    when(run.created),
    run.by,
    make("span.small", {}, run.words),
  ];
}

begin(() => (place.dataset.of ? showRun(place.dataset.of) : list()));

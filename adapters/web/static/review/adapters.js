// Adapters: each with where it comes from, what it was trained on, and what people say of it.

import { make } from "/static/frame.js";
import { begin, facts, interval, link, percent, place, section, stateChip, when } from "/static/review/page.js";
import { call } from "/static/wire.js";

async function show() {
  const { adapters, services } = await call("GET", "/review/data/adapters");
  if (!adapters.length) {
    place.replaceChildren(make("p.empty", {}, "No adapter has been promoted yet: every scenario is answered by the model as it came."));
    return;
  }
  const scenarios = [...new Set(adapters.map((one) => one.scenario))];
  place.replaceChildren(
    ...scenarios.map((scenario) => {
      const service = services.find((one) => one.scenario === scenario);
      const now = service?.adapter || "the model as it came";
      return section(
        `/${scenario}`,
        make("p.small", {}, `Answered by ${now}`, service?.canary ? `, and by ${service.canary} for ${service.share} % of the people` : ""),
        make("ol.lineage", {}, ...adapters.filter((one) => one.scenario === scenario).map((one) => card(one, service))),
      );
    }),
  );
}

function card(one, service) {
  const state = one.name === service?.adapter
    ? stateChip("promoted", "in service")
    : one.name === service?.canary
      ? stateChip("ready", "on trial")
      : one.retired
        ? stateChip("retired", "files deleted")
        : stateChip(one.run?.state === "rolled_back" ? "rolled_back" : "kept", one.run?.state === "rolled_back" ? "rolled back" : "kept");
  const trained = Object.entries(one.trained).map(([stage, count]) => `${stage} ${count}`).join(", ");
  const rating = one.rating ? `${percent(one.rating.share)} of ${one.rating.n} thumbs up (${interval(one.rating.interval)})` : "no thumbs yet";
  return make(
    "li.adapter",
    {},
    make("div.run-title", {}, make("h3", {}, one.run ? link(`/review/runs/${one.run.id}`, one.name) : one.name), state),
    one.forgotten ? make("p.hindered", {}, `Somebody had a turn forgotten that it was trained on (${when(one.forgotten)}). The next training leaves it out.`) : null,
    one.run?.words ? make("p.small", {}, one.run.words) : null,
    facts([
      ["Promoted after", one.parent || "the model as it came"],
      ["Trained on", trained],
      ["Dataset", one.run?.dataset ? link(`/review/datasets/${one.run.dataset}`, one.run.dataset) : ""],
      ["Base", one.base],
      ["Weights", make("code", {}, one.digest.slice(0, 16))],
      ["Made", when(one.created)],
      ["People say", rating],
    ]),
  );
}

begin(show);

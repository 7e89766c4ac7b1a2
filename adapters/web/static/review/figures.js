// Figures of the review: decisions by day, who decided, how long it waits, how far reviewers agree.

import { make } from "/static/frame.js";
import { bars } from "/static/review/chart.js";

export function showFigures(place, figures) {
  const decisions = figures.days.reduce((sum, [, count]) => sum + count, 0);
  const names = Object.entries(figures.reviewers);
  place.replaceChildren(
    make(
      "dl.figures",
      {},
      ...figure("Decided", String(decisions), outcomes(figures.outcomes)),
      ...figure("Waited until decided", span(figures.median_wait), "median"),
      ...figure("Waits longest", span(figures.oldest_wait), "of what is open"),
      ...figure("Reviewers agree", figures.agreement === null ? "–" : `${Math.round(figures.agreement * 100)} %`, agreement(figures)),
    ),
    bars(figures.days.map(([day, count]) => ({ label: day.slice(5), value: count, title: `${day}: ${count}` })), "Decisions a day"),
    names.length ? make("ul.ranks", {}, ...names.map(([name, count]) => make("li", {}, make("span", {}, name), make("span", {}, String(count))))) : "",
  );
}

function figure(name, value, fine) {
  return [make("div", {}, make("dt", {}, name), make("dd", {}, value, make("small", {}, fine)))];
}

function outcomes(counts) {
  return Object.entries(counts).filter(([, count]) => count).map(([state, count]) => `${count} ${state}`).join(", ") || "nothing yet";
}

function agreement({ pairs, alpha }) {
  if (!pairs) return "no item had two reviewers";
  return `${pairs} pair${pairs === 1 ? "" : "s"}, alpha ${alpha.toFixed(2)}`;
}

export function span(seconds) {
  if (seconds === null) return "–";
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= size) return `${(seconds / size).toFixed(seconds / size < 10 ? 1 : 0)} ${unit}`;
  }
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

// The bot as it is now: turns, the line, waits, errors, and what people think of each adapter.

import { make } from "/static/frame.js";
import { bars } from "/static/review/chart.js";
import { span } from "/static/review/figures.js";
import { begin, guarded, interval, percent, place, section, table } from "/static/review/page.js";
import { call } from "/static/wire.js";

const SECONDS = 3;
let hours = "24";
let timer = 0;

async function show() {
  clearTimeout(timer);
  const asked = hours;
  const found = document.hidden && place.dataset.drawn ? null : await call("GET", `/review/data/service?hours=${hours}`);
  if (found && asked === hours) draw(found);
  timer = setTimeout(() => guarded(show), SECONDS * 1000);
}

function draw(found) {
  place.dataset.drawn = "yes";
  const failed = found.turns ? percent(found.failed / found.turns) : "–";
  place.replaceChildren(
    make(
      "dl.figures",
      {},
      figure("Running now", String(found.running), `${found.waiting} in the line`),
      figure("Turns", found.turns.toLocaleString(), found.stopped ? `${found.stopped} stopped by people` : "answered or tried"),
      figure("First word after", found.ttft ? span(found.ttft.p50) : "–", found.ttft ? `95 % within ${span(found.ttft.p95)}` : "no answers yet"),
      figure("Whole answer after", found.seconds ? span(found.seconds.p50) : "–", found.seconds ? `95 % within ${span(found.seconds.p95)}` : "no answers yet"),
      figure("Went wrong", failed, `${found.failed} of ${found.turns.toLocaleString()}`),
    ),
    bars(found.bars.map(bar), "Turns", place.clientWidth - 48),
    section("Parts", make("ul.parts", {}, ...Object.entries(found.parts).map(part))),
    section("Thumbs by adapter", ratings(found.ratings)),
    section("By scenario", ranks(Object.entries(found.scenarios).map(([name, count]) => [`/${name}`, count]), "No turns yet.")),
    section("What went wrong", ranks(Object.entries(found.errors), "Nothing.")),
  );
}

function bar(one, at) {
  const begins = new Date(one.begins);
  const words = Number(hours) > 24 ? begins.toLocaleDateString([], { month: "numeric", day: "numeric" }) : begins.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return { label: at % 4 === 2 ? words : "", value: one.turns, title: `${begins.toLocaleString()}: ${one.turns} turns, ${one.failed} went wrong` };
}

function figure(name, value, fine) {
  return make("div", {}, make("dt", {}, name), make("dd", {}, value, make("small", {}, fine)));
}

function part([name, { ok, words }]) {
  return make("li", {}, make(ok ? "span.chip.good" : "span.chip.warn", {}, name), make("span", {}, words));
}

function ratings(list) {
  if (!list.length) return make("p.small", {}, "No thumbs yet.");
  const rows = list.map((one) => [`/${one.scenario}`, one.adapter || "the model as it came", `${one.up} of ${one.n} up`, percent(one.share), gauge(one)]);
  return table(["Scenario", "Answered by", "Thumbs", "Share", "95 % interval"], rows);
}

// The interval as a bar from 0 to 100 %.
function gauge(one) {
  const band = make("span.band");
  const [low, high] = one.interval;
  band.style.left = `${low * 100}%`;
  band.style.width = `${(high - low) * 100}%`;
  const middle = make("span.middle");
  middle.style.left = `${one.share * 100}%`;
  return make("div.gauge", {}, make("span.scale", { role: "img", "aria-label": interval(one.interval) }, band, middle), make("span.small", {}, interval(one.interval)));
}

function ranks(entries, none) {
  if (!entries.length) return make("p.small", {}, none);
  return make("ul.ranks", {}, ...entries.map(([name, count]) => make("li", {}, make("span", {}, name), make("span", {}, String(count)))));
}

for (const button of document.querySelectorAll("[data-hours]")) {
  button.addEventListener("click", () => {
    hours = button.dataset.hours;
    for (const other of document.querySelectorAll("[data-hours]")) other.removeAttribute("aria-current");
    button.setAttribute("aria-current", "true");
    guarded(show);
  });
}

begin(show);

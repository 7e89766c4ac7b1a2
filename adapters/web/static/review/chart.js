// Small charts in SVG: bars, and lines over steps. Colours come from the page's own.

import { make } from "/static/frame.js";

const SPACE = "http://www.w3.org/2000/svg";

function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// bars([{label, value, title}], "Decisions a day"): `width` is about what it will have on the page, in pixels.
export function bars(entries, name, width = 560) {
  const height = 120;
  const most = Math.max(1, ...entries.map((entry) => entry.value));
  const step = width / Math.max(1, entries.length);
  const drawn = entries.flatMap(({ label, value, title }, at) => {
    const tall = (value / most) * (height - 34);
    const bar = draw("rect", { class: "bar", x: at * step + 3, y: height - 20 - tall, width: step - 6, height: Math.max(tall, 1.5), rx: 3 });
    bar.append(draw("title", {}, title));
    const number = value && step > 18 ? [draw("text", { x: at * step + step / 2, y: height - 25 - tall, class: "value" }, String(value))] : [];
    return [bar, ...number, draw("text", { x: at * step + step / 2, y: height - 5 }, label)];
  });
  return figure(name, draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: "chart" }, ...drawn));
}

// lines([{points: [[x, y], ...]}], "Loss"): one scale for all of them, the last value written at its end.
export function lines(series, name) {
  const width = 480;
  const height = 200;
  const margin = { left: 44, right: 58, top: 14, bottom: 26 };
  const points = series.flatMap((one) => one.points);
  const [low, high] = [Math.min(0, ...points.map(([, y]) => y)), Math.max(...points.map(([, y]) => y))];
  const right = Math.max(1, ...points.map(([x]) => x));
  const reach = high - low || 1;
  const at = ([x, y]) => [
    margin.left + (x / right) * (width - margin.left - margin.right),
    margin.top + (1 - (y - low) / reach) * (height - margin.top - margin.bottom),
  ];
  const grid = [0, 0.5, 1].flatMap((part) => {
    const y = margin.top + part * (height - margin.top - margin.bottom);
    const words = short(high - part * reach);
    return [
      draw("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y, y2: y }),
      draw("text", { class: "axis", x: margin.left - 6, y: y + 4 }, words),
    ];
  });
  const drawn = series.filter((one) => one.points.length).flatMap((one, number) => {
    const path = one.points.map((point) => at(point).map((value) => value.toFixed(1)).join(",")).join(" ");
    const [x, y] = at(one.points.at(-1));
    return [
      draw("polyline", { class: `line line-${number % 4}`, points: path }),
      draw("circle", { class: `dot line-${number % 4}`, cx: x, cy: y, r: 3 }),
      draw("text", { class: `end line-${number % 4}`, x: x + 8, y: y + 4 }, short(one.points.at(-1)[1])),
    ];
  });
  const foot = [
    draw("text", { x: margin.left, y: height - 6 }, "0"),
    draw("text", { x: width - margin.right, y: height - 6 }, `step ${right}`),
  ];
  return figure(name, draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": name, class: "chart" }, ...grid, ...drawn, ...foot));
}

function short(value) {
  return value === 0 ? "0" : value.toFixed(Math.abs(value) < 0.1 ? 3 : 2);
}

function figure(name, chart) {
  return make("figure.plot", {}, make("figcaption", {}, name), chart);
}

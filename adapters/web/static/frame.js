// What both pages have around them: the side panel on narrow screens, dark and light, short notices.

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

// make("p.small", {title: "…"}, child, "text")
export function make(kind, attributes = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

let fading;
export function toast(words) {
  const place = document.getElementById("toast");
  place.textContent = words;
  place.classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => place.classList.remove("shown"), 2500 + words.length * 40);
}

export function ago(moment) {
  const seconds = (Date.now() - new Date(moment)) / 1000;
  const words = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size) return seconds > 30 * 86400
      ? new Date(moment).toLocaleDateString()
      : words.format(-Math.floor(seconds / size), unit);
  }
  return "just now";
}

export function sizeWords(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

export const narrow = matchMedia("(max-width: 800px)");

export function showSide(open) {
  document.body.classList.toggle("side-open", open);
  document.getElementById("shade").hidden = !open;
  document.getElementById("open-side").setAttribute("aria-expanded", String(open));
  document.getElementById("side").inert = narrow.matches && !open;
  if (open) document.querySelector("#side a, #side button").focus();
}

function isDark() {
  const choice = document.documentElement.dataset.theme;
  return choice ? choice === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function nameTheme() {
  document.getElementById("theme-words").textContent = isDark() ? "Light colours" : "Dark colours";
}

export function frame() {
  nameTheme();
  document.getElementById("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("theme", theme);
    nameTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  document.getElementById("open-side").addEventListener("click", () => showSide(true));
  const close = () => {
    showSide(false);
    document.getElementById("open-side").focus();
  };
  document.getElementById("close-side").addEventListener("click", close);
  document.getElementById("shade").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !document.body.classList.contains("side-open")) return;
    event.preventDefault();
    close();
  });
  narrow.addEventListener("change", () => showSide(false));
  showSide(false);
}

// Tells, in the page's head, that a part of Parley is still starting or in trouble.

let timer = 0;

export async function watchReadiness() {
  clearTimeout(timer);
  const place = document.getElementById("status");
  let parts = {};
  try {
    const answer = await fetch("/readyz", { headers: { Accept: "application/json" } });
    ({ parts } = await answer.json());
  } catch {
    parts = { page: { ok: false, words: "Parley does not answer" } };
  }
  const waiting = Object.values(parts).filter((part) => !part.ok);
  const words = waiting.map((part) => part.words).join(" ");
  place.hidden = !waiting.length;
  if (place.textContent !== words) place.textContent = words;
  place.title = words;
  if (waiting.length) timer = setTimeout(watchReadiness, 2000);
}

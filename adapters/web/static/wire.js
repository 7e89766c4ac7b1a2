// The wire to the page's own server: JSON calls, and answers read as events.

const AWAY = "Parley does not answer: it may have been stopped. Your text is kept; try again once it runs.";

export class Refused extends Error {
  constructor(words, status = 0) {
    super(words);
    this.status = status;
  }
}

async function send(method, path, body, options = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined && !(body instanceof Blob)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  let response;
  try {
    response = await fetch(path, { method, headers, body, ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(AWAY);
  }
  if (response.ok) return response;
  const words = await response.json().then((data) => data.error, () => null);
  throw new Refused(words || "The page's server could not do that. Nothing was lost; try again.", response.status);
}

export async function call(method, path, body) {
  return (await send(method, path, body)).json();
}

// Each event of an answer as {name, data}. Ends with the stream; breaks when `signal` is aborted.
export async function* events(path, body, signal) {
  yield* read(await send("POST", path, body, { signal }));
}

// The same of something that goes on by itself.
export async function* listen(path, signal) {
  yield* read(await send("GET", path, undefined, { signal }));
}

async function* read(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let ended = false;
  while (true) {
    let piece;
    try {
      piece = await reader.read();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused("The connection to Parley broke off. Reload the page to see what was kept.");
    }
    if (piece.done) break;
    const parts = (rest + piece.value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = parsed(part);
      if (event?.name === "end") ended = true;
      else if (event) yield event;
    }
  }
  if (!ended) throw new Refused("Parley stopped in the middle of this answer. Reload the page to see what was kept.");
}

function parsed(part) {
  const name = /^event: (.*)$/m.exec(part);
  const data = /^data: (.*)$/m.exec(part);
  return name && data ? { name: name[1], data: JSON.parse(data[1]) } : null;
}

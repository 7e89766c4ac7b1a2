// A conversation as shown: its turns in order, and those that are being answered now.

import { toast } from "/static/frame.js";
import { Turn } from "/static/turn.js";
import { Refused, call, events } from "/static/wire.js";

// What a press with these leaves to see is in the answer it was pressed under, not in a new one.
const IN_PLACE = new Set(["up", "down", "why", "undo", "edit", "version", "flag"]);

export class Thread {
  // `changed(thread, event)` hears "grown", "started" and "ended".
  constructor(key, changed) {
    this.key = key;
    this.changed = changed;
    this.element = document.createElement("div");
    this.turns = [];
    this.running = new Map(); // Turn -> AbortController
    this.actions = {
      press: (turn, button, value) => this.press(turn, button, value),
      retry: (turn) => this.retry(turn),
    };
  }

  async load() {
    const found = await call("GET", `/conversations/${this.key}`);
    this.turns = found.turns.map((view) => Turn.of(view, this.actions));
    this.element.replaceChildren(...this.turns.map((turn) => turn.element));
    return found;
  }

  ask(text, attachments) {
    const turn = this.append(new Turn(text, this.actions));
    turn.body = { text, attachments };
    return this.run(turn, turn.body);
  }

  press(turn, button, value) {
    const body = { press: { turn: turn.id, control: button.control, value: value ?? "" } };
    if (button.control === "retry") return this.run(turn, body);
    if (IN_PLACE.has(button.control)) return this.settle(turn, button, body);
    const next = this.append(new Turn(button.label, this.actions, true));
    next.body = body;
    return this.run(next, body, turn);
  }

  // The same again: a new version of what was answered, or else the same request once more.
  retry(turn) {
    const kept = turn.id && turn.view?.buttons.some((button) => button.control === "retry");
    if (kept) return this.press(turn, { control: "retry", label: "Retry" });
    return this.run(turn, turn.body ?? { text: turn.question });
  }

  append(turn) {
    this.turns.push(turn);
    this.element.append(turn.element);
    return turn;
  }

  remove(turn) {
    this.turns = this.turns.filter((one) => one !== turn);
    turn.element.remove();
  }

  // Reads the answer to `body` into `turn`. `under`: the turn whose button was pressed.
  async run(turn, body, under = null) {
    if (this.running.has(turn)) return;
    const abort = new AbortController();
    this.running.set(turn, abort);
    turn.runningId = "";
    turn.start();
    this.changed(this, "started");
    try {
      for await (const { name, data } of this.read(body, abort.signal)) {
        if (name === "turn") turn.runningId = data.turn;
        else if (name === "waiting") turn.wait(data.words);
        else if (name === "text") turn.text(data.from, data.blocks);
        else if (name === "failed") turn.fail(data.words);
        else if (name === "answer" && under && data.private) {
          this.remove(turn);
          under.asideBlocks(data);
        } else if (name === "answer") turn.finish(data);
        this.changed(this, "grown");
        if (name === "failed" || name === "answer") this.end(turn, abort);
      }
      if (this.running.get(turn) !== abort) return;
      turn.fail("Nothing came back: this was sent twice, and the first one is being answered.");
    } catch (error) {
      if (this.running.get(turn) !== abort) return;
      if (error.name === "AbortError") turn.fail("Stopped before the answer began.");
      else if (error instanceof Refused) turn.fail(error.message);
      else throw error;
    } finally {
      this.end(turn, abort);
    }
  }

  // Its last word is there, and what stands under it can be pressed, though the stream may end a little later.
  end(turn, abort) {
    if (this.running.get(turn) !== abort) return;
    this.running.delete(turn);
    this.changed(this, "ended", turn);
  }

  async settle(turn, button, body) {
    try {
      for await (const { name, data } of this.read(body)) {
        if (name === "failed") turn.aside(data.words);
        else if (name === "answer") await this.settled(turn, button, body.press.value, data);
      }
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      turn.aside(error.message);
    }
  }

  async settled(turn, button, value, answer) {
    const { control } = button;
    if (control === "undo") {
      this.remove(turn);
      toast(answer.text);
      this.changed(this, "ended");
    } else if (control === "version" || control === "edit") {
      const found = await call("GET", `/conversations/${this.key}`);
      const view = found.turns.find((one) => one.turn === (control === "version" ? value : turn.id));
      if (view) turn.finish(view);
      if (control === "edit") toast(answer.text);
    } else {
      turn.asideBlocks(answer);
      if (control === "up" || control === "down") turn.rate(control);
    }
  }

  read(body, signal) {
    return events("/turns", { id: crypto.randomUUID?.() ?? randomId(), conversation: this.key, ...body }, signal);
  }

  // Ends every turn that is being answered; what was said by then stays.
  // Those that wait go first: else one would begin as soon as the one before it has ended.
  async stop() {
    for (const [turn, abort] of [...this.running].reverse()) {
      if (!turn.runningId) {
        abort.abort();
        continue;
      }
      turn.stopping();
      try {
        for await (const { name, data } of this.read({ press: { turn: turn.runningId, control: "stop" } })) {
          if (name === "failed") toast(data.words);
        }
      } catch (error) {
        abort.abort();
      }
    }
  }
}

// crypto.randomUUID is only there on https and on this machine.
function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

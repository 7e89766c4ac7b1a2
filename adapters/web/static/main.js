// The chat page: which conversation is shown, and what the keyboard and the message box do to it.

import { Composer } from "/static/composer.js";
import { Conversations } from "/static/conversations.js";
import { frame, narrow, showSide, toast } from "/static/frame.js";
import { watchReadiness } from "/static/readiness.js";
import { Thread } from "/static/thread.js";
import { call } from "/static/wire.js";

const page = {
  chat: document.getElementById("chat"),
  title: document.getElementById("title"),
  scroll: document.getElementById("scroll"),
  welcome: document.getElementById("welcome"),
  thread: document.getElementById("thread"),
  latest: document.getElementById("latest"),
  spoken: document.getElementById("spoken"),
};
const alive = new Map(); // key -> Thread that is being answered, also while another one is shown
let shown = null;
let following = true;

const composer = new Composer(ask, () => shown?.stop());
const conversations = new Conversations(open, (key) => {
  alive.delete(key);
  if (shown?.key === key) begin();
});

async function ask(text, attachments) {
  try {
    if (!shown) show(new Thread((await call("POST", "/conversations")).key, changed), text);
  } catch (error) {
    composer.fill(text);
    return toast(error.message);
  }
  following = true;
  page.welcome.hidden = true;
  shown.ask(text, attachments.map(({ name, mime, content }) => ({ name, mime, content })));
  scrollDown();
}

function show(thread, title) {
  shown = thread;
  page.title.textContent = title;
  page.thread.replaceChildren(thread.element);
  page.welcome.hidden = true;
  composer.running(thread.running.size > 0);
  conversations.mark(thread.key);
}

async function open(key, push = true) {
  if (narrow.matches) showSide(false);
  try {
    const thread = alive.get(key) ?? new Thread(key, changed);
    const found = alive.has(key) ? null : await thread.load();
    show(thread, found?.title ?? conversations.title(key) ?? "Conversation");
  } catch (error) {
    toast(error.message);
    return begin();
  }
  if (push) history.pushState({}, "", `/c/${key}`);
  following = true;
  scrollDown();
  composer.focus();
}

function begin(push = true) {
  if (narrow.matches) showSide(false);
  shown = null;
  page.title.textContent = "New conversation";
  page.thread.replaceChildren();
  page.welcome.hidden = false;
  page.latest.hidden = true;
  composer.running(false);
  conversations.mark("");
  if (push && location.pathname !== "/") history.pushState({}, "", "/");
  composer.focus();
}

async function changed(thread, event, turn) {
  if (event === "started") alive.set(thread.key, thread);
  if (event === "ended" && !thread.running.size) alive.delete(thread.key);
  if (thread === shown) {
    composer.running(thread.running.size > 0);
    if (following) scrollDown();
    if (event === "ended" && turn) page.spoken.textContent = turn.answer.innerText.slice(0, 2000);
  }
  if (event !== "ended") return;
  watchReadiness();
  try {
    await conversations.refresh();
  } catch {
    return; // the turn itself has said what is wrong
  }
  if (thread !== shown || !conversations.title(thread.key)) return;
  page.title.textContent = conversations.title(thread.key);
  if (location.pathname === "/") history.replaceState({}, "", `/c/${thread.key}`);
  conversations.mark(thread.key);
}

function scrollDown() {
  page.scroll.scrollTop = page.scroll.scrollHeight;
}

page.scroll.addEventListener("scroll", () => {
  const { scrollTop, scrollHeight, clientHeight } = page.scroll;
  following = scrollHeight - scrollTop - clientHeight < 60;
  page.latest.hidden = following || !shown;
}, { passive: true });
new ResizeObserver(() => following && shown && scrollDown()).observe(page.scroll);

page.latest.addEventListener("click", () => {
  following = true;
  scrollDown();
});
document.getElementById("new").addEventListener("click", () => begin());
page.welcome.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (example) ask(example.dataset.example, []);
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.defaultPrevented && shown?.running.size) shown.stop();
  else if (event.key === "/" && !/^(INPUT|TEXTAREA)$/.test(event.target.tagName) && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    composer.startCommand();
  }
});
addEventListener("popstate", () => {
  const key = /^\/c\/([0-9a-f]+)$/.exec(location.pathname)?.[1];
  if (key) open(key, false);
  else begin(false);
});

frame();
watchReadiness();
composer.resize();
composer.focus();
composer.palette.load().catch((error) => toast(error.message));
conversations.refresh().catch((error) => toast(error.message));
if (page.chat.dataset.key) open(page.chat.dataset.key, false);

// The message box: text, attached files, Send and Stop.

import { icon, make, narrow, sizeWords, toast } from "/static/frame.js";
import { Palette } from "/static/palette.js";

const MOST_FILES = 5;
const MOST_BYTES = 500_000;

export class Composer {
  // `send(text, attachments)` and `stop()` are the page's.
  constructor(send, stop) {
    this.onSend = send;
    this.form = document.getElementById("composer");
    this.input = document.getElementById("question");
    this.button = document.getElementById("send");
    this.stopButton = document.getElementById("stop");
    this.hint = document.getElementById("hint");
    this.attached = document.getElementById("attached");
    this.picker = document.getElementById("files");
    this.files = [];
    this.palette = new Palette(this.input);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.input.addEventListener("input", () => this.resize());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.input.addEventListener("paste", (event) => this.paste(event));
    this.stopButton.addEventListener("click", stop);
    document.getElementById("attach").addEventListener("click", () => this.picker.click());
    document.getElementById("slash").addEventListener("click", () => this.startCommand());
    this.picker.addEventListener("change", () => {
      this.add([...this.picker.files]);
      this.picker.value = "";
    });
    this.form.addEventListener("dragover", (event) => event.preventDefault());
    this.form.addEventListener("drop", (event) => {
      event.preventDefault();
      this.add([...event.dataTransfer.files]);
    });
  }

  key(event) {
    if (event.isComposing || this.palette.key(event)) return;
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.submit();
  }

  submit() {
    const text = this.input.value.trim();
    if (!text) return;
    const attachments = this.files;
    this.fill("");
    this.files = [];
    this.drawFiles();
    this.palette.close();
    this.onSend(text, attachments);
  }

  fill(text) {
    this.input.value = text;
    this.resize();
  }

  startCommand() {
    this.input.focus();
    if (!this.input.value.startsWith("/")) this.input.value = `/${this.input.value}`;
    this.input.setSelectionRange(1, 1);
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  resize() {
    this.input.style.height = "auto";
    this.input.style.height = `${Math.min(this.input.scrollHeight, innerHeight * 0.4)}px`;
    this.button.disabled = !this.input.value.trim();
  }

  running(running) {
    this.stopButton.hidden = !running;
    this.hint.hidden = running;
  }

  focus() {
    if (!narrow.matches) this.input.focus(); // a phone's keyboard would cover the page
  }

  paste(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.add(files);
  }

  async add(files) {
    for (const file of files) {
      if (this.files.length >= MOST_FILES) return toast(`Up to ${MOST_FILES} files can go with one message.`);
      if (file.size > MOST_BYTES) toast(`${file.name} is too large to send along; the knowledge page takes larger ones.`);
      else this.files.push({ name: file.name, mime: file.type, size: file.size, content: await base64(file) });
    }
    this.drawFiles();
    this.input.focus();
  }

  drawFiles() {
    this.attached.replaceChildren(
      ...this.files.map((file) => {
        const remove = () => {
          this.files = this.files.filter((one) => one !== file);
          this.drawFiles();
          this.input.focus();
        };
        const button = make("button.ghost", { type: "button", "aria-label": `Take ${file.name} away`, onclick: remove }, icon("close"));
        return make("li", {}, icon("file"), make("span", {}, file.name), make("span.fine", {}, sizeWords(file.size)), button);
      }),
    );
  }
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let letters = "";
  for (let at = 0; at < bytes.length; at += 32768) letters += String.fromCharCode(...bytes.subarray(at, at + 32768));
  return btoa(letters);
}

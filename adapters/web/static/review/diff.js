// Two texts held against each other, word by word.

import { make } from "/static/frame.js";

const MOST = 1200; // words; longer texts are shown without marks

// Shows `before` in `left` with what is gone marked, and `after` in `right` with what is new marked.
export function showDiff(left, right, before, after) {
  const parts = after ? compared(words(before), words(after)) : null;
  if (!parts) {
    left.replaceChildren(before);
    right.replaceChildren(after);
    return;
  }
  left.replaceChildren(...parts.filter(([kind]) => kind !== "ins").map(drawn));
  right.replaceChildren(...parts.filter(([kind]) => kind !== "del").map(drawn));
}

function drawn([kind, text]) {
  if (kind === "same") return text;
  const words = text.trimStart();
  const mark = document.createDocumentFragment();
  mark.append(text.slice(0, text.length - words.length), make(kind, {}, words));
  return mark;
}

function words(text) {
  return text.match(/\s*[\p{L}\p{N}]+|\s*[^\s\p{L}\p{N}]|\s+$/gu) ?? [];
}

// Runs of [kind, text], by the longest common subsequence.
function compared(before, after) {
  if (before.length > MOST || after.length > MOST) return null;
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  for (let i = before.length - 1; i >= 0; i -= 1) {
    for (let j = after.length - 1; j >= 0; j -= 1) {
      lengths[i * width + j] = before[i] === after[j]
        ? lengths[(i + 1) * width + j + 1] + 1
        : Math.max(lengths[(i + 1) * width + j], lengths[i * width + j + 1]);
    }
  }
  const runs = [];
  const add = (kind, text) => {
    if (runs.length && runs.at(-1)[0] === kind) runs.at(-1)[1] += text;
    else runs.push([kind, text]);
  };
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      add("same", before[i]);
      i += 1;
      j += 1;
    } else if (j >= after.length || (i < before.length && lengths[(i + 1) * width + j] >= lengths[i * width + j + 1])) {
      add("del", before[i]);
      i += 1;
    } else {
      add("ins", after[j]);
      j += 1;
    }
  }
  return runs;
}

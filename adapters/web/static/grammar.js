// Where the caret stands in a typed command: at its name, at an option's name, or at an option's value.

// Returns {kind: "name", typed, start} | {kind: "value", command, option, typed, start} |
// {kind: "option", command, typed, start} | {kind: "words", command} | null for plain text.
export function context(text, caret, commands) {
  const before = text.slice(0, caret);
  const name = /^\s*\/([a-z_-]*)$/i.exec(before);
  if (name) return { kind: "name", typed: name[1].toLowerCase(), start: before.lastIndexOf("/") };
  const head = /^\s*\/([a-z_-]+)\s/i.exec(before);
  const command = head && commands.find((one) => one.name === head[1].toLowerCase());
  if (!command) return null;
  const value = /(?:^|\s)([a-z_]+):("(?:[^"\\]|\\.)*|[^\s"]*)$/.exec(before);
  const option = value && command.options.find((one) => one.name === value[1]);
  if (option) {
    const typed = value[2].replace(/^"/, "");
    return { kind: "value", command, option, typed, start: caret - value[2].length };
  }
  const word = /\s([a-z_]*)$/.exec(before);
  if (word) return { kind: "option", command, typed: word[1], start: caret - word[1].length };
  return { kind: "words", command };
}

// The options that can still be named: not given yet, beginning as typed.
export function openOptions(command, text, typed) {
  return command.options.filter(
    (option) => option.name.startsWith(typed) && !new RegExp(`\\s${option.name}:`).test(text),
  );
}

export function quoted(value) {
  return /[\s"]/.test(value) ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : value;
}

// Whether sending `/name` alone would leave out something it needs.
export function needsMore(command) {
  return command.options.some((option) => option.required);
}

/**
 * Reads the entries of a TOML file by section, with their lines, without a full parser: enough to
 * see where each package comes from and to put back single entries. Values over several lines are
 * one entry.
 */
export type TomlEntry = {
  section: string;
  key: string;
  value: string;
  /** Index of the first line, and the number of lines. */
  line: number;
  count: number;
};

const maxLines = 200_000;

export function readToml(text: string): TomlEntry[] {
  const lines = text.split("\n", maxLines);
  const entries: TomlEntry[] = [];
  let section = "";
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const header = /^\s*\[\[?([^\]]+)\]/.exec(line)?.[1];
    if (header !== undefined && !line.includes("=", line.indexOf("]"))) {
      section = plainKey(header);
      entries.push({ section, key: "", value: "", line: at, count: 1 });
      continue;
    }
    const equals = line.indexOf("=");
    if (equals < 0 || /^\s*#/.test(line)) continue;
    const key = plainKey(line.slice(0, equals));
    const value = [line.slice(equals + 1).trim()];
    let open = opensMore(value[0] ?? "");
    while (open > 0 && at + value.length < lines.length && value.length < 2_000) {
      const next = lines[at + value.length] ?? "";
      value.push(next);
      open += opensMore(next);
    }
    const count = value.length;
    entries.push({ section, key, value: value.join("\n"), line: at, count });
    at += count - 1;
  }
  return entries;
}

/** The number of brackets a line opens minus those it closes, outside strings. */
function opensMore(line: string): number {
  const bare = line.replace(/"(?:[^"\\]|\\.)*"|'[^']*'/g, "").replace(/#.*/, "");
  return count(bare, /[[{]/g) - count(bare, /[\]}]/g);
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}

/** `"a" . 'b'` is a.b. */
function plainKey(text: string): string {
  return text.replace(/["'\s]/g, "");
}

/** Returns the change's text with the entries that `isTheirs` matches replaced by the base's. */
export function putBackEntries(
  base: string,
  change: string,
  isTheirs: (entry: TomlEntry) => boolean,
): string {
  const baseLines = base.split("\n");
  const lines: (string | null)[] = change.split("\n");
  const place = (entry: TomlEntry) => `${entry.section}\n${entry.key}`;
  const theirs = readToml(change).filter((entry) => entry.key !== "" && isTheirs(entry));
  const old = new Map(
    readToml(base)
      .filter((entry) => entry.key !== "" && isTheirs(entry))
      .map((entry) => [
        place(entry),
        { entry, text: baseLines.slice(entry.line, entry.line + entry.count).join("\n") },
      ]),
  );
  for (const entry of theirs) {
    for (let at = entry.line; at < entry.line + entry.count; at++) lines[at] = null;
    const was = old.get(place(entry));
    if (was) lines[entry.line] = was.text;
    old.delete(place(entry));
  }
  const headers = new Map(
    readToml(change).flatMap(({ section, key, line }) => (key === "" ? [[section, line]] : [])),
  );
  for (const { entry, text } of old.values()) {
    const header = headers.get(entry.section);
    if (header === undefined) lines.push(`[${entry.section}]`, text, "");
    else lines[header] = `${lines[header] ?? ""}\n${text}`;
  }
  return lines.filter((line) => line !== null).join("\n");
}

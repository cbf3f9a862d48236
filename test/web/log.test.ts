import { expect, test } from "vitest";
import { readSegments } from "../../web/src/views/task/log/ansi-segments.ts";
import {
  addNewer,
  addOlder,
  endOf,
  isAtEnd,
  type LogPart,
  mostBytes,
  olderRange,
  partBytes,
  startAt,
  startOf,
} from "../../web/src/views/task/log/log-window.ts";

/** A log in the page: its colours without its tricks, and a window on however much there is. */

test("colours and weight are kept, and all other sequences are left out", () => {
  expect(readSegments("a \u001b[1;31mred\u001b[0m \u001b[92mok\u001b[m b")).toEqual([
    { text: "a ", class: "" },
    { text: "red", class: "fg-red bold" },
    { text: " ", class: "" },
    { text: "ok", class: "fg-green" },
    { text: " b", class: "" },
  ]);
  const moved = readSegments("one\u001b[2J\u001b[1;1H\u001b[?25ltwo").map(({ text }) => text);
  expect(moved.join("")).toBe("onetwo");
  expect(readSegments("10 %\r20 %\r\nend").map(({ text }) => text)).toEqual(["10 %\n20 %\nend"]);
  expect(readSegments("\u001b[38;2;1;2;3mx")).toEqual([{ text: "x", class: "" }]);
});

test("markup is text, a link is its words, and no sequence hides what follows it", () => {
  expect(readSegments("<img src=x onerror=alert(1)>")).toEqual([
    { text: "<img src=x onerror=alert(1)>", class: "" },
  ]);
  const link = "\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007 after";
  expect(
    readSegments(link)
      .map(({ text }) => text)
      .join(""),
  ).toBe("click after");
  for (const open of ["\u001b]8;;https://example.org ", "\u001b[12", "\u001b]0;title", "\u001bP"])
    expect(
      readSegments(`${open}\nhidden?`)
        .map(({ text }) => text)
        .join(""),
      JSON.stringify(open),
    ).toContain("hidden?");
});

const part = (from: number, text: string, total: number, ended = false): LogPart => ({
  ...{ from, text, total, ended },
  to: from + new TextEncoder().encode(text).length,
});

test("the end is shown first, older parts come in front in whole lines", () => {
  const log = "first\nzweite ü\nthird\n";
  const bytes = new TextEncoder().encode(log).length;
  const end = startAt(part(bytes - 6, "third\n", bytes));
  expect([startOf(end), endOf(end), isAtEnd(end)]).toEqual([bytes - 6, bytes, true]);
  // Read from inside the first line, and beyond what is shown already.
  const older = addOlder(end, [part(2, "rst\nzweite ü\nthird\n", bytes)]);
  expect(older.chunks.map(({ text }) => text)).toEqual(["zweite ü\n", "third\n"]);
  expect(startOf(older)).toBe(6);
  const all = addOlder(older, [part(0, "first\n", bytes)]);
  expect(all.chunks.map(({ text }) => text).join("")).toBe(log);
  expect(olderRange(all)).toBeNull();
});

test("a line that is longer than a part comes in several", () => {
  const end = startAt(part(20, "end\n", 24));
  const older = addOlder(end, [part(0, "a\n", 24), part(2, "b".repeat(18), 24)]);
  expect(older.chunks.map(({ text }) => text)).toEqual([`a\n${"b".repeat(18)}`, "end\n"]);
  expect(addOlder(end, [part(0, "a\n", 24)])).toBe(end); // a gap is never shown
});

test("what is written meanwhile is added once", () => {
  const window = startAt(part(0, "a\n", 2));
  const more = addNewer(window, part(2, "b\n", 4, true));
  expect(more).toMatchObject({ total: 4, ended: true });
  expect(addNewer(more, part(2, "b\n", 4, true)).chunks).toHaveLength(2);
});

test("of a log of 200 MB only a few parts are kept, on either side", () => {
  const total = 200 * 1024 * 1024;
  const text = `${"x".repeat(partBytes - 1)}\n`;
  let window = startAt(part(total - partBytes, text, total, true));
  for (let count = 0; count < 100; count++) {
    const range = olderRange(window);
    if (range) window = addOlder(window, [part(range.from, text, total, true)]);
    expect(endOf(window) - startOf(window)).toBeLessThanOrEqual(mostBytes);
  }
  expect(isAtEnd(window)).toBe(false);
});

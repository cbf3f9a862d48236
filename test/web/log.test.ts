import { expect, test } from "vitest";
import { readSegments } from "../../web/src/views/task/log/ansi-segments.ts";
import {
  addNewer,
  addOlder,
  emptyWindow,
  endOf,
  type LogPart,
  mostBytes,
  olderRange,
  partBytes,
  readOn,
  startAt,
  startOf,
} from "../../web/src/views/task/log/log-window.ts";
import { stepHit } from "../../web/src/views/task/log/step-hit.ts";

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
  expect([startOf(end), endOf(end), end.hasNewest]).toEqual([bytes - 6, bytes, true]);
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
  const more = addNewer(window, part(2, "b\n", 4, true), true);
  expect(more).toMatchObject({ total: 4, ended: true });
  expect(addNewer(more, part(2, "b\n", 4, true), true).chunks).toHaveLength(2);
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
  expect(window.hasNewest).toBe(false);
});

/** A log of whole lines, as the daemon cuts it. */
const lineBytes = 1024;
function growing(lines: number) {
  const log = { lines, reads: [] as number[] };
  const read = async (from: number, bytes: number): Promise<LogPart> => {
    const total = log.lines * lineBytes;
    const start = from < 0 ? Math.max(0, total + from) : from;
    const end = Math.min(total, start + Math.max(lineBytes, bytes));
    log.reads.push(bytes);
    return part(start, `${"x".repeat(lineBytes - 1)}\n`.repeat((end - start) / lineBytes), total);
  };
  return { log, read };
}

test("nothing leaves in front of somebody who reads there, and what has left comes when they ask", async () => {
  const { log, read } = growing(100);
  const [reading, following] = [() => false, () => true];
  let window = await readOn(emptyWindow, read, following);
  const start = startOf(window);
  for (let count = 0; count < 60; count++) {
    log.lines += 50;
    window = await readOn(window, read, reading);
    expect(startOf(window)).toBe(start);
    expect(endOf(window) - start).toBeLessThanOrEqual(mostBytes);
  }
  // It is full: only how long the log is by now is read.
  expect([window.hasNewest, window.total]).toEqual([false, log.lines * lineBytes]);
  expect(log.reads.at(-1)).toBeLessThan(lineBytes);
  window = await readOn(window, read, following);
  expect([window.hasNewest, endOf(window)]).toEqual([true, log.lines * lineBytes]);
  expect(startOf(window)).toBeGreaterThan(start);

  // What left at the end, for what is older, does not come back beside it.
  while (window.hasNewest) {
    const { from = 0 } = olderRange(window) ?? {};
    window = addOlder(window, [await read(from, startOf(window) - from)]);
  }
  const end = endOf(window);
  expect(endOf(await readOn(window, read, reading))).toBe(end);
});

test("who follows gets all that came, and of far too much the end", async () => {
  const { log, read } = growing(10);
  let window = await readOn(emptyWindow, read, () => true);
  log.lines += 500;
  window = await readOn(window, read, () => true);
  expect([startOf(window), endOf(window)]).toEqual([0, 510 * lineBytes]);
  log.lines += 100_000;
  window = await readOn(window, read, () => true);
  expect([endOf(window), window.chunks.length]).toEqual([log.lines * lineBytes, 1]);
});

test("the first step backwards goes to the last hit", () => {
  expect([stepHit(-1, -1, 3), stepHit(-1, 1, 3), stepHit(2, 1, 3), stepHit(0, -1, 3)]).toEqual([
    2, 0, 0, 2,
  ]);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { mapLines, parseHunks } from "../../src/core/page/map-lines.ts";

test("lines keep their place, move, or are not there any more", () => {
  const hunks = parseHunks(
    "--- a/x\n+++ b/x\n@@ -2 +2,3 @@\n-b\n+b1\n+b2\n+b3\n@@ -5,2 +6,0 @@\n-e\n-f\n@@ -9,0 +9,2 @@\n+x\n+y\n",
  );
  const map = (line: number, endLine = line) => mapLines({ line, endLine }, hunks);
  expect(map(1)).toEqual({ line: 1, endLine: 1 });
  expect(map(2)).toBeNull();
  expect(map(1, 3)).toBeNull();
  expect(map(3, 4)).toEqual({ line: 5, endLine: 6 });
  expect(map(6)).toBeNull();
  expect(map(7, 9)).toEqual({ line: 7, endLine: 9 });
  expect(map(9, 10)).toBeNull(); // something was put between them
  expect(map(10)).toEqual({ line: 12, endLine: 12 });
});

test("what is mapped says the same, whatever was changed", () => {
  const word = fc.constantFrom("a", "b", "c");
  const edit = fc.record({
    keep: fc.nat(3),
    drop: fc.nat(2),
    put: fc.array(word, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 5 }), fc.nat(20), fc.nat(3), (edits, start, more) => {
      const before: string[] = [];
      const now: string[] = [];
      const hunks: string[] = [];
      for (const { drop, keep, put } of edits) {
        const kept = Array.from({ length: keep + 1 }, (_, n) => `${before.length + n}`);
        before.push(...kept);
        now.push(...kept);
        if (drop + put.length === 0) continue;
        const old = drop === 0 ? before.length : before.length + 1;
        const at = put.length === 0 ? now.length : now.length + 1;
        hunks.push(`@@ -${old},${drop} +${at},${put.length} @@`);
        before.push(...Array.from({ length: drop }, (_, n) => `gone ${before.length + n}`));
        now.push(...put);
      }
      const [line, endLine] = [start + 1, start + 1 + more];
      if (endLine > before.length) return;
      const mapped = mapLines({ line, endLine }, parseHunks(hunks.join("\n")));
      const lines = before.slice(line - 1, endLine);
      if (mapped) expect(now.slice(mapped.line - 1, mapped.endLine)).toEqual(lines);
    }),
  );
});

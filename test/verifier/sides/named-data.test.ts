import { expect, test } from "vitest";
import { findNamedData } from "../../../src/verifier/sides/named-data.ts";

/** Data that a check's command looks at is what it measures; data that its programs read may be what it measures with. */
const known = new Set([
  "README.md",
  "bin/report.js",
  "expected.json",
  "left.txt",
  "notes/a.txt",
  "notes/deep/b.txt",
  "out.txt",
]);

test.each<[command: string, named: string[], lookedAt: string[]]>([
  ["grep -q done left.txt", [], ["left.txt"]],
  ['echo "seen: $(cat left.txt)"; test "$(cat left.txt)" = 3', [], ["left.txt"]],
  ["ls *.txt", [], ["left.txt", "out.txt"]],
  ["ls notes", [], ["notes/a.txt", "notes/deep/b.txt"]],
  ["grep -q notes left.txt", [], ["left.txt"]],
  ["ls notes/ | wc -l", [], ["notes/a.txt", "notes/deep/b.txt"]],
  ["find . -name '*.txt' | grep -q b", [], [...known].filter((path) => /\.(txt|json)$/.test(path))],
  [
    'test -n "$(ls)"',
    [],
    ["expected.json", "left.txt", "notes/a.txt", "notes/deep/b.txt", "out.txt"],
  ],
  ["! grep -rq TODO notes/", [], ["notes/a.txt", "notes/deep/b.txt"]],
  ["if test -f left.txt; then true; fi", [], ["left.txt"]],
  ["diff out.txt expected.json", ["expected.json", "out.txt"], []],
  ["node bin/report.js expected.json", ["expected.json"], []],
  ['test "$(node bin/report.js left.txt)" = 3', ["left.txt"], []],
  ["node bin/report.js | grep -qf expected.json", ["expected.json"], []],
  ["grep -q 1 expected.json && node bin/report.js expected.json", ["expected.json"], []],
  ["npm test && grep -q done left.txt", [], ["left.txt"]],
  ["node bin/report.js > out.txt", [], []],
  ["echo more >> left.txt; npm ci", [], []],
])("%s", (command, named, lookedAt) => {
  const found = findNamedData(command, known, null);
  expect([...found.named].sort()).toEqual(named);
  expect([...new Set(found.lookedAt)].sort()).toEqual([...lookedAt].sort());
});

test("a script that a check runs is no command of a check: what it names may be compared with", () => {
  expect(findNamedData("grep -q done left.txt", known, "check.sh")).toEqual({
    named: ["left.txt"],
    lookedAt: [],
  });
});

import { expect, test } from "vitest";
import {
  readCommitlint,
  readHistory,
  typeOf,
  wrapLines,
  writeHeader,
} from "../../src/core/text/convention.ts";

const program = `export default {
  extends: ["@commitlint/config-conventional"],
  rules: {
    "header-max-length": [2, "always", 60],
    'type-enum': [2, 'always', ['build', "fix", 'story']],
  },
};`;

test("a commitlint configuration is read as data, in each of its languages", () => {
  const rules = { types: ["build", "fix", "story"], maxHeader: 60 };
  expect(readCommitlint("commitlint.config.js", program)).toMatchObject(rules);
  const json =
    '{"rules":{"header-max-length":[2,"always",60],"type-enum":[2,"always",["build","fix","story"]]}}';
  expect(readCommitlint(".commitlintrc", json)).toMatchObject(rules);
  expect(readCommitlint("package.json", `{"name":"x","commitlint":${json}}`)).toMatchObject(rules);
  const yaml = "rules:\n  header-max-length:\n    - 2\n    - always\n    - 60\n";
  expect(readCommitlint(".commitlintrc.yml", yaml)).toMatchObject({ types: null, maxHeader: 60 });
  expect(readCommitlint("package.json", '{"devDependencies":{"@commitlint/cli":"1"}}')).toBeNull();
  // A rule that is off, and one that nothing could keep to.
  const off = '{"rules":{"header-max-length":[0,"always",60]}}';
  expect(readCommitlint(".commitlintrc", off)).toMatchObject({ maxHeader: 100 });
  const mad = '{"rules":{"header-max-length":[2,"always",3]}}';
  expect(readCommitlint(".commitlintrc", mad)).toMatchObject({ maxHeader: 100 });
});

test("eight of the last ten commits make a convention, seven or a young history none", () => {
  const many = (count: number, text: string) => Array.from({ length: count }, () => text);
  const like = ["feat(api)!: take dates", ...many(7, "fix: keep it"), ...many(2, "Whatever")];
  expect(readHistory(like)).toMatchObject({ types: null, maxHeader: 100 });
  expect(
    readHistory([...many(7, "fix: keep it"), ...many(3, "core: whatever it is"), "x"]),
  ).not.toBeNull();
  expect(readHistory([...many(7, "fix: keep it"), ...many(3, "Whatever: it is")])).toBeNull();
  expect(readHistory(many(9, "fix: keep it"))).toBeNull();
});

const convention = { types: null, maxHeader: 100, source: "x" };
test.each([
  ["Repair the greeting.", ["src/a.js"], "fix: repair the greeting"],
  ["README is out of date", ["README.md"], "docs: README is out of date"],
  ["parseDate and HTTP: take zones", ["src/a.js"], "feat: parseDate and HTTP: take zones"],
  ["Cover the importer", ["test/a.test.ts"], "test: cover the importer"],
  ["Upgrade zod", ["package.json"], "chore: upgrade zod"],
  ["Add a login", ["src/a.js"], "feat: add a login"],
  ["fix(api): Take dates", ["src/a.js"], "fix(api): Take dates"],
  ["修复登录", ["src/a.js"], "feat: 修复登录"],
])("the header of %j", (title, files, header) => {
  expect(writeHeader(convention, title, files)).toBe(header);
});

test("a header is as long as it may be, and of a type that is known", () => {
  const strict = { types: ["build", "story"], maxHeader: 30, source: "x" };
  expect(writeHeader(strict, "Repair all that is wrong with it", [])).toBe(
    "build: repair all that is…",
  );
  expect(writeHeader(strict, "fix: it", [])).toBe("build: fix: it");
  expect(typeOf("Whatever", [])).toBe("feat");
});

test("lines are wrapped between words, and a word stays whole", () => {
  expect(wrapLines("one two three\nfour", 8)).toBe("one two\nthree\nfour");
  expect(wrapLines(`see ${"x".repeat(20)} there`, 8)).toBe(`see\n${"x".repeat(20)}\nthere`);
});

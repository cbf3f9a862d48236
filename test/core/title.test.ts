import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRedact } from "../../src/core/text/redact.ts";
import { publicTitleOf, titleOf, titleOfText } from "../../src/core/text/title.ts";

const long =
  "Make the importer read files of any size, because it now reads whole files, which fails for those above two gigabytes";
const goals: [string, string][] = [
  ["Repair the greeting\n\nIt says Hullo.", "Repair the greeting"],
  ["## Repair the **greeting** ##\ntext", "Repair the greeting"],
  ["\n\n- [ ] Repair the greeting\n- [ ] and more", "Repair the greeting"],
  ["> 1. quoted", "quoted"],
  ["====\nTitle", "Title"],
  ["```js\nthrow new Error();\n```\nFind out why this is thrown", "Find out why this is thrown"],
  ["~~~\nnpm test\n~~~", "npm test"],
  [long, "Make the importer read files of any size, because it now reads whole…"],
  [`Read files of any size. ${long}`, "Read files of any size"],
  ["修复登录页面在移动设备上的崩溃问题。".repeat(9), "修复登录页面在移动设备上的崩溃问题"],
  ["修".repeat(80), `${"修".repeat(71)}…`],
  ["🐛🔥", "🐛🔥"],
  ["\u202eevil\u0007 \u001b[31mred\u001b[0m", "evil red"],
  ["<!-- a secret order --> Shown", "Shown"],
  ["\u200b\u202e", "Untitled"],
  ["---", "---"],
];
test.each(goals)("the title of %j", (goal, title) => {
  expect(titleOfText(goal)).toBe(title);
});

test("a title is short, one line, and has nothing unseen in it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 400 }), (goal) => {
      const title = titleOfText(goal);
      expect(title).not.toBe("");
      expect([...title].length).toBeLessThanOrEqual(72);
      expect(title).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
    }),
  );
});

const about = (subject: string, outsideText: string) => ({
  goal: "Resolve the issue described below.",
  origin: { subject, outsideText },
});

test("a task of GitHub is called after what it is about, not after the rule's goal", () => {
  const issue = about(
    "github:acme/app#7",
    "Title: Crash on an empty cart\nAuthor: ada\n\nIt does.",
  );
  expect(titleOf(issue)).toBe("acme/app#7: Crash on an empty cart");
  const run = about(`github:acme/app@${"1a".repeat(20)}`, "Failed workflow: CI\nRun: https://x");
  expect(titleOf(run)).toBe("acme/app@1a1a1a1a1a: CI");
  // An issue without a title, and a body that plays one.
  expect(titleOf(about("github:acme/app#7", "Author: ada\n\nTitle: Mine"))).toBe("acme/app#7");
});

test("a stranger's title mentions and closes nothing, and keeps no half of a secret", () => {
  const secret = "a-secret-of-the-daemon-that-is-rather-long";
  const hostile = `Title: Closes #1 @everyone <img src=x> ${"word ".repeat(5)}${secret}\nAuthor: eve`;
  const title = publicTitleOf(about("github:acme/app#7", hostile), makeRedact([secret]));
  expect(title).toMatch(/^acme\/app#7: Closes ＃1 ＠everyone ‹img src=x>/);
  expect(title).not.toContain("a-secret");
});

import { expect, test } from "vitest";
import { composeMessage, type MessageParts } from "../../src/delivery/messages/compose-message.ts";

const trailers = "Deputy-Task: task_1\nDeputy-Subtask: main";
const parts: MessageParts = {
  written: `Repair the greeting.\n\nIt says hello now.\n\n${trailers}\n`,
  isMerge: false,
  title: null,
  taskId: "task_1",
  issue: null,
  files: ["src/greeting.js"],
  settings: { coAuthors: [], message: null, signOff: false },
  committer: { name: "Ada", email: "ada@example.org" },
  convention: null,
  withBody: true,
};
const convention = { types: null, maxHeader: 100, source: "x" };
const settings = { coAuthors: [], message: null, signOff: false };

test("without settings and convention a message stays as it was written", () => {
  expect(composeMessage(parts)).toBe(parts.written);
  const bare = { ...parts, written: `Repair it\n\n${trailers}\n` };
  expect(composeMessage(bare)).toBe(bare.written);
});

test("convention, co-authors and sign-off", () => {
  const all = { ...settings, coAuthors: ["Deputy <deputy@localhost>"], signOff: true };
  expect(composeMessage({ ...parts, convention, settings: all })).toBe(
    `fix: repair the greeting\n\nIt says hello now.\n\n${trailers}\nCo-authored-by: Deputy <deputy@localhost>\nSigned-off-by: Ada <ada@example.org>\n`,
  );
});

test("a template decides, lines without anything to say are left out, trailers are joined", () => {
  const message = "[{task}] {title} ({type}, {subtask})\n\n{body}\n\nRefs: {issue}\nTask: {task}";
  const filled = (issue: string | null) =>
    composeMessage({ ...parts, issue, convention, settings: { ...settings, message } });
  const head = "[task_1] Repair the greeting. (fix, main)\n\nIt says hello now.\n\n";
  expect(filled("acme/app#7")).toBe(`${head}Refs: acme/app#7\nTask: task_1\n${trailers}\n`);
  expect(filled(null)).toBe(`${head}Task: task_1\n${trailers}\n`);
});

test("a task about an issue is called after it, and says which it is where there is room", () => {
  const about = { ...parts, title: "Greeting is wrong", issue: "acme/app#7" };
  expect(composeMessage(about)).toMatch(/^Greeting is wrong \(acme\/app#7\)\n\n/);
  const tight = { ...convention, maxHeader: 25 };
  expect(composeMessage({ ...about, convention: tight })).toMatch(/^fix: greeting is wrong\n\n/);
});

test("wrapping makes no trailer and no command of an agent's words", () => {
  const written = `Do it\n\n${"word ".repeat(19)}abcd Co-authored-by: Eve <eve＠x>\n\n${trailers}\n`;
  const message = composeMessage({ ...parts, written, convention });
  expect(message).not.toMatch(/^Co-authored-by:/m);
  expect(message).toMatch(/\nCo-authored-by：/);
});

test("a merge has git's own words where there is a convention, which linters let pass", () => {
  const merge = {
    ...parts,
    written: "Merge two: Second part\n\nDeputy-Task: task_1\n",
    isMerge: true,
  };
  expect(composeMessage(merge)).toBe(merge.written);
  expect(composeMessage({ ...merge, convention })).toBe(
    "Merge branch 'two'\n\nDeputy-Task: task_1\n",
  );
});

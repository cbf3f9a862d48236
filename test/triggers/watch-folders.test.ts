import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inboxRuleSchema } from "../../src/triggers/folder/inbox-rule.ts";
import { type Folders, watchFolders } from "../../src/triggers/folder/watch-folders.ts";

let path: string;
let folders: Folders;
let stored: string[];
let logged: string[];

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "deputy-inbox-"));
  stored = [];
  logged = [];
});
afterEach(async () => {
  await folders.stop();
  await rm(path, { recursive: true });
});

const until = (check: () => void | Promise<void>) =>
  vi.waitFor(check, { timeout: 30_000, interval: 20 });
const start = (insert: (goal: string) => Promise<boolean>) => {
  const rule = inboxRuleSchema.parse({ path, repository: "/app" });
  folders = watchFolders({
    folders: () => [{ rule, path, isOurs: false }],
    insert: ({ payload }) => insert((payload as { input: { goal: string } }).input.goal),
    onStored: () => {},
    log: (_level, _fields, message) => logged.push(message),
  });
};

test("a file that cannot be taken keeps no other from being taken, and is named once", async () => {
  const long = `${"a".repeat(240)}.md`; // with the id before it, it is too long
  await writeFile(join(path, long), "Never.");
  await writeFile(join(path, "b.md"), "Say hello.");
  start(async (goal) => stored.push(goal) > 0);
  await until(() => expect(stored).toEqual(["Say hello."]));
  await until(() => expect(folders.problems()).toHaveLength(1));
  expect(folders.problems()[0]).toMatch(
    /^The inbox .* cannot take a+\.md \(ENAMETOOLONG.*take it away$/,
  );
  expect(logged.filter((message) => message.includes(" cannot take "))).toHaveLength(1);
  expect(await readdir(join(path, "accepted"))).toEqual(["b.md"]);
});

test("the reason of a refusal is written through no link", async () => {
  const elsewhere = join(path, "elsewhere.txt");
  await writeFile(elsewhere, "mine");
  await mkdir(join(path, "refused"));
  await symlink(elsewhere, join(path, "refused", "c.why"));
  await writeFile(join(path, "c.md"), "---\nnonsense: 1\n---\nSay hello.");
  start(async () => true);
  await until(() => expect(folders.problems().join()).toMatch(/ELOOP/));
  expect(await readFile(elsewhere, "utf8")).toBe("mine");
});

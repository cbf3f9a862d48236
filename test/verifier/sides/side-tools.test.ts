import { expect, test } from "vitest";
import { sideTools } from "../../../src/verifier/sides/side-tools.ts";
import type { SidedFile } from "../../../src/verifier/sides/sides.ts";
import type { ChangedFile } from "../../../src/worktree/read/read-change.ts";

function changed(path: string, before: string | null, now: string | null): ChangedFile {
  const side = (text: string | null) => (text === null ? null : { mode: "100644", id: "1", text });
  const status = before === null ? "added" : now === null ? "deleted" : "modified";
  return { path, from: null, status, before: side(before), now: side(now) };
}

function plain({ path, status }: ChangedFile): SidedFile {
  return {
    ...{ path, from: null, status, content: "1", side: "source", kind: null, why: "nothing" },
    ...{ withOldJudges: "change", withOldSource: "base", needsAcceptance: false },
    ...{ weaker: null, renamed: [] },
  };
}

const base = {
  texts: "npm test\nvitest run",
  files: ["test/a.test.js"],
  read: async () => 'import { ok } from "my-assert";',
};
const manifest = (more: object) => `${JSON.stringify({ name: "shop", ...more }, null, 2)}\n`;

test("a workspace under the name of a runner is a judge, and gone with the old ones", async () => {
  const change = changed("packages/v/package.json", null, manifest({ name: "vitest" }));
  const [file] = await sideTools([plain(change)], [change], base);
  expect(file).toMatchObject({
    ...{ side: "judge", kind: "dependencies", needsAcceptance: true },
    ...{ withOldJudges: "base", withOldSource: "change" },
    why: "it calls itself vitest, which the checks use",
  });
});

test("what tests import comes back as it was, and what else is new stays", async () => {
  const was = manifest({ devDependencies: { "my-assert": "^1.0.0" } });
  const now = manifest({
    devDependencies: { "my-assert": "file:a" },
    dependencies: { zod: "^4.0.0" },
  });
  const change = changed("package.json", was, now);
  const [file] = await sideTools([plain(change)], [change], base);
  expect(file).toMatchObject({ side: "mixed", kind: "dependencies", needsAcceptance: true });
  const half = file?.withOldJudges;
  expect(JSON.parse(typeof half === "object" ? half.text : "null")).toEqual({
    name: "shop",
    devDependencies: { "my-assert": "^1.0.0" },
    dependencies: { zod: "^4.0.0" },
  });
});

test("an ordinary new package leaves the files as they are", async () => {
  const change = changed("package.json", manifest({}), manifest({ dependencies: { zod: "^4" } }));
  const files = [plain(change)];
  expect(await sideTools(files, [change], base)).toEqual(files);
});

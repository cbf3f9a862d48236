import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readSandbox } from "../../src/config/sandbox-settings.ts";
import type { Refused } from "../../src/core/proof/confinement.ts";
import { makeCheckSandbox } from "../../src/roles/box.ts";
import { runBaseline } from "../../src/verifier/checks/baseline.ts";
import { verifyCommit } from "../../src/verifier/checks/verify-attempt.ts";
import type { CheckSandbox } from "../../src/verifier/place/confine-checks.ts";
import { makeSandboxBench, type SandboxBench } from "../support/sandbox.ts";
import { makeCheck, surroundings, TestRepository } from "../verifier/repository.ts";

/** The verifier with its commands confined: the same verdicts, and nothing to be had for the change. */
let bench: SandboxBench;
let repository: TestRepository;
let base: string;
const denied: Refused[] = [];

beforeAll(async () => {
  bench = await makeSandboxBench();
  repository = await TestRepository.create();
  base = await repository.commit({
    "package.json": JSON.stringify({ name: "x", scripts: { test: "node --test" } }),
    "a.test.mjs": `import test from "node:test"; import fs from "node:fs"; test("one", () => { if (fs.readFileSync("file.txt", "utf8") !== "good\\n") throw new Error("bad"); });`,
    "file.txt": "good\n",
  });
});
afterAll(async () => {
  await repository.remove();
  await bench.remove();
});

const sandbox = (): CheckSandbox => ({
  ...makeCheckSandbox(
    {
      sandbox: bench.sandbox,
      config: {
        sandbox: readSandbox({ network: { setup: "open" }, processes: 400 }, new Map(), null, {
          ...{ environment: {}, npmrc: "", hosts: [], problems: [] },
        }),
        paths: { scratch: join(bench.root, "runs") },
      },
    },
    { repository: "/x", preparation: null },
  ),
  onDenials: (by, _, denials) => denied.push(...denials.map((denial) => ({ ...denial, by }))),
});

async function judge(files: Record<string, string>, commands: string[], setup: string[] = []) {
  const commit = await repository.commit(files, base);
  const common = {
    ...surroundings(repository, await repository.mirror()),
    ...{ baseCommit: base, sandbox: sandbox(), setup },
    checks: commands.map((command) => makeCheck(command)),
  };
  const baseline = await runBaseline(common);
  return verifyCommit({
    ...{ ...common, commit, baseline, protectedPaths: [], proof: null },
    submodulesRef: null,
    onCheck: () => {},
  });
}

test("setup's work is there for the checks; what a check writes outside is refused and told", async () => {
  const verdict = await judge(
    { "new.txt": "x\n" },
    ["npm test", "test -e ~/installed && git status --porcelain", "touch /usr/evil; true"],
    ["touch ~/installed /usr/setup; true"],
  );
  expect(verdict.checks.map(({ check, result }) => [check.command, result])).toEqual([
    ["npm test", "pass"],
    ["test -e ~/installed && git status --porcelain", "pass"],
    ["touch /usr/evil; true", "pass"],
  ]);
  for (const [by, path] of [
    ["setup", "/usr/setup"],
    ["check", "/usr/evil"],
  ])
    expect(denied).toContainEqual({
      ...{ by, what: "write", known: "reported", detail: expect.stringContaining(path ?? "") },
    });
});

test("a change that breaks a test fails by its name, as without a sandbox", async () => {
  const verdict = await judge({ "file.txt": "bad\n" }, ["npm test"]);
  expect(verdict).toMatchObject({ result: "fail" });
  expect(verdict.checks[0]?.newlyFailing.join()).toContain("one");
});

test("a change whose check takes all there is, is inconclusive and says for what", async () => {
  const hog =
    'node -e \'const a=[];for(;;)a.push(require("child_process").spawn("sleep",["60"]))\'';
  const verdict = await judge({ "bomb.txt": "x" }, [`test ! -e bomb.txt || ${hog}`]);
  expect(verdict).toMatchObject({ result: "inconclusive" });
  expect(verdict.checks[0]?.run.detail).toContain("was stopped by the sandbox: more than 400");
});

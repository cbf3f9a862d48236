import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { greetingProject, makeRepository, repairGreeting } from "../support/repository.ts";
import { makeScratch } from "../support/scratch.ts";

/** A receipt is found out again, with a daemon and without one, where the work was done and elsewhere. */
const { deputy, repository, run } = withDeputy({
  files: { ...greetingProject, ".tool-versions": "no-such-tool 1.2\n" },
});
let task: Json;
let receiptFile: string;

beforeAll(async () => {
  task = await run({
    goal: "Mend the greeting",
    agent: repairGreeting,
    checks: ["npm test"],
  });
  receiptFile = join(deputy.home, "artifacts", task.id, "receipt.json");
});

/** The same as on another machine: a home of its own, and no database. */
const elsewhere = { DATABASE_URL: "", REDIS_URL: "", DEPUTY_URL: "" };

async function prove(args: string[], cwd = repository.path, env: Record<string, string> = {}) {
  const { code, stderr, stdout } = await deputy.cli(["prove", ...args], { cwd, env });
  return { code, stdout, stderr };
}

test("a delivered task by its id: each run is shown with its command, and the receipt agrees", async () => {
  expect(task.state).toBe("completed");
  const { code, stdout } = await prove([task.id]);
  expect(stdout).toContain("Sandbox: ");
  expect(stdout).toContain("\nThe repository wants no-such-tool 1.2 (.tool-versions), which");
  expect(stdout).toMatch(/^base +`npm test`: red \(exit 1\)/m);
  expect(stdout).toMatch(/^change +`npm test`: pass \(green, red before/m);
  expect(stdout).toMatch(/^canary +`.*npm test/m);
  expect(stdout).toMatch(/\nVerified: .*\.\nThe receipt says the same\.\n$/);
  expect(code).toBe(0);
});

test("with the file alone, on a second clone, without a daemon", async () => {
  const folder = await makeScratch();
  try {
    const clone = join(folder.path, "clone");
    repository.git("clone", "--quiet", repository.path, clone);
    const receipt: Json = JSON.parse(await readFile(receiptFile, "utf8"));
    const file = join(folder.path, "receipt.json");
    receipt.task.repository = "/not/on/this/machine";
    await writeFile(file, JSON.stringify(receipt));
    const env = { ...elsewhere, DEPUTY_HOME: join(folder.path, "home") };
    const proved = await prove([file, "--json"], clone, env);
    expect(proved.stderr).toBe("");
    expect(JSON.parse(proved.stdout)).toMatchObject({
      ...{ agrees: true, headline: "Verified", receipt: "Verified", repository: clone },
      ...{ level: "standard", commit: receipt.delivery.commit },
      verdict: { result: "pass" },
    });

    const lost = await prove([file], deputy.home, env);
    expect(lost).toMatchObject({ code: 2 });
    expect(lost.stderr).toContain("change into a clone of it, or name one with --repository");

    const other = await makeRepository({ "a.txt": "a\n" });
    const without = await prove([file, "--repository", other.path], clone, env);
    await other.remove();
    expect(without).toMatchObject({ code: 2 });
    expect(without.stderr).toContain(
      `does not have the commit ${receipt.delivery.commit.slice(0, 12)}`,
    );
  } finally {
    await folder.remove();
  }
}, 300_000);

test("a receipt that says more than comes out is contradicted", async () => {
  const receipt: Json = JSON.parse(await readFile(receiptFile, "utf8"));
  // The base itself, as if somebody had delivered nothing.
  receipt.delivery.commit = receipt.task.base.commit;
  const file = join(deputy.home, "forged.json");
  await writeFile(file, JSON.stringify(receipt));
  const { code, stdout } = await prove([file], repository.path, elsewhere);
  expect(code).toBe(1);
  expect(stdout).toContain('The receipt says something else: "Verified".');
});

test("what is no receipt is refused with a sentence", async () => {
  const file = join(deputy.home, "other.json");
  await writeFile(file, '{"format":"something"}');
  expect(await prove([file])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("This is not a receipt that can be proved: format"),
  });
  expect((await prove(["tsk_nothing"])).code).toBe(2);
});

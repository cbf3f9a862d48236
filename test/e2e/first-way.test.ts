import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import type { Engine } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { redisUrl } from "../support/redis.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

const engines: Engine[] = redisUrl() === null ? ["postgres"] : ["postgres", "redis"];

describe.each(engines)("a task on the user's own repository (queue on %s)", (engine) => {
  const { deputy, repository } = withDeputy({ engine, files: greetingProject });

  test("run --watch ends with a verified branch, a patch and a receipt; the checkout is untouched", async () => {
    const before = await fingerprintCheckout(repository.path);
    const { code, stdout, stderr } = await deputy.cli(
      ["run", "Repair the greeting", "--agent", repairGreeting, "--check", "npm test", "--watch"],
      { cwd: repository.path },
    );
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toContain("deputy/repair-the-greeting");
    expect(await fingerprintCheckout(repository.path)).toEqual(before);
    expect(repository.git("show", "deputy/repair-the-greeting:src/greeting.js")).toContain("Hello");
    const [, id = ""] = /(task_\w+)/.exec(stdout) ?? [];
    const receipt = JSON.parse(
      await readFile(join(deputy.home, "artifacts", id, "receipt.json"), "utf8"),
    );
    expect(receipt.verified).toBe(true);
    expect(
      receipt.checks.map(({ stage, result }: { stage: string; result: string }) => [stage, result]),
    ).toEqual([["attempt", "pass"]]);
    expect(receipt.checks[0].baseline).toMatchObject({
      exit_code: 1,
      tests: { passed: 1, failed: 1 },
    });
    expect(receipt.checks[0].newly_passing).toEqual(["test/greeting.test.js > greets"]);
    expect(existsSync(join(deputy.home, "artifacts", id, "change.patch"))).toBe(true);
    expect(existsSync(join(deputy.home, "artifacts", id, "receipt.md"))).toBe(true);
  });
});

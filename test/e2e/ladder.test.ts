import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";

/** The rungs of recovery, by an agent with a session: repaired, begun afresh, and both over a `kill -9`. */
let model: ModelServer;
const write = (content: string, path = "word.txt") => ({
  calls: [{ tool: "write", args: { path, content: `${content}\n` } }],
});
const finish = (summary: string) => ({ calls: [{ tool: "finish", args: { summary } }] });

beforeAll(async () => {
  model = await startModelServer({
    apiKey: "sk-ladder",
    scenario: {
      models: ["scripted"],
      roles: {
        again: {
          match: /attempt [34][\s\S]*Tried before/,
          turns: (seen) => {
            const [, diff = "false"] = /read by `(git diff \w+ \w+)`/.exec(seen.user) ?? [];
            const look = { calls: [{ tool: "bash", args: { command: `${diff} -- left.txt` } }] };
            return [look, write("right"), finish("Anew.")][seen.replies] ?? finish("Anew.");
          },
        },
        slip: {
          match: /make a slip/,
          turns: [
            ...[write("kept", "kept.txt"), write("wrong"), finish("All is right.")],
            ...[write("right"), finish("Repaired.")],
          ],
        },
        stuck: {
          match: /be stuck|be killed/,
          turns: [
            ...[write("left", "left.txt"), write("wrong"), finish("Wrote it.")],
            ...[write("more", "more.txt"), finish("Wrote more.")],
          ],
        },
      },
    },
  });
});
afterAll(() => model?.close());

const { deputy, repository, receiptOf, run, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-ladder",
    OPENAI_BASE_URL: model.url,
    DEPUTY_MODEL: "scripted",
  }),
});

const check = 'grep -qx right word.txt || { echo "expected right, got $(cat word.txt)"; exit 1; }';
const task = (goal: string) => ({ goal, agent: "builtin", checks: [check], allow: ["word.txt"] });
const requestsOf = (role: string) => model.requests.filter((request) => request.role === role);
const rungsOf = async (id: string) =>
  (await receiptOf(id)).attempts.map(({ recovery }: Json) => recovery?.rung ?? null);

test("a red check is repaired in the same session, and all of the tree is verified", async () => {
  const done = await run(task("Please make a slip"));
  expect(done.state, done.end_detail).toBe("completed");
  expect(await rungsOf(done.id)).toEqual(["repair", null]);
  const asked = requestsOf("slip").find(({ turn }) => turn === 3);
  const told = JSON.stringify(asked?.body);
  expect(told).toContain("Please make a slip");
  expect(told).toContain("All is right.");
  expect(told).toContain("Files in the base: 1; at its top: README.md.");
  expect(told).toMatch(
    /This attempt ends after \d+ min or \d+ turns \(model calls\)\. What the files hold by then is kept\./,
  );
  expect(told).toContain("Your result did not pass (checks_failed)");
  expect(told).toContain("expected right, got wrong");
  expect(told).toContain("The worktree is as you left it.");
  const sql = "select distinct session_id, base_commit from attempts where task_id = $1";
  expect(await deputy.database?.query(sql, [done.id])).toHaveLength(1);
  expect(repository.git("show", `${done.branch}:word.txt`)).toBe("right");
  expect(repository.git("show", `${done.branch}:kept.txt`)).toBe("kept");
  const { verdict } = (await receiptOf(done.id)).attempts[1];
  expect(verdict.result).toBe("pass");
});

test("the same failure after a repair: afresh, with all that was tried", async () => {
  const done = await run(task("Now be stuck"));
  expect(done.state, done.end_detail).toBe("completed");
  expect(await rungsOf(done.id)).toEqual(["repair", "fresh", null]);
  const { body } = await deputy.api("GET", `/v1/tasks/${done.id}/ladder`);
  const [own] = body.subtasks;
  expect(own).toMatchObject({ state: "completed", counted: 2, limit: 6, on: "fresh", next: null });
  const page = await deputy.cli(["ladder", done.id]);
  expect(page.code, page.stderr).toBe(0);
  expect(page.stdout).toMatch(/repair in the same session +#2 +attempt 2 of 6 repairs it/);
  expect(page.stdout).toMatch(/start afresh +#3 +attempt 3 of 6 from a clean base/);
  const events = await deputy.events(done.id);
  const said = events.filter(({ type }) => type === "recovery.decided");
  expect(said.map(({ data }) => data.rung)).toEqual(["repair", "fresh"]);
  expect(said[1]?.message).toContain("because a repair led to the same failure");
  const told = JSON.stringify(requestsOf("again").at(-1)?.body);
  expect(told).toContain("- attempt 1 (builtin): checks_failed, ");
  expect(told).toContain("its agent said: Wrote it.");
  expect(told).toContain("The worktree is back at its base");
  expect(told).toContain("+left"); // the former change, read by the command that it was told
  expect(told).not.toContain("You were interrupted");
  expect(repository.git("ls-tree", "--name-only", done.branch)).toBe("README.md\nword.txt");
});

test("killed during a repair, it stays on its rung: told again, and not repaired twice", async () => {
  const isRepair = (request: { role: string | null; turn: number }) =>
    request.role === "stuck" && request.turn === 3;
  const seen = requestsOf("stuck").length;
  model.hold(isRepair);
  const id = await submit(task("Now be killed"));
  await model.waitForRequest((request) => isRepair(request) && requestsOf("stuck").length > seen);
  expect((await deputy.cli(["why", id])).stdout).toContain(
    'attempt 2 of "main" (in the session of the one before), by prc_',
  );
  const page = await deputy.cli(["ladder", id]);
  expect(page.stdout).toContain("if it fails so again: attempt 3 of 6 from a clean base, ");
  await deputy.kill();
  model.release();
  await deputy.start();
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(await rungsOf(id)).toEqual(["repair", "continue", "fresh", null]);
  const resumed = requestsOf("stuck").findLast(({ turn }) => turn === 3);
  const told = JSON.stringify(resumed?.body);
  expect(told).toContain("You were interrupted");
  expect(told).toContain("expected right, got wrong");
});

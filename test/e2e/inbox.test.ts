import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** What needs a person is one list: the same items, words and order by HTTP, CLI and MCP. */
const { deputy, repository, submit } = withDeputy({
  files: { "a.txt": "a\n", ".deputy/config.yaml": "checks: []\n" },
  config: "backoff_ms: 1\n",
});

const list = async () => (await deputy.api("GET", "/v1/attention")).body as Json;
const inbox = async () => (await deputy.cli(["inbox"])).stdout;

test("questions, delivered and failed work are listed by tier until they are settled", async () => {
  expect(await list()).toEqual({ items: [], archived: { ready: 0, failed: 0 } });
  expect(await inbox()).toBe("Nothing needs you.\n");

  const failed = await deputy.run({
    ...{ repository: repository.path, goal: "Fail at once", agent: "command:exit 1" },
    when_stuck: "fail",
  });
  const done = await deputy.run({
    ...{ repository: repository.path, goal: "Write b", agent: "command:echo b > b.txt" },
  });
  const stuck = await submit({ goal: "Get stuck", agent: "command:exit 1", when_stuck: "ask" });
  await deputy.untilEvent(stuck, ({ type }) => type === "question.asked");
  const asking = await submit({
    goal: "Ask",
    agent: `command:echo '{"question": "Left or right?"}'`,
  });
  await deputy.untilEvent(asking, ({ type }) => type === "question.asked");

  const { items } = await list();
  expect(items.map(({ heading, kind, task }: Json) => [heading, kind, task.title])).toEqual([
    ["Blocks other work", "stuck", "Get stuck"],
    ["Blocks other work", "question", "Ask"],
    ["Ready to accept", "delivered", "Write b"],
    ["Failed, or given up", "failed", "Fail at once"],
  ]);
  expect(items[0].actions.map(({ label }: Json) => label)).toEqual([
    ...["retry", "give up", "say what to change"],
  ]);
  // The words are those of `deputy why`.
  for (const { task, why } of items) {
    const told = (await deputy.api("GET", `/v1/tasks/${task.id}/why`)).body;
    const rows = [told, ...told.subtasks].map(({ waiting_for }: Json) => waiting_for);
    expect(
      rows.some((row) => row.endsWith(why)),
      why,
    ).toBe(true);
  }
  const [, asked, ready, gone] = items;
  expect(asked.actions).toMatchObject([{ name: "answer", label: "answer in words", risk: "low" }]);
  expect(ready.actions.map(({ name, risk }: Json) => [name, risk])).toEqual([
    ["accept", "high"],
    ["discard", "high"],
  ]);
  const page = await inbox();
  expect(page).toMatch(
    /^Blocks other work\n {2}task_\w+ {2}Get stuck \(main\), [\s\S]*\nReady to accept\n[\s\S]*\nFailed, or given up\n/,
  );
  expect(page).toContain(`      deputy accept ${done.id}\n`);
  expect(page).toContain(`      deputy retry ${failed.id}\n`);
  const told = await deputy.api(
    "POST",
    "/mcp",
    {
      ...{ jsonrpc: "2.0", id: 1, method: "tools/call" },
      params: { name: "inbox", arguments: {} },
    },
    { accept: "application/json, text/event-stream" },
  );
  expect(JSON.stringify(told.body)).toContain("Left or right?");
  expect(JSON.stringify(told.body)).not.toContain("/accept");

  // Each action is a request that does what it says; then the item is gone.
  const act = ({ request }: Json, answer?: string) =>
    deputy.api(
      "POST",
      request.path,
      request.body && { ...request.body, ...(answer && { answer }) },
    );
  expect((await act(asked.actions[0], "Left")).status).toBe(200);
  expect((await act(items[0].actions[1])).status).toBe(200); // give up
  expect((await act(ready.actions[1])).status).toBe(200);
  expect((await act(gone.actions[0])).status).toBe(202);
  await deputy.untilOver(failed.id);
  await deputy.untilOver(stuck);
  const after = await list();
  expect(after.items.map(({ id }: Json) => id)).not.toContain(ready.id);
  expect(after.items.map(({ id }: Json) => id)).not.toContain(asked.id);
});

test("a typo in the rules of triggers is said where a person looks, and gone once it is mended", async () => {
  const path = join(deputy.home, "triggers.yaml");
  const rules = async () =>
    (await list()).items.filter(({ kind }: Json) => kind === "rules").map(({ why }: Json) => why);
  expect(await rules()).toEqual([]);
  await writeFile(path, "github:\n  - repositry: acme/app\n");
  await expect
    .poll(rules, { timeout: 15_000 })
    .toEqual([
      expect.stringMatching(
        /triggers\.yaml, line 2: "github\[0\]" has an unknown field: "repositry"; nothing fires$/,
      ),
    ]);
  await writeFile(path, "github: []\n");
  await expect.poll(rules, { timeout: 15_000 }).toEqual([]);
});

test("a freeze is Deputy's own trouble; what is quiet for long is counted, not listed", async () => {
  await deputy.cli(["freeze", "--reason", "prices rose"]);
  const { items } = await list();
  const frozen = items.at(-1);
  expect(frozen).toMatchObject({ id: "system:frozen", tier: "system", task: null });
  expect(frozen.why).toContain("prices rose");
  expect(await inbox()).toMatch(
    /(?:^|\n)Deputy itself\n[\s\S]* {2}frozen, [\s\S]*\n {6}deputy thaw\n/,
  );
  await deputy.cli(["thaw"]);
  await deputy.database?.query("update tasks set ended_at = now() - interval '15 days'");
  const later = await list();
  expect(later.items.filter(({ tier }: Json) => tier === "failed" || tier === "ready")).toEqual([]);
  expect(later.archived.failed).toBeGreaterThan(0);
  expect(await inbox()).toContain("Quiet for long, and not listed: ");
});

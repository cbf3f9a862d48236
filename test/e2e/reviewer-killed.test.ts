import { afterAll, beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { finding } from "../support/reviewing.ts";

/** The builtin agent as coder and reviewer, and a daemon that dies while the reviewer is at it. */
let server: ModelServer;
const note = finding({ priority: 3, evidence: { kind: "quote", text: "done" } });

beforeAll(async () => {
  server = await startModelServer({
    scenario: {
      roles: {
        reviewer: {
          match: "You review a change",
          turns: [
            { calls: [{ tool: "read", args: { path: "work.txt" } }] },
            { calls: [{ tool: "read", args: { path: "other.txt" } }] },
            { json: { summary: "good", findings: [note], fine: [] } },
          ],
        },
        coder: {
          turns: [
            { calls: [{ tool: "write", args: { path: "work.txt", content: "done\n" } }] },
            { calls: [{ tool: "finish", args: { summary: "It is written." } }] },
          ],
        },
      },
    },
  });
});
afterAll(() => server?.close());
const { deputy, repository } = withDeputy({
  files: { "work.txt": "start\n", "other.txt": "nothing to see\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-test",
    OPENAI_BASE_URL: server.url,
    DEPUTY_MODEL: "scripted",
  }),
});

test("killed in a thought it goes on in its session: the call in flight is made twice, no other", async () => {
  const inThought = ({ role, turn }: { role: string | null; turn: number | null }) =>
    role === "reviewer" && turn === 1;
  server.hold(inThought);
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Write it down", repository: repository.path, assurance: "standard" },
    checks: ["grep -q done work.txt"],
  });
  await server.waitForRequest(inThought);
  await deputy.kill();
  server.release();
  await deputy.start();
  const task = await deputy.untilOver(body.id);
  expect(task.state, task.end_detail).toBe("completed");

  // What it had read is not read again.
  const requests = server.requests.filter(({ role }) => role === "reviewer");
  expect(requests.map(({ turn }) => turn)).toEqual([0, 1, 1, 2]);
  expect(JSON.stringify(requests.at(-1)?.body)).toContain("nothing to see");
  const receipt = (await deputy.api("GET", `/v1/tasks/${body.id}/receipt`)).body;
  expect(receipt.attempts).toHaveLength(1);
  expect(receipt.reviews[0]).toMatchObject({
    rounds: 1,
    reviewers: [{ agent: "builtin", result: "done" }],
    findings: [{ id: "F1", state: "note" }],
  });
  // What was served to its end is counted, once.
  const served = requests.filter(({ usage }) => usage !== null);
  const { usage } = (await deputy.api("GET", `/v1/tasks/${body.id}`)).body;
  expect(served).toHaveLength(3);
  expect(usage).toContainEqual(
    expect.objectContaining({
      ...{ role: "reviewer", calls: 3, attempt_id: expect.stringMatching(/^att_/) },
      input_tokens: served.reduce((sum, { usage }) => sum + (usage?.inputTokens ?? 0), 0),
    }),
  );
});

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import { startModelServer } from "../support/model-server/start.ts";
import { makeRun } from "./make-run.ts";

test("200 attempts at once in one process, each with its own model, key, brief, budget and environment", async () => {
  const count = 200;
  const server = await startModelServer({
    apiKey: Array.from({ length: count }, (_, i) => `key-${i}`),
    scenario: {
      roles: {
        any: {
          turns: ({ replies, wire }) => ({
            latencyMs: 200,
            usage: { input: wire === "chat" ? 10 : 20, output: 1 },
            calls:
              replies === 0
                ? [{ tool: "write", args: { path: "mine", content: "$MINE" } }]
                : replies === 1
                  ? [{ tool: "read", args: { path: "mine" } }]
                  : [{ tool: "finish", args: { summary: "done" } }],
          }),
        },
      },
    },
  });
  onTestFinished(() => server.close());
  // Every fourth has a budget of two calls.
  const hasLittle = (i: number) => i % 4 === 0;
  const runs = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      let left = hasLittle(i) ? 2 : 3;
      const run = await makeRun({ brief: `Brief number ${i}.`, env: { PATH: "/nowhere" } });
      const count = run.meter.count;
      const refuse = async () => (left-- > 0 ? null : `budget ${i} is used up`);
      return { ...run, meter: { refuse, count } };
    }),
  );
  const ends = await Promise.all(
    runs.map((run, i) =>
      makeBuiltinAgent({
        apiKey: `key-${i}`,
        baseUrl: server.url,
        model: `model-${i}`,
        wire: i % 2 === 0 ? "chat" : "responses",
      })(run),
    ),
  );
  for (const [i, end] of ends.entries()) {
    expect(end.detail).toBe(hasLittle(i) ? `budget ${i} is used up` : "finished");
    expect(await readFile(join(runs[i]?.worktree ?? "", "mine"), "utf8")).toBe("$MINE");
    const tokens = runs[i]?.calls.map((call) => [call.model, call.tokens?.inputTokens]);
    const each = [`model-${i}`, i % 2 === 0 ? 10 : 20];
    expect(tokens).toEqual(Array(hasLittle(i) ? 2 : 3).fill(each));
  }
  for (const { model, headers, body, wire } of server.requests) {
    const number = model.replace("model-", "");
    expect(headers.authorization).toBe(`Bearer key-${number}`);
    expect(wire).toBe(Number(number) % 2 === 0 ? "chat" : "responses");
    expect(JSON.stringify(body)).toContain(`Brief number ${number}.`);
  }
  expect(server.requests).toHaveLength(count * 3 - count / 4);
}, 120_000);

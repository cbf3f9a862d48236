import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import { makeRun, makeSession } from "../agents/make-run.ts";
import type { ModelRequest } from "../support/model-server/records.ts";
import { startModelServer } from "../support/model-server/start.ts";

/**
 * Two hundred attempts in one process at the same time, each with a key, a model, a budget, an
 * environment, a folder and a memory of its own. The server looks at every request: nothing of one
 * attempt is ever in another's.
 */
const count = 200;
const numbers = Array.from({ length: count }, (_, i) => i);
const keyOf = (i: number) => `sk-of-task-${i}`;
const modelOf = (i: number) => `model-${i}`;
/** Every third has a budget of two calls, and needs three. */
const isShort = (i: number) => i % 3 === 0;

test("200 attempts at once: every request is its own task's, and nobody else's", async () => {
  const server = await startModelServer({
    apiKey: numbers.map(keyOf),
    scenario: {
      models: numbers.map(modelOf),
      roles: {
        coder: {
          turns: [
            { latencyMs: 200, calls: [{ tool: "read", args: { path: "own.txt" } }] },
            { latencyMs: 200, calls: [{ tool: "bash", args: { command: 'echo "$MARK"' } }] },
            { latencyMs: 200, calls: [{ tool: "finish", args: { summary: "Told." } }] },
          ],
        },
      },
    },
  });
  onTestFinished(() => server.close());
  // Nobody is answered before all have asked: all two hundred are under way at once.
  server.hold(({ turn }) => turn === 0);

  const runs = numbers.map(async (i) => {
    const session = makeSession();
    let calls = 0;
    const run = await makeRun({
      brief: `This is <task ${i}>.\n`,
      env: { PATH: process.env.PATH ?? "", MARK: `<mark ${i}>` },
      session,
      // On a busy machine two hundred take their time, and this is not about it.
      timeoutMs: 600_000,
      takeMessages: async () => (calls === 1 ? [`<word ${i}>`] : []),
      meter: {
        limits: null,
        refuse: async () => (isShort(i) && calls === 2 ? `<budget ${i}> is used up` : null),
        count: async ({ model }) => {
          expect(model).toBe(modelOf(i));
          calls++;
        },
      },
    });
    await writeFile(join(run.worktree, "own.txt"), `<file ${i}>\n`);
    await writeFile(join(run.worktree, "AGENTS.md"), `<rule ${i}>\n`);
    const agent = makeBuiltinAgent({
      apiKey: keyOf(i),
      baseUrl: server.url,
      model: modelOf(i),
      wire: "chat",
    });
    return { end: await agent(run), entries: session.entries };
  });
  const all = () => server.requests.length === count;
  await server.waitForRequest(all);
  server.release();
  const ends = await Promise.all(runs);

  const byTask = new Map(numbers.map((i) => [i, [] as ModelRequest[]]));
  for (const request of server.requests) {
    const text = JSON.stringify(request.body.messages);
    const [owner, ...others] = new Set(
      [...text.matchAll(/<(?:task|mark|word|file|rule) (\d+)>/g)].map(([, i]) => Number(i)),
    );
    expect(others, text).toEqual([]);
    const i = owner ?? -1;
    expect(request.headers.authorization).toBe(`Bearer ${keyOf(i)}`);
    expect(request.model).toBe(modelOf(i));
    expect(request.status).toBe(200);
    byTask.get(i)?.push(request);
  }
  for (const [i, requests] of byTask) {
    expect(requests.map(({ turn }) => turn)).toEqual(isShort(i) ? [0, 1] : [0, 1, 2]);
    const told = JSON.stringify(requests.at(-1)?.body.messages);
    for (const what of ["task", "rule", "file", "word"]) expect(told).toContain(`<${what} ${i}>`);
    const { end, entries } = ends[i] ?? {};
    if (isShort(i)) {
      expect(end).toMatchObject({ reason: "out_of_budget", detail: `<budget ${i}> is used up` });
    } else {
      expect(end).toMatchObject({ reason: "done", summary: "Told." });
      expect(told).toContain(`<mark ${i}>`);
    }
    expect(JSON.stringify(entries)).toContain(`<mark ${i}>`);
  }
}, 120_000);

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { sumCalls } from "../agents/make-run.ts";
import { agents, makeAgent, makeProjectRun, makeServer, realKey, repair } from "./support.ts";

/** The real programs as agents: what the daemon gets to know of what they do. */
describe.each(agents)("%s", (name) => {
  test("does the work, and what it used is what the server served", async () => {
    const server = await makeServer(repair);
    const run = await makeProjectRun();
    const end = await makeAgent(name, server)(run);
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "done", failure: null });
    expect(end.summary).toContain("The greeting says Hello now.");
    expect(await readFile(join(run.worktree, "src/greeting.js"), "utf8")).toContain("Hello");
    const [served] = Object.values(server.served);
    const { reasoningTokens: _, ...counted } = served ?? {};
    expect(sumCalls(run.calls)).toEqual(counted);
    expect(run.session.externalId ?? "").not.toBe("");
    const kinds = new Set(run.events.map(({ kind }) => kind));
    expect([...kinds]).toEqual(
      expect.arrayContaining(["turn", "tool_call", "tool_result", "usage"]),
    );
    expect(await readFile(run.logPath, "utf8")).not.toContain(realKey);
  });
});

import { onTestFinished } from "vitest";
import { type BuiltinOptions, makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import type { Scenario, Turn } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { makeRun, sumCalls, type TestRun } from "./make-run.ts";

export const apiKey = "sk-test-4f3a9c-do-not-show";
export const wires = ["responses", "chat"] as const;

export const finish: Turn = { calls: [{ tool: "finish", args: { summary: "Finished." } }] };
export const bash = (command: string): Turn => ({ calls: [{ tool: "bash", args: { command } }] });

/** A server that plays one script, or a whole scenario, gone after the test. */
export async function serve(
  script: Scenario["roles"][string]["turns"] | Scenario,
): Promise<ModelServer> {
  const isScenario = typeof script === "object" && "roles" in script;
  const scenario = isScenario ? script : { roles: { any: { turns: script } } };
  const server = await startModelServer({ scenario, apiKey });
  onTestFinished(() => server.close());
  return server;
}

/** Let the builtin agent play it over real HTTP. */
export async function play(
  server: ModelServer,
  { modelSilenceMs, ...options }: Partial<BuiltinOptions> & { modelSilenceMs?: number } = {},
  given: TestRun | null = null,
) {
  const run = given ?? (await makeRun(modelSilenceMs ? { modelSilenceMs } : {}));
  const end = await makeBuiltinAgent({
    apiKey,
    baseUrl: server.url,
    model: "scripted",
    retry: { baseMs: 1, maxRetries: 2 },
    ...options,
  })(run);
  const words = run.events.flatMap((event) => (event.kind === "text" ? [event.text] : []));
  return { end, run, used: sumCalls(run.calls), words: words.join("\n") };
}

/** Everything that the last request held, as text. */
export function lastBody(server: ModelServer): string {
  return JSON.stringify(server.requests.at(-1)?.body);
}

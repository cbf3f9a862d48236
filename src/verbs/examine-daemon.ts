import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Config } from "../config/config.ts";
import { findDaemon } from "../daemon/home/running.ts";
import { version } from "../daemon/home/version.ts";
import type { DoctorFinding } from "./doctor.ts";

/**
 * Asks the running daemon of this home. What it says counts for it: it was started with another
 * environment than this shell's, and perhaps by another version.
 */
const answers = {
  health: z.object({ version: z.string() }),
  readiness: z.object({ problems: z.array(z.string()) }),
  agents: z.object({ agents: z.array(z.object({ name: z.string(), usable: z.boolean() })) }),
};
const patienceMs = 5_000;

export async function examineDaemon(config: Config): Promise<DoctorFinding> {
  const name = "daemon";
  const running = await findDaemon(config);
  if (!running) return { name, status: "missing", detail: "none runs; start it with: deputy up" };
  const place = `${running.url} (pid ${running.pid})`;
  try {
    const token = config.token ?? (await readFile(config.paths.token, "utf8")).trim();
    const ask = async <Schema extends z.ZodType>(path: string, schema: Schema) => {
      const response = await fetch(running.url + path, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(patienceMs),
        redirect: "error",
      });
      return schema.parse(await response.json()) as z.infer<Schema>;
    };
    const [health, { problems }, { agents }] = await Promise.all([
      ask("/healthz", answers.health),
      ask("/readyz", answers.readiness),
      ask("/v1/agents", answers.agents),
    ]);
    const usable = agents.filter((agent) => agent.usable).map((agent) => agent.name);
    const said = [
      `runs at ${place}`,
      health.version === version
        ? `version ${version}`
        : `version ${health.version}, while this is ${version}: restart it with deputy down and deputy up`,
      `agents that can work there: ${usable.join(", ") || "none"}`,
      ...problems,
    ];
    return { name, status: problems.length > 0 ? "broken" : "ok", detail: said.join("; ") };
  } catch (error) {
    const { cause, message, name: kind } = error as Error & { cause?: { code?: string } };
    const why = kind === "TimeoutError" ? "no answer in 5 s" : (cause?.code ?? message);
    const detail = `its process runs (pid ${running.pid}), but ${running.url} does not answer as a daemon does (${why.split("\n")[0]}); see ${config.home}/daemon.log`;
    return { name, status: "broken", detail };
  }
}

import { execFile } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { processMark } from "../../src/core/base/marks.ts";
import { lookForMark } from "../../src/sandbox/process/process-identity.ts";
import { type Json, makeDeputy } from "../support/deputy.ts";
import type { Surroundings, System, TaskEnd } from "./system.ts";

const run = promisify(execFile);

/** Deputy, as the suite sees every system: by its API, its processes and its folder. */
export async function openSystem(around: Surroundings): Promise<System> {
  const deputy = await makeDeputy({
    ...(around.engine && { engine: around.engine }),
    ...(around.embedded && { embedded: true }),
    keepLog: true,
    env: {
      ...{ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: around.modelUrl, DEPUTY_MODEL: "scripted" },
      ...{
        DEPUTY_NTFY_URL: around.phoneUrl,
        DEPUTY_NTFY_TOPIC: "night",
        DEPUTY_NTFY_BUTTONS: "false",
        DEPUTY_NTFY_ALIVE: "false",
      },
      DEPUTY_WHEN_STUCK: "ask",
      ...around.env,
    },
  });
  if (around.config) await writeFile(join(deputy.home, "config.yaml"), around.config);
  return {
    deputy,
    start: deputy.start,
    kill: deputy.kill,
    stop: deputy.stop,
    pid: deputy.pid,
    close: deputy.close,
    agents: async () => {
      const rows = (await deputy.database?.query<{ id: string }>("select id from processes")) ?? [];
      return rows.flatMap(({ id }) =>
        lookForMark({ name: processMark, value: id }, null).marked.map(({ pid }) => pid),
      );
    },
    submit: async (task) => {
      // The same request until it is answered, as a client does whose daemon dies.
      const key = { "idempotency-key": task.goal.replaceAll(" ", "-") };
      const answer = await deputy.api("POST", "/v1/tasks", task, key).catch(() => null);
      if (answer === null || answer.status === 503) return null;
      if (answer.status < 300) return answer.body.id;
      throw new Error(`${task.goal}: ${answer.status} ${JSON.stringify(answer.body)}`);
    },
    readEnd: async (id) => {
      const { body, status } = await deputy.api("GET", `/v1/tasks/${id}`);
      if (status !== 200) return null;
      const end = findEnd(body);
      return end === null ? null : describeEnd(body, end, await deputy.events(id));
    },
    readEvents: async (id) =>
      (await deputy.events(id)).map(({ at, message }) => ({ at: Date.parse(at), text: message })),
    doneTitle: (task) => `Done: ${task}`,
    disk: async () => {
      const names = await readdir(join(deputy.home, "worktrees")).catch(() => []);
      // Files may vanish while it counts.
      const { stdout } = await run("du", ["-sk", deputy.home]).catch((error) => error);
      return {
        worktrees: names.filter((name) => !["set-aside", "homes"].includes(name)).length,
        megabytes: Math.round(Number.parseInt(stdout, 10) / 102.4) / 10,
      };
    },
  };
}

const open = (questions: Json[]) => questions.find(({ answered_at }) => answered_at === null);

function findEnd({ questions, task }: Json): TaskEnd["end"] | null {
  if (task.state === "completed") return "completed";
  if (["failed", "cancelled"].includes(task.state)) return "failed";
  return open(questions) ? "asks" : null;
}

function describeEnd(
  { attempts, questions, task }: Json,
  end: TaskEnd["end"],
  events: readonly { type: string }[],
): TaskEnd {
  const failures: unknown[] = attempts.map(({ decision }: Json) => decision?.kind);
  return {
    end,
    branch: task.branch,
    words: (end === "asks" ? open(questions).text : task.end_detail) ?? task.state,
    completions: events.filter(({ type }) => type === "task.completed").length,
    lostWork: failures.filter((failure) => failure === "work_lost").length,
    attempts: attempts.map((attempt: Json) => ({
      at: Date.parse(attempt.started_at),
      ended: howItEnded(attempt),
      words: attempt.detail ?? "",
    })),
  };
}

function howItEnded({ decision, end_reason }: Json): TaskEnd["attempts"][number]["ended"] {
  // An attempt that a clean stop parked is recorded as lost, too, and died of nothing.
  const isLost = end_reason === "lost" && decision?.kind !== "parked";
  if (isLost || decision?.kind === "killed") return "died";
  const stopped = ["stalled", "timed_out"].includes(end_reason) || decision?.kind === "hung";
  return stopped ? "stopped" : "other";
}

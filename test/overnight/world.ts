import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Deputy, makeDeputy } from "../support/deputy.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { makeScratch, type Scratch, waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";
import type { Fault, Spec } from "./fault.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

/** One real system with everything around it: a repository, a scripted model, a phone, a load. */
export type World = {
  deputy: Deputy;
  repository: TestRepository;
  scratch: Scratch;
  model: ModelServer;
  phone: Receiver;
  /** Accepted tasks, by name. */
  tasks: Map<string, { id: string; spec: Spec }>;
  /** When the daemon was started, and when it answered; the first one is no recovery. */
  starts: { at: number; backAt: number }[];
  start(env?: Record<string, string>): Promise<void>;
  submit(spec: Spec): Promise<string>;
  /** Resolves once the waiting agent works, with its pid. */
  untilAtWork(): Promise<number>;
  /** The waiting agent may end. */
  letGo(): Promise<void>;
  usage(): { rssMb: number; descriptors: number };
  close(): Promise<void>;
};

export async function makeWorld(
  fault: Pick<Fault, "engine" | "embedded" | "env" | "config" | "startEnv">,
  roles: Scenario["roles"] = {},
): Promise<World> {
  const [scratch, repository, phone, model] = await Promise.all([
    makeScratch(),
    makeRepository({ "README.md": "# Night\n", "shared.txt": "one\ntwo\nthree\n" }),
    startReceiver(),
    startModelServer({ scenario: { roles: { ...roles, ...honestModel } } }),
  ]);
  const deputy = await makeDeputy({
    ...(fault.engine && { engine: fault.engine }),
    ...(fault.embedded && { embedded: true }),
    keepLog: true,
    env: {
      ...{ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: model.url, DEPUTY_MODEL: "scripted" },
      ...{ DEPUTY_NTFY_URL: phone.url, DEPUTY_NTFY_TOPIC: "night" },
      ...fault.env,
    },
  });
  if (fault.config) await writeFile(join(deputy.home, "config.yaml"), fault.config);
  const starts: World["starts"] = [];
  const tasks: World["tasks"] = new Map();
  const world: World = {
    ...{ deputy, repository, scratch, model, phone, tasks, starts },
    start: async (env = {}) => {
      const at = Date.now();
      await deputy.start(env);
      starts.push({ at, backAt: Date.now() });
    },
    submit: async (spec) => {
      const body = { repository: repository.path, goal: spec.name, ...spec.body };
      // As a client does whose daemon dies: the same request again, until it is answered.
      const key = { "idempotency-key": spec.name.replaceAll(" ", "-") };
      const { body: task, status } = await until(async () => {
        const answer = await deputy.api("POST", "/v1/tasks", body, key).catch(() => null);
        return answer && answer.status !== 503 && answer;
      }, `${spec.name} is accepted`);
      if (status >= 300) throw new Error(`${spec.name}: ${status} ${JSON.stringify(task)}`);
      tasks.set(spec.name, { id: task.id, spec });
      return task.id;
    },
    untilAtWork: async () => {
      await scratch.until("at-work");
      return Number(await scratch.read("at-work"));
    },
    letGo: async () => void (await scratch.write("go")),
    usage: () => readUsage(deputy.pid()),
    close: async () => {
      await scratch.write("go");
      await deputy.close();
      await Promise.all([model.close(), phone.close(), repository.remove(), scratch.remove()]);
    },
  };
  await world.start(fault.startEnv);
  return world;
}

/** Four calls: what the script needs when nothing is repeated. */
export const honestTurns = 4;
const honestModel: Scenario["roles"] = {
  honest: {
    match: "A model writes",
    turns: [
      { calls: [{ tool: "read", args: { path: "README.md" } }], latencyMs: 200 },
      { calls: [{ tool: "write", args: { path: "model.txt", content: "by a model\n" } }] },
      { calls: [{ tool: "bash", args: { command: "sleep 0.5; cat model.txt" } }] },
      { calls: [{ tool: "finish", args: { summary: "Wrote it." } }] },
    ],
  },
};

/** An agent that is at work until it may end, and then does the rest of its work. */
export function waiting({ scratch }: World): Spec {
  const agent = `command:echo half > waiting.txt; if [ ! -e ${scratch.at("go")} ]; then
echo $$ > ${scratch.at("at-work.new")}; mv ${scratch.at("at-work.new")} ${scratch.at("at-work")}; fi
${waitFor(scratch.at("go"))}; echo whole > waiting.txt`;
  return {
    name: "An agent waits",
    body: { agent, checks: ["grep -qx whole waiting.txt"] },
    wanted: { "waiting.txt": "whole" },
  };
}

/** Honest work that goes on beside every fault. */
export function bystanders(): Spec[] {
  const write = (key: string) => ({ id: key, title: key, writes: [`${key}.txt`] });
  return [
    {
      name: "A plan of three",
      body: {
        agent: "command:sleep 0.2; echo done > $DEPUTY_SUBTASK.txt",
        checks: ["ls *.txt"],
        plan: { subtasks: [write("a"), write("b"), { ...write("c"), depends_on: ["a", "b"] }] },
      },
      wanted: { "a.txt": "done", "b.txt": "done", "c.txt": "done" },
    },
    {
      name: "A model writes",
      body: { agent: "builtin", checks: ["test -s model.txt"] },
      wanted: { "model.txt": "by a model" },
    },
  ];
}

function readUsage(pid: number): { rssMb: number; descriptors: number } {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return {
    rssMb: Math.round(rssKb / 1_024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

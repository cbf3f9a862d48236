import { readdirSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import type { Deputy } from "../support/deputy.ts";
import type { Scenario, Seen, Turn } from "../support/model-server/scenario.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { makeScratch, type Scratch, waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";
import { openSystem } from "./deputy-system.ts";
import type { Fault, Spec } from "./fault.ts";
import { type Receiver, startReceiver } from "./receiver.ts";
import { NotDeputy, type Surroundings, type System } from "./system.ts";
import type { Kill } from "./turns.ts";

/** One real system with everything around it: a repository, a scripted model, a phone, a load. */
export type World = {
  system: System;
  /** For faults that reach into the program. */
  readonly deputy: Deputy;
  repository: TestRepository;
  scratch: Scratch;
  model: ModelServer;
  phone: Receiver;
  /** Accepted tasks, by name. */
  tasks: Map<string, { id: string; spec: Spec }>;
  /** When the system was started, and when it answered; the first one is no recovery. */
  starts: { at: number; backAt: number }[];
  kills: Kill[];
  /** When a mirror or a worktree was deleted. */
  losses: number[];
  /** Which task a conversation with the honest model is about. */
  conversations: Map<string, string>;
  start(env?: Record<string, string>): Promise<void>;
  /** kill -9 of the system. */
  kill(): Promise<void>;
  /** Something was just killed by somebody else. */
  killed(what: Kill["what"]): void;
  submit(spec: Spec): Promise<string>;
  /** Resolves once the waiting agent works, with its pid. */
  untilAtWork(): Promise<number>;
  /** The waiting agent may end. */
  letGo(): Promise<void>;
  usage(): Promise<Usage>;
  close(): Promise<void>;
};

export type Usage = {
  rssMb: number;
  descriptors: number;
  worktrees: number;
  megabytes: number;
};

export async function makeWorld(
  fault: Pick<Fault, "engine" | "embedded" | "env" | "config" | "startEnv">,
  roles: Scenario["roles"] = {},
): Promise<World> {
  const conversations: World["conversations"] = new Map();
  const honest = { match: honestGoal.source, turns: noteTask(conversations) };
  const [scratch, repository, phone, model] = await Promise.all([
    makeScratch(),
    makeRepository({ "README.md": "# Night\n", "shared.txt": "one\ntwo\nthree\n" }),
    startReceiver(),
    startModelServer({ scenario: { roles: { ...roles, honest } }, keepsBodies: false }),
  ]);
  const { startEnv = {}, ...wishes } = fault;
  const system = await openIt({ ...wishes, modelUrl: model.url, phoneUrl: phone.url });
  const starts: World["starts"] = [];
  const tasks: World["tasks"] = new Map();
  const kills: World["kills"] = [];
  const world: World = {
    ...{
      system,
      repository,
      scratch,
      model,
      phone,
      tasks,
      starts,
      kills,
      losses: [],
      conversations,
    },
    get deputy() {
      if (system.deputy) return system.deputy;
      throw new NotDeputy("this fault reaches into Deputy");
    },
    start: async (env = {}) => {
      const at = Date.now();
      await system.start(env);
      starts.push({ at, backAt: Date.now() });
    },
    kill: async () => {
      await system.kill();
      world.killed("process");
    },
    killed: (what) => void kills.push({ at: Date.now(), what }),
    submit: async (spec) => {
      const { body, name } = spec;
      const task = { agent: "", checks: [], ...body, repository: repository.path, goal: name };
      const id = await until(() => system.submit(task), `${name} is accepted`);
      tasks.set(name, { id, spec });
      return id;
    },
    untilAtWork: async () => {
      await scratch.until("at-work");
      return Number(await scratch.read("at-work"));
    },
    letGo: async () => void (await scratch.write("go")),
    usage: async () => ({ ...readUsage(system.pid()), ...(await system.disk()) }),
    close: async () => {
      await scratch.write("go");
      await system.close();
      await Promise.all([model.close(), phone.close(), repository.remove(), scratch.remove()]);
    },
  };
  await world.start(typeof startEnv === "function" ? startEnv(world) : startEnv);
  return world;
}

/** `DEPUTY_OVERNIGHT_SYSTEM` names a file that exports another `openSystem`. */
async function openIt(around: Surroundings): Promise<System> {
  const other = process.env.DEPUTY_OVERNIGHT_SYSTEM;
  return other ? (await import(pathToFileURL(other).href)).openSystem(around) : openSystem(around);
}

/** How the goals begin that the honest model works on. */
const honestGoal = /A model writes[\w ,]*/;

export const honestTurns: readonly Turn[] = [
  { calls: [{ tool: "read", args: { path: "README.md" } }], latencyMs: 200 },
  { calls: [{ tool: "write", args: { path: "model.txt", content: "by a model\n" } }] },
  // Who is told that a result is unknown has to check, and so does this one.
  {
    calls: [
      {
        tool: "bash",
        args: { command: "sleep 0.5; grep . model.txt || echo by a model > model.txt" },
      },
    ],
  },
  { calls: [{ tool: "finish", args: { summary: "Wrote it." } }] },
];

function noteTask(conversations: World["conversations"]) {
  return (seen: Seen, turn: number): Turn => {
    conversations.set(seen.conversation, honestGoal.exec(seen.user)?.[0] ?? "");
    // One that died between its last word and the record of it is asked once more, and says it again.
    return honestTurns[turn] ?? (honestTurns.at(-1) as Turn);
  };
}

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

function readUsage(pid: number): Pick<Usage, "rssMb" | "descriptors"> {
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const rssKb = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
  return {
    rssMb: Math.round(rssKb / 1_024),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
  };
}

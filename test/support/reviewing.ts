import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Deputy, type Json, makeDeputy } from "./deputy.ts";
import { makeRepository, type TestRepository } from "./repository.ts";
import { makeScratch, type Scratch } from "./scratch.ts";

/**
 * A daemon whose reviewer, judge and arbiter are programs that each test writes for itself: they know
 * by the goal in their brief whose turn it is. A scene's scripts find its folder in `$SCENE`, and in
 * `$N` the how-manieth call of their kind they are.
 */
export type Reviewing = {
  deputy: Deputy;
  repository: TestRepository;
  scratch: Scratch;
  /** Submit a scene and follow it; `scripts` are lines of shell that print the answer. */
  play(name: string, scene: Scene): Promise<Played>;
  submit(name: string, scene: Scene): Promise<string>;
  read(id: string): Promise<Played>;
  /** What the how-manieth call of this kind was told. */
  brief(name: string, kind: Kind, call: number): Promise<string>;
  calls(name: string, kind: Kind): number;
  close(): Promise<void>;
};

type Kind = "coder" | "reviewer" | "judge" | "accepter";

export type Scene = {
  coder: string;
  reviewer: string;
  /** Judge and arbiter. */
  judge?: string;
  /** Who says which changes to what judges the work were asked for. */
  accepter?: string;
  task?: Record<string, unknown>;
};

export type Played = { task: Json; receipt: Json; page: string };

export const files = { "work.txt": "start\n", "other.txt": "nothing to see\n" };

export async function makeReviewing(): Promise<Reviewing> {
  const [deputy, repository, scratch] = await Promise.all([
    makeDeputy({ env: { DEPUTY_ASSURANCE: "" } }),
    makeRepository(files),
    makeScratch(),
  ]);
  // Whoever it is, the goal says the scene; `mkdir` counts calls that come at once.
  const dispatch = await scratch.agent(
    "dispatch.sh",
    `SCENE=${scratch.path}/$(sed -n 's/^Scene \\([a-z0-9-]*\\)$/\\1/p' "$DEPUTY_BRIEF_FILE" | head -1)
KIND=$(head -1 "$DEPUTY_BRIEF_FILE" | sed -e 's/^You review.*/reviewer/' -e 's/^You settle.*/judge/' -e 's/^You answer one question.*/accepter/' -e '/^reviewer$\\|^judge$\\|^accepter$/!s/.*/coder/')
N=1; while ! mkdir "$SCENE.$KIND.$N" 2>/dev/null; do N=$((N + 1)); done
cp "$DEPUTY_BRIEF_FILE" "$SCENE.$KIND.$N/brief"
export SCENE N
. "$SCENE.$KIND.sh"`,
  );
  await writeFile(
    join(deputy.home, "config.yaml"),
    JSON.stringify({ roles: { reviewer: { agent: dispatch }, planner: { agent: dispatch } } }),
  );
  await deputy.start();

  const read = async (id: string): Promise<Played> => {
    const receipt = (await deputy.api("GET", `/v1/tasks/${id}/receipt`)).body;
    const page = (await deputy.cli(["receipt", id])).stdout;
    return { task: (await deputy.api("GET", `/v1/tasks/${id}`)).body.task, receipt, page };
  };
  const submit = async (name: string, { accepter, coder, judge, reviewer, task }: Scene) => {
    await scratch.write(`${name}.coder.sh`, `${coder}\n`);
    await scratch.write(`${name}.reviewer.sh`, `${reviewer}\n`);
    await scratch.write(`${name}.judge.sh`, `${judge ?? "exit 1"}\n`);
    await scratch.write(`${name}.accepter.sh`, `${accepter ?? "exit 1"}\n`);
    const { status, body } = await deputy.api("POST", "/v1/tasks", {
      goal: `Scene ${name}`,
      repository: repository.path,
      // The same program under another name is another agent.
      agent: `command:true && ${dispatch.slice("command:".length)}`,
      checks: ["test -s work.txt"],
      assurance: "standard",
      ...task,
    });
    if (status !== 202) throw new Error(JSON.stringify(body));
    return body.id as string;
  };
  const folder = (name: string, kind: string, call: number) => `${name}.${kind}.${call}`;
  return {
    deputy,
    repository,
    scratch,
    submit,
    read,
    play: async (name, scene) => {
      const id = await submit(name, scene);
      await deputy.untilOver(id);
      return read(id);
    },
    brief: (name, kind, call) => scratch.read(`${folder(name, kind, call)}/brief`),
    calls: (name, kind) => {
      let call = 0;
      while (scratch.has(folder(name, kind, call + 1))) call++;
      return call;
    },
    close: async () => {
      await deputy.close();
      await repository.remove();
      await scratch.remove();
    },
  };
}

/** A line of shell by which an agent gives an answer. */
export function answer(output: unknown): string {
  return `cat <<'ANSWER'\n${JSON.stringify({ output })}\nANSWER`;
}

export function finding(set: Record<string, unknown> = {}) {
  return {
    ...{ priority: 1, file: "work.txt", lines: null, claim: "it is not careful" },
    evidence: { kind: "command", command: "grep -q careful work.txt" },
    ...set,
  };
}

export const found = (...findings: unknown[]) =>
  answer({ summary: findings.length > 0 ? "not yet" : "all is well", findings, fine: [] });

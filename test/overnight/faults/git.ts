import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../../support/until.ts";
import type { Fault, Spec } from "../fault.ts";
import { type World, waiting } from "../world.ts";

/** Repositories, mirrors and worktrees that change or vanish meanwhile. */
const mirrorsOf = ({ deputy }: World) => join(deputy.home, "repos");

async function worktreeOf(world: World, name: string): Promise<string> {
  const id = world.tasks.get(name)?.id;
  return until(async () => {
    const { body } = await world.deputy.api("GET", `/v1/tasks/${id}`);
    return body.worktrees?.at(-1)?.path ?? null;
  }, `${name} has a worktree`);
}

async function mirror(world: World): Promise<string> {
  const names = (await readdir(mirrorsOf(world))).filter((name) => name.endsWith(".git"));
  const [name] = names.filter((each) => !each.startsWith("."));
  if (!name) throw new Error("there is no mirror");
  return join(mirrorsOf(world), name);
}

const twoOnOneLine = () => [
  {
    name: "Two parts on one line",
    body: {
      agent:
        'command:sleep 0.3; if grep -q left shared.txt || grep -q right shared.txt; then sed -i "s/^two.*/& and $DEPUTY_SUBTASK/" shared.txt; else sed -i "s/^two/two $DEPUTY_SUBTASK/" shared.txt; fi',
      checks: ["test -s shared.txt"],
      plan: {
        subtasks: [
          { id: "left", title: "Left" },
          { id: "right", title: "Right" },
        ],
      },
    },
    wanted: {},
  },
];

/** Five parts at once that rewrite one line: all but the first lose, some of them several times. */
const stormOnOneLine = (): Spec[] => [
  {
    name: "A storm on one line",
    body: {
      agent: 'command:sleep 0.3; sed -i "s/^two.*/& $DEPUTY_SUBTASK/" shared.txt',
      checks: ["test -s shared.txt"],
      plan: { subtasks: ["s1", "s2", "s3", "s4", "s5"].map((id) => ({ id, title: id })) },
    },
    wanted: {},
  },
];

export const gitFaults: Fault[] = [
  {
    name: "a storm of conflicts",
    layer: "git",
    what: "five parts of a plan rewrite one line at the same time, and each has to be in it",
    env: { DEPUTY_CONCURRENCY: "6" },
    load: stormOnOneLine,
    inject: async (world) => {
      const task = await until(() => world.tasks.get("A storm on one line") ?? null, "accepted");
      const end = await until(() => world.system.readEnd(task.id), "the storm is over");
      const line = world.repository.git("show", `${end.branch}:shared.txt`).split("\n")[1] ?? "";
      const missing = ["s1", "s2", "s3", "s4", "s5"].filter((part) => !line.includes(part));
      if (missing.length > 0) throw new Error(`"${line}" lacks ${missing.join(", ")}`);
      const events = await world.system.readEvents(task.id);
      const conflicts = events.filter(({ text }) => /^Recovery: .*conflict/.test(text)).length;
      if (conflicts === 0) throw new Error("nothing conflicted");
      return `${conflicts} conflicts, and the line is "${line}"`;
    },
  },
  {
    name: "worktree deleted under its agent",
    layer: "git",
    what: "rm -rf of the folder that a running agent works in",
    inject: async (world) => {
      await world.untilAtWork();
      const path = await worktreeOf(world, waiting(world).name);
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
      return `${(await readdir(path).catch(() => [])).length} files left in the worktree`;
    },
  },
  {
    name: "mirror deleted",
    layer: "git",
    what: "rm -rf of the daemon's copy of the repository while agents work",
    inject: async (world) => {
      await world.untilAtWork();
      const path = await mirror(world);
      await rm(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
      return `the mirror was deleted`;
    },
  },
  {
    name: "objects of the mirror deleted",
    layer: "git",
    what: "the mirror stays, its objects are gone",
    inject: async (world) => {
      await world.untilAtWork();
      const objects = join(await mirror(world), "objects");
      const names = await readdir(objects);
      for (const name of names)
        await rm(join(objects, name), {
          recursive: true,
          force: true,
          maxRetries: 20,
          retryDelay: 20,
        });
      await mkdir(join(objects, "info"), { recursive: true });
      return `${names.length} folders of objects deleted`;
    },
  },
  {
    name: "locks left behind",
    layer: "git",
    what: "config.lock, packed-refs.lock and HEAD.lock in the mirror, by a git that died",
    inject: async (world) => {
      await world.untilAtWork();
      const path = await mirror(world);
      const locks = ["config.lock", "packed-refs.lock", "HEAD.lock"];
      for (const name of locks) await writeFile(join(path, name), "");
      const there = (await readdir(path)).filter((name) => name.endsWith(".lock"));
      await world.kill();
      await world.start();
      return `${there.join(", ")}; the daemon was killed as well`;
    },
  },
  {
    name: "base branch moved by force",
    layer: "git",
    what: "the branch that a task started from gets another history",
    inject: async ({ repository, untilAtWork }) => {
      await untilAtWork();
      const before = repository.git("rev-parse", "HEAD");
      repository.git("commit", "--quiet", "--amend", "--message", "another history");
      return `${before.slice(0, 10)} became ${repository.git("rev-parse", "HEAD").slice(0, 10)}`;
    },
  },
  {
    name: "two parts change one line",
    layer: "git",
    what: "a plan whose parts conflict: the later one is worked on again from the merged state",
    load: twoOnOneLine,
    inject: async (world) => {
      const id = await until(
        () => world.tasks.get("Two parts on one line")?.id ?? null,
        "it is accepted",
      );
      const conflict = await until(async () => {
        const events = await world.system.readEvents(id);
        return events.find(({ text }) => /conflict/.test(text))?.text ?? null;
      }, "the parts conflict");
      return conflict.slice(0, 120);
    },
  },
  {
    name: "repository away for a while",
    layer: "git",
    what: "the repository is moved while agents work, and comes back five seconds later",
    inject: async (world) => {
      await world.untilAtWork();
      const { path } = world.repository;
      await rename(path, `${path}.away`);
      await world.letGo();
      await new Promise((resolve) => setTimeout(resolve, 5_000)); // being away is the fault
      await rename(`${path}.away`, path);
      return "moved away for 5 s";
    },
  },
];

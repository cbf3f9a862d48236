import { startRegistry } from "./registry.mjs";
import { makeProjects } from "./setup-projects.mjs";
import { git, makeFolder, makeProjectOf, median, startDaemon } from "./support.mjs";

/**
 * What prepared trees give, in the sandbox: the same two tasks, one after the other, with them, with
 * `prepared_mb: 0`, and in the same project without a setup. Each task is one attempt that changes a
 * module and adds a test, its verification with all experiments, and its delivery.
 */
const rounds = Number(process.env.BENCH_SETUP_ROUNDS ?? 1);
const packages = Number(process.env.BENCH_PACKAGES ?? 300);
const kinds = process.env.BENCH_KINDS?.split(",") ?? ["npm", "pnpm", "pip", "cargo"];
const config = (folder) => `sandbox: {network: {setup: open}, show: [${JSON.stringify(folder)}]}\n`;

/**
 * By kind, or null where it cannot be measured: `ready` and `setup`, how long a second worktree waits for
 * what setup makes, with and without copies; `started`, from its attempt's start; and what setup adds
 * to the first and second task, with copies (`kept`) and without (`unkept`).
 */
export async function benchSetup() {
  const registry = await startRegistry({ packages });
  const { pnpmFolder, projects } = await makeProjects(registry);
  const shown = config(pnpmFolder);
  const inBox = { DEPUTY_SANDBOX: "bubblewrap" };
  const kept = await startDaemon(inBox, shown);
  const unkept = await startDaemon(inBox, `${shown}prepared_mb: 0\n`);
  const results = {};
  for (const kind of kinds) {
    const project = projects[kind];
    const measured = [];
    for (let round = 0; project && round < rounds; round++) {
      const bare = await runTwo(unkept, project, { bare: true });
      const without = await runTwo(unkept, project);
      const withCopies = await runTwo(kept, project);
      const added = (tasks) => tasks.map(({ tookMs }, at) => tookMs - bare[at].tookMs);
      measured.push({
        add: withCopies[1].addMs,
        ready: withCopies[1].readyMs,
        started: withCopies[1].startedMs,
        setup: without[1].readyMs,
        ...{ kept: added(withCopies), unkept: added(without) },
      });
      if (process.env.BENCH_VERBOSE) console.error(kind, { bare, without, withCopies });
    }
    results[kind] = measured.length > 0 ? medians(measured) : null;
  }
  for (const daemon of [kept, unkept]) await daemon.stop();
  await registry.close();
  return results;
}

function medians(measured) {
  const of = (pick) => median(measured.map(pick));
  const single = ["add", "ready", "started", "setup"].map((name) => [name, of((one) => one[name])]);
  const pairs = ["kept", "unkept"].map((name) => [
    name,
    [0, 1].map((at) => of((one) => one[name][at])),
  ]);
  return Object.fromEntries([...single, ...pairs]);
}

async function runTwo(daemon, project, { bare = false } = {}) {
  const setup = bare ? [] : [project.setup];
  const repository = await makeProjectOf({
    ...(bare ? project.bare : project.files),
    ".deputy/config.yaml": JSON.stringify({ setup, checks: [project.check] }),
  });
  const tasks = [];
  for (const name of ["first", "second"]) {
    const addMs = await timeBareAdd(repository);
    const from = performance.now();
    const { id } = await daemon.api("POST", "/v1/tasks", {
      goal: `Add a function, ${name}`,
      ...{ repository, agent: `command:${project.change}`, allow_test_changes: true },
    });
    await daemon.untilOver(id);
    const tookMs = performance.now() - from;
    tasks.push({ tookMs, addMs, ...(await readTimes(daemon, id)) });
  }
  return tasks;
}

/** From the worktree, and from the attempt's start, to what setup makes being there; by the events' times. */
async function readTimes(daemon, id) {
  const { events } = await daemon.api("GET", `/v1/tasks/${id}/events?limit=500`);
  const at = (pick) => new Date(events.findLast(pick)?.at).getTime();
  const worktree = at(({ data }) => data?.step === "worktree");
  const ready = at(({ data }) => /^setup(?:_reused)?$/.test(data?.step));
  return {
    readyMs: ready - worktree,
    startedMs: ready - at(({ type }) => type === "attempt.started"),
    experiments: events.filter(({ type }) => type === "experiment.finished").length,
  };
}

async function timeBareAdd(repository) {
  const path = `${await makeFolder("bare")}/tree`;
  const from = performance.now();
  git(repository, "worktree", "add", "--quiet", "--detach", path);
  const took = performance.now() - from;
  git(repository, "worktree", "remove", "--force", path);
  return took;
}

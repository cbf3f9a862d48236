import { join } from "node:path";
import { git, makeFolder, makeRepository, median, startDaemon } from "./support.mjs";

/**
 * What a task takes where there is nothing to set up, from submit to delivered, in the sandbox: of 20,000
 * files with a check that does nothing, beside a bare `git worktree add` and beside a daemon that
 * keeps no prepared trees; and how often a whole task waits for a check of ten seconds.
 */
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);
const files = Number(process.env.BENCH_SETUP_FILES ?? 20_000);
const checkS = Number(process.env.BENCH_CHECK_S ?? 10);
const inBox = { DEPUTY_SANDBOX: "bubblewrap" };

export async function benchNoSetup() {
  const repository = await makeRepository(files, ["true"]);
  const daemons = {
    kept: await startDaemon(inBox),
    unkept: await startDaemon(inBox, "prepared_mb: 0\n"),
  };
  const bare = join(await makeFolder("bare"), "tree");
  const times = { add: [], kept: [], unkept: [] };
  for (let round = 0; round <= rounds; round++) {
    const now = { add: timeBareAdd(repository, bare) };
    const order = round % 2 === 0 ? ["kept", "unkept"] : ["unkept", "kept"];
    for (const name of order)
      now[name] = await timeTask(daemons[name], repository, `${name} ${round}`);
    // The first task makes the mirror and the baseline.
    if (round > 0) for (const [name, took] of Object.entries(now)) times[name].push(took);
    if (process.env.BENCH_VERBOSE) console.error(now);
  }
  for (const daemon of Object.values(daemons)) await daemon.stop();
  const medians = Object.entries(times).map(([name, list]) => [name, median(list)]);
  return { ...Object.fromEntries(medians), files };
}

/** How often the first task and the next one wait for their check. */
export async function benchCheckWaits() {
  const daemon = await startDaemon(inBox);
  const time = async (check) => {
    const repository = await makeRepository(20, [check]);
    const tasks = [];
    for (const name of ["first", "next"]) tasks.push(await timeTask(daemon, repository, name));
    return tasks;
  };
  const without = await time("true");
  const slow = await time(`sleep ${checkS}`);
  await daemon.stop();
  const [first, next] = slow.map((tookMs, at) => (tookMs - without[at]) / 1_000 / checkS);
  return { first, next, checkS };
}

/** From submit to the end of its event stream, in ms. */
async function timeTask(daemon, repository, name) {
  const from = performance.now();
  const { id } = await daemon.api("POST", "/v1/tasks", {
    goal: `Change one line, ${name}`,
    repository,
    agent: `command:echo '// ${name}' >> src/part-0/file-0.js`,
  });
  await daemon.untilOver(id);
  return performance.now() - from;
}

function timeBareAdd(repository, path) {
  const from = performance.now();
  git(repository, "worktree", "add", "--quiet", "--detach", path);
  const took = performance.now() - from;
  git(repository, "worktree", "remove", "--force", path);
  return took;
}

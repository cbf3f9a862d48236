import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { git, makeFolder, makeRepository, median, startDaemon } from "./support.mjs";

/**
 * The two waits of one task on an otherwise idle daemon: from submit to the agent's first instruction, and
 * from its last one to the delivered branch, with a check that does nothing. Beside each task the
 * git commands of a shell script that does the same by hand are timed, in the same repository.
 */
const rounds = Number(process.env.BENCH_ROUNDS ?? 9);

export async function benchLatency() {
  const repository = await makeRepository(2_000);
  const daemon = await startDaemon();
  const stamps = await makeFolder("stamps");
  const times = { toAgent: [], add: [], toBranch: [], script: [] };
  for (let round = 0; round <= rounds; round++) {
    const [start, end] = [join(stamps, `start-${round}`), join(stamps, `end-${round}`)];
    const add = timeBareAdd(repository, join(stamps, "bare"));
    const script = timeBareScript(repository, join(stamps, "script"), round);
    const submittedAt = now();
    const { id } = await daemon.api("POST", "/v1/tasks", {
      goal: `Change one line, round ${round}`,
      repository,
      agent: `command:date +%s%N > ${start}; echo "// ${round}" >> src/part-0/file-0.js; date +%s%N > ${end}`,
      checks: ["true"],
    });
    await daemon.untilOver(id);
    const deliveredAt = now();
    if (round === 0) continue; // makes the mirror and the baseline, as the first task of a day does
    times.toAgent.push((await readStamp(start)) - submittedAt);
    times.add.push(add);
    times.toBranch.push(deliveredAt - (await readStamp(end)));
    times.script.push(script);
  }
  await daemon.stop();
  if (process.env.BENCH_VERBOSE) console.error(times);
  return Object.fromEntries(Object.entries(times).map(([name, list]) => [name, median(list)]));
}

const now = () => performance.timeOrigin + performance.now();

async function readStamp(path) {
  return Number(await readFile(path, "utf8")) / 1e6;
}

function timeBareAdd(repository, path) {
  const startedAt = now();
  git(repository, "worktree", "add", "--quiet", "--detach", path);
  const took = now() - startedAt;
  git(repository, "worktree", "remove", "--force", path);
  return took;
}

/** What a careful script would do when the agent is done: commit, check in a clean worktree, push. */
function timeBareScript(repository, path, round) {
  const work = `${path}-work`;
  git(repository, "worktree", "add", "--quiet", "--detach", work);
  execFileSync("sh", ["-c", `echo "// ${round}" >> src/part-0/file-0.js`], { cwd: work });
  const startedAt = now();
  git(work, "add", "--all");
  git(work, "commit", "--quiet", "--message", `Change one line, round ${round}`);
  const commit = git(work, "rev-parse", "HEAD").trim();
  git(repository, "worktree", "add", "--quiet", "--detach", `${path}-check`, commit);
  execFileSync("sh", ["-c", "true"], { cwd: `${path}-check` });
  git(repository, "worktree", "remove", "--force", `${path}-check`);
  git(repository, "update-ref", "refs/script/task", commit);
  git(work, "push", "--quiet", repository, `${commit}:refs/heads/script/round-${round}`);
  const took = now() - startedAt;
  git(repository, "worktree", "remove", "--force", work);
  return took;
}

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { hashObject } from "../../src/worktree/commits/write-object.ts";
import { openMirror, openMirrors } from "../../src/worktree/mirror/open-mirror.ts";
import { makeRandom } from "../overnight/stats.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/**
 * No content that a worktree held is lost. Two agents write, change, delete and rename files in random
 * order, while agents, worker and daemon are killed at random; `DEPUTY_SEED` repeats a run. Covered is
 * what stands until a snapshot was taken, at the end of an attempt, or when everything died: the agents
 * stop now and then, so that the test sees exactly that. Afterwards each content is in a state that
 * `deputy snapshots` lists (or in the base), also after git collected all that no ref holds.
 */
const seed = Number(process.env.DEPUTY_SEED ?? Date.now() % 1_000_000);
const rounds = 8;

const files = { "a.txt": "a\n", "deep/b.txt": "b\n", ".gitignore": "*.log\n" };
const { deputy, scratch, submit } = withDeputy({
  files,
  config: "snapshot_minutes: 0.003\n",
  // Kills come faster than anything is done.
  env: { DEPUTY_CONCURRENCY: "1", DEPUTY_BACKOFF_MS: "5", DEPUTY_CRASH_LOOP_BOOTS: "0" },
});

/** Changes files at random; then it says where it stands, and goes on once it may. */
const program = `
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
const [scratch, seed] = process.argv.slice(2);
const attempt = process.env.DEPUTY_ATTEMPT_ID;
let state = [...attempt].reduce((sum, c) => (Math.imul(sum, 31) + c.charCodeAt(0)) >>> 0, Number(seed));
const below = (n) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 4294967296) * n);
};
const names = ["a.txt", "deep/b.txt", "c.txt", "deep/er/d.txt", "e.bin", "noise.log"];
const name = () => names[below(names.length)];
const acts = [
  (n, to) => writeFileSync(to, \`\${attempt} \${n} \${below(1e9)}\\n\`),
  (n, to) => writeFileSync(to, \`\${attempt} \${n}\\n\`.repeat(1 + below(20000))),
  (n, to) => writeFileSync(to, \`\${below(1e9)} \`, { flag: "a" }),
  (n, to) => rmSync(to, { force: true }),
  (n, to) => renameSync(name(), to),
];
for (let n = 1; n < 1000 && !existsSync(scratch + "/finish"); n++) {
  for (let left = 1 + below(6); left > 0; left--) {
    const to = name();
    mkdirSync(dirname(to), { recursive: true });
    try { acts[below(acts.length)](n, to); } catch {}
  }
  const stand = { pid: process.pid, attempt, n, path: process.cwd() };
  writeFileSync(scratch + "/draft-" + attempt, JSON.stringify(stand));
  renameSync(scratch + "/draft-" + attempt, scratch + "/stand-" + attempt);
  while (!existsSync(\`\${scratch}/go-\${attempt}-\${n}\`) && !existsSync(scratch + "/finish"))
    await new Promise((done) => setTimeout(done, 15));
}
`;

type Stand = { pid: number; attempt: string; n: number; path: string };

test(`killed at random (DEPUTY_SEED=${seed}): all that stood in a worktree can be had again`, async () => {
  const random = makeRandom(seed);
  const below = (n: number) => Math.floor(random() * n);
  const told: string[] = [`seed ${seed}`];
  const inBase = new Set(Object.values(files).map((text) => hashObject("blob", Buffer.from(text))));
  /** By the id of the blob: where it stood. */
  const stood = new Map<string, string>();
  let worker: ChildProcess | null = null;
  const startWorker = async () => {
    worker = deputy.spawn(["worker", "--json", "--concurrency", "1"]);
    await once(worker.stdout ?? worker, "data");
  };
  const stands = (): Stand[] =>
    readdirSync(scratch.path)
      .filter((name) => name.startsWith("stand-"))
      .map((name) => JSON.parse(readFileSync(scratch.at(name), "utf8")));
  /** The agent stands still, so this is what its worktree holds. */
  const observe = ({ attempt, n, path, pid }: Stand): string[] => {
    const ids = new Map<string, string>();
    try {
      for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
        const file = join(entry.parentPath, entry.name);
        if (!entry.isFile() || entry.name === ".git" || entry.name.endsWith(".log")) continue;
        const id = hashObject("blob", readFileSync(file));
        if (!inBase.has(id)) ids.set(id, file);
      }
    } catch {} // its worktree goes: its process was killed before
    if (!isAlive(pid)) return [];
    for (const [id, file] of ids)
      stood.set(id, `${file} at stand ${n} of ${attempt} (${told.join("; ")})`);
    return [...ids.keys()];
  };
  const forget = ({ attempt }: Stand): void =>
    rmSync(scratch.at(`stand-${attempt}`), { force: true });
  const killAgent = (stand: Stand) => {
    try {
      process.kill(stand.pid, "SIGKILL");
    } catch {} // it died with its process
    forget(stand);
  };
  const git = async (args: string[]): Promise<string> => {
    const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args);
    return exitCode === 0 ? stdout.toString("utf8") : `error: ${stderr}`;
  };

  await startWorker();
  await scratch.write("agent.mjs", program);
  const agent = `command:exec node ${scratch.at("agent.mjs")} ${scratch.path} ${seed}`;
  const ids = [await submit({ goal: "One", agent }), await submit({ goal: "Two", agent })];
  await until(() => stands().length > 0, "an agent stands still");
  const root = join(deputy.home, "repos");
  const name = readdirSync(root).find((each) => /^[^.].*\.git$/.test(each)) ?? "none";
  const mirror = openMirrors(root).at(join(root, name));

  for (let round = 1; round <= rounds; round++) {
    await until(() => stands().length > 0, `an agent stands still in round ${round} (${told})`);
    const all = stands().filter((stand) => isAlive(stand.pid) || forget(stand));
    if (all.length === 0) {
      round--;
      continue;
    }
    const one = all[below(all.length)] ?? all[0];
    if (!one) throw new Error("nobody stands still");
    const what = ["go", "go", "go", "agent", "daemon", "worker", "chaos"][below(7)] ?? "go";
    told.push(`${round}: ${what}`);
    if (what === "go") {
      const observed = observe(one);
      const isKept = async () => {
        const tree = await git(["ls-tree", "-r", `refs/deputy/checkpoints/${one.attempt}`]);
        // One whose process was killed before is ended, and not kept any more while it stands.
        return observed.every((id) => tree.includes(id)) || !isAlive(one.pid);
      };
      await until(isKept, `what stands still is kept (${told.join("; ")})`, 60_000);
      forget(one);
      writeFileSync(scratch.at(`go-${one.attempt}-${one.n}`), "");
    } else if (what === "agent") {
      observe(one);
      killAgent(one);
    } else if (what === "chaos") {
      // At any moment of what is done to make up for the one before.
      for (const each of all) writeFileSync(scratch.at(`go-${each.attempt}-${each.n}`), "");
      for (const each of all) forget(each);
      await sleep(below(400));
      await deputy.kill();
      await deputy.start();
    } else {
      for (const each of all) observe(each);
      if (what === "daemon") await deputy.kill();
      else if (worker) {
        const ended = once(worker as ChildProcess, "exit");
        (worker as ChildProcess).kill("SIGKILL");
        await ended;
      }
      for (const each of all) killAgent(each);
      await (what === "daemon" ? deputy.start() : startWorker());
    }
  }
  await until(() => stands().length > 0, `an agent stands still at the end (${told})`);
  for (const each of stands()) observe(each);
  await scratch.write("finish");
  for (const id of ids) await deputy.untilOver(id);

  expect(await git(["gc", "--quiet", "--prune=now"])).toBe("");
  expect(await git(["fsck", "--connectivity-only", "--no-dangling"])).toBe("");
  const states: { id: string; number: number; commit: string }[] = [];
  for (const id of ids) {
    const { snapshots } = (await deputy.api("GET", `/v1/tasks/${id}/snapshots`)).body;
    states.push(...snapshots.map(({ number, commit }: Json) => ({ id, number, commit })));
  }
  const found = new Map<string, { path: string; state: string }>();
  for (const { commit, id, number } of states)
    for (const line of (await git(["ls-tree", "-r", commit])).split("\n")) {
      const [, blob, path] = /^100\d+ blob (\w+)\t(.*)$/.exec(line) ?? [];
      if (blob && path) found.set(blob, { path, state: `${id}@${number}` });
    }
  const lost = [...stood].filter(([id]) => !found.has(id)).map(([, where]) => where);
  expect(lost).toEqual([]);
  expect(stood.size).toBeGreaterThan(0);
  const [chosen = ""] = stood.keys();
  const { path = "", state = "" } = found.get(chosen) ?? {};
  const restored = await deputy.cli(["restore", state]);
  expect(restored.code, restored.stderr).toBe(0);
  const file = join(deputy.home, "restored", state.replace("@", "-"), path);
  expect(hashObject("blob", readFileSync(file))).toBe(chosen);
});

function isAlive(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

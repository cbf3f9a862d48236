import { cpus } from "node:os";
import { benchClaims } from "./claims.mjs";
import { benchIdle } from "./idle.mjs";
import { benchIntake } from "./intake.mjs";
import { benchLatency } from "./latency.mjs";
import { benchCheckWaits, benchNoSetup } from "./no-setup.mjs";
import { benchPartialClone } from "./partial-clone.mjs";
import { benchReach } from "./reach.mjs";
import { benchSetup } from "./setup.mjs";
import { benchSetupDisk } from "./setup-disk.mjs";
import { benchSnapshots } from "./snapshots.mjs";
import { cleanUp } from "./support.mjs";
import { benchThroughput } from "./throughput.mjs";
import { benchList, benchRestart, benchTransitions, benchTrivial } from "./transitions.mjs";

/**
 * `npm run bench [intake latency reach throughput claims snapshots idle transitions trivial list restart setup partial]`: each target beside what was measured. A
 * figure is a ratio to something simpler that was measured in the same run, or a share of the ideal.
 */
const benches = {
  intake: async () => {
    const { ours, bare, ratio } = await benchIntake();
    return [
      row(
        "POST /v1/tasks, 32 connections",
        `${Math.round(ours)}/s beside ${Math.round(bare)}/s of a bare INSERT`,
        `${ratio.toFixed(2)} of it`,
        "at least 0.7",
        ratio >= 0.7,
      ),
    ];
  },
  latency: async () => {
    const { toAgent, add, toBranch, script } = await benchLatency();
    const allowed = 1.3 * add + 150;
    return [
      row(
        "submit → agent started, 2,000 files",
        `${ms(toAgent)}; bare worktree add ${ms(add)}`,
        ms(toAgent),
        `at most ${ms(allowed)} (1.3 × bare + 150 ms)`,
        toAgent <= allowed,
      ),
      row(
        "agent's exit → delivered branch",
        `${ms(toBranch)}; the same git by hand ${ms(script)}`,
        `${ms(toBranch - script)} more`,
        "at most 300 ms more",
        toBranch - script <= 300,
      ),
    ];
  },
  reach: async () => {
    const { byHttp, ours, total } = await benchReach();
    return [
      row(
        "signed webhook → push on the phone, the agent's work of 2 s in it",
        `${ms(total)}, ours ${ms(ours)}; the same task by HTTP until delivered ${ms(byHttp)}`,
        `${(ours / byHttp).toFixed(2)} of it`,
        "at most 1.25",
        ours <= 1.25 * byHttp,
      ),
    ];
  },
  throughput: async () => {
    const { idealS, tookS, bareS, deliveredS } = await benchThroughput();
    const busy = `slots busy ${tookS.toFixed(1)} s, ideal ${idealS.toFixed(1)} s`;
    const bare = `a script that only makes worktrees and runs the agents ${bareS.toFixed(1)} s`;
    const share = idealS / tookS;
    return [
      row(
        "100 tasks of 10 s, 20 at once",
        `${busy}; ${bare}; all delivered after ${deliveredS.toFixed(0)} s`,
        `${share.toFixed(2)} of the ideal; the script's ${(idealS / bareS).toFixed(2)}`,
        "at least 0.95 of the ideal",
        share >= 0.95,
      ),
    ];
  },
  claims: async () => {
    const { claims, doubles, perSecond } = await benchClaims();
    return [
      row(
        "contended claims",
        `${claims} by 4 claimants, ${Math.round(perSecond)}/s`,
        `${doubles} double`,
        "0 in 10,000",
        doubles === 0 && claims >= 10_000,
      ),
    ];
  },
  snapshots: async () => {
    const { unchanged, changed, status, add } = await benchSnapshots();
    return [
      row(
        "a snapshot of 10,000 files, unchanged",
        `bare git status ${ms(status)}`,
        ms(unchanged),
        `at most ${ms(3 * status + 50)} (3 × bare + 50 ms)`,
        unchanged <= 3 * status + 50,
      ),
      row(
        "a snapshot of 10,000 files, 10 changed",
        `bare git add and commit ${ms(add)}`,
        ms(changed),
        `at most ${ms(3 * add + 50)} (3 × bare + 50 ms)`,
        changed <= 3 * add + 50,
      ),
    ];
  },
  partial: async () => {
    const { source, whole, partial } = await benchPartialClone();
    const mb = (bytes) => `${Math.round(bytes / 1_000_000)} MB`;
    return [
      row(
        "no mirror → first sparse worktree, 50 of 5,000 files, 201 commits",
        `a whole mirror of ${mb(whole.bytes)} after ${ms(whole.ms)}; the source has ${mb(source)}`,
        `a partial one of ${mb(partial.bytes)} after ${ms(partial.ms)}`,
        "at most a tenth of the bytes, and no longer",
        partial.bytes <= whole.bytes / 10 && partial.ms <= whole.ms,
      ),
    ];
  },
  idle: async () => {
    const { idleS, cpuShare, rssMb, cliMs } = await benchIdle();
    return [
      row(
        "idle daemon, processor",
        `over ${idleS} s`,
        `${(100 * cpuShare).toFixed(2)} % of a core`,
        "under 1 %",
        cpuShare < 0.01,
      ),
      row(
        "idle daemon, memory",
        "without PostgreSQL",
        `${Math.round(rssMb)} MB`,
        "under 150 MB",
        rssMb < 150,
      ),
      row("`deputy ls`", "start to end", ms(cliMs), "under 500 ms", cliMs < 500),
    ];
  },
  transitions: async () => {
    const { transitions, commits } = await benchTransitions();
    return [
      row(
        "state transitions, 32 connections",
        `the same commits without events and notifications ${Math.round(commits)}/s`,
        `${Math.round(transitions)}/s`,
        "at least 1,000/s",
        transitions >= 1_000,
      ),
    ];
  },
  trivial: async () => {
    const { commits, written, databaseKb, homeKb } = await benchTrivial();
    const kb = (value) => `${Math.round(value)} kB`;
    return [
      row(
        "one trivial task",
        `transactions, reads included: ${commits.toFixed(0)}`,
        `${written.toFixed(0)} commits that write`,
        "at most 40",
        written <= 40,
      ),
      row("one trivial task", "database", kb(databaseKb), "at most 50 kB", databaseKb <= 50),
      row("one trivial task", "home", kb(homeKb), "at most 40 kB", homeKb <= 40),
    ];
  },
  list: async () => {
    const { few, many } = await benchList();
    return [
      row(
        "GET /v1/tasks?state=queued",
        `20 tasks ${few.toFixed(1)} ms, 7,000 tasks ${many.toFixed(1)} ms`,
        `${(many / few).toFixed(2)} times`,
        "at most 1.2 times",
        many <= 1.2 * few,
      ),
    ];
  },
  restart: async () => {
    const tookMs = await benchRestart();
    return [
      row(
        "kill -9 → `deputy up` → the next attempt starts",
        "median of 5",
        ms(tookMs),
        "at most 1,500 ms",
        tookMs <= 1_500,
      ),
    ];
  },
  setup: async () => {
    const { add, files, kept, unkept } = await benchNoSetup();
    const { checkS, first, next } = await benchCheckWaits();
    const times = (value) => `${value.toFixed(1)} times`;
    return [
      row(
        `submit → delivered, ${files} files, no setup, check \`true\``,
        `bare worktree add ${ms(add)}`,
        ms(kept),
        `at most ${ms(3 * add + 1_000)} (3 × bare + 1 s)`,
        kept <= 3 * add + 1_000,
      ),
      row(
        "the same beside `prepared_mb: 0`",
        `without ${ms(unkept)}`,
        `${(kept / unkept).toFixed(2)} times`,
        "at most 1.1 times",
        kept <= 1.1 * unkept,
      ),
      row(
        `a task waits for its check of ${checkS} s`,
        "the first, and the next one of the same base",
        `${times(first)}, ${times(next)}`,
        "at most 2 times, then once (and a tenth)",
        first <= 2.1 && next <= 1.1,
      ),
      ...(await rowsOfSetup()),
    ];
  },
};

/** What prepared trees give, by package manager. */
async function rowsOfSetup() {
  const disk = await benchSetupDisk();
  const mb = (value) => `${Math.round(value / 1e6)} MB`;
  const rows = Object.entries(await benchSetup()).flatMap(([kind, figures]) => {
    if (!figures)
      return [row(`prepared trees, ${kind}`, "not installed", "not measured", "", null)];
    const { add, kept, ready, setup, started, unkept } = figures;
    const second = `${kind}: a second worktree, ready for its agent`;
    const share = [0, 1].map((at) => kept[at] / unkept[at]);
    return [
      disk
        ? row(
            second,
            `copy-on-write; bare worktree add ${ms(add)}, setup ${ms(setup)}`,
            ms(started),
            `at most ${ms(1.3 * add + 300)} (1.3 × bare + 300 ms)`,
            started <= 1.3 * add + 300,
          )
        : row(
            second,
            `files are copied; setup ${ms(setup)}, copy ${ms(ready)}`,
            `${(ready / setup).toFixed(2)} of setup`,
            "at most 0.25",
            ready <= 0.25 * setup,
          ),
      ...["first", "second"].map((name, at) =>
        row(
          `${kind}: what setup adds to a task, the ${name}`,
          `${ms(kept[at])}; with \`prepared_mb: 0\` ${ms(unkept[at])}`,
          `${share[at].toFixed(2)} of it`,
          at === 0 ? "at most a third" : "at most a tenth",
          share[at] <= (at === 0 ? 1 / 3 : 1 / 10),
        ),
      ),
    ];
  });
  const name = "ten worktrees of a node_modules of 300 MB, on disk";
  const wanted = "at most 1.3 times one";
  if (!disk) return [...rows, row(name, "files are copied", "not measured", wanted, null)];
  const { all, one } = disk;
  const times = `${(all / one).toFixed(2)} times`;
  return [...rows, row(name, `one ${mb(one)}, all ${mb(all)}`, times, wanted, all <= 1.3 * one)];
}

/** `ok` null: it cannot be measured on this machine. */
function row(target, measured, result, wanted, ok) {
  return { target, measured, result, wanted, verdict: ok === null ? "" : ok ? "PASS" : "MISS" };
}

function ms(value) {
  return `${Math.round(value)} ms`;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(benches, name));
if (unknown.length > 0)
  throw new Error(`no bench ${unknown.join(", ")}; there are: ${Object.keys(benches).join(", ")}`);
const rows = [];
try {
  for (const [name, bench] of Object.entries(benches)) {
    if (names.length > 0 && !names.includes(name)) continue;
    console.error(`${name} …`);
    rows.push(...(await bench()));
  }
} finally {
  await cleanUp();
}
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}\n`);
console.log("| target | measured | result | wanted | |\n| --- | --- | --- | --- | --- |");
for (const { target, measured, result, wanted, verdict } of rows) {
  console.log(`| ${target} | ${measured} | ${result} | ${wanted} | ${verdict} |`);
}
process.exit(rows.every(({ verdict }) => verdict !== "MISS") ? 0 : 1);

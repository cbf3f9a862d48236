import { fork } from "node:child_process";
import { once } from "node:events";
import { cpus } from "node:os";
import { openDaemon, openHarnesses, removeHomes } from "./agents-harnesses.mjs";
import { makeProject } from "./agents-project.mjs";
import { kindOf, turns } from "./agents-scenario.mjs";
import { cleanUp, median } from "./support.mjs";

/**
 * `npm run bench:agents`: the same fifty turns by every harness on this machine, against the same
 * scripted model, in one run, each in its turn. BENCH_ROUNDS rounds (default 3); figures are medians
 * of them. Names as arguments choose harnesses: the first two and ours are always there.
 */
const rounds = Number(process.env.BENCH_ROUNDS ?? 3);
const attempts = Number(process.env.BENCH_ATTEMPTS ?? 200);

async function startServer() {
  const child = fork(new URL("agents-server.mjs", import.meta.url).pathname);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the model server ended with ${code}`);
  });
  ended.catch(() => {}); // at the end it may
  const answer = async () => (await Promise.race([once(child, "message"), ended]))[0].answer;
  const urls = await answer();
  const ask = (message) => {
    const answered = answer();
    child.send(message);
    return answered;
  };
  return { ...urls, ask, stop: () => child.disconnect() };
}

/** What a run looked like from the server's side. */
function readRun({ startedAt, ...used }, requests) {
  const own = requests.filter(({ role }) => role === "work");
  if (own.length < turns) throw new Error(`${own.length} requests in place of ${turns + 1}`);
  const gaps = own.slice(1).map(({ at }, i) => ({ ms: at - own[i].endedAt, kind: kindOf(i) }));
  const tokens = ({ bytes }) => Math.round(bytes / 4);
  const ofKind = (kind) => median(gaps.filter((gap) => gap.kind === kind).map(({ ms }) => ms));
  return {
    firstMs: requests[0].at - startedAt,
    gapMs: median(gaps.map(({ ms }) => ms)),
    gapP95Ms: percentile(
      gaps.map(({ ms }) => ms),
      0.95,
    ),
    ...{ readMs: ofKind("read"), editMs: ofKind("edit"), testMs: ofKind("test") },
    firstTokens: tokens(own[0]),
    allTokens: requests.reduce((sum, request) => sum + tokens(request), 0),
    ...used,
  };
}

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** So many attempts in one daemon, all kept in the same turn: what one more of them costs. */
async function measureMany(server) {
  const daemon = await openDaemon(server, { DEPUTY_CONCURRENCY: String(attempts) });
  const repository = await makeProject();
  const goal = (i) => `This is one of many: number ${i}.`;
  const first = await daemon.submit(repository, goal(0)); // everything is loaded by then
  await daemon.untilOver(first.id);
  const beforeMb = daemon.memoryMb();
  await server.ask({ do: "take" });
  await server.ask({ do: "hold", turn: 3 });
  const stop = daemon.watchMemory();
  const startedAt = performance.now();
  const tasks = await Promise.all(
    Array.from({ length: attempts }, (_, i) => daemon.submit(repository, goal(i + 1))),
  );
  await server.ask({ do: "held", turn: 3, count: attempts });
  await server.ask({ do: "release" });
  await Promise.all(tasks.map(({ id }) => daemon.untilOver(id)));
  const peakMb = stop();
  await daemon.stop();
  const tookS = (performance.now() - startedAt) / 1_000;
  return { eachMb: (peakMb - beforeMb) / attempts, beforeMb, peakMb, tookS };
}

const columns = {
  "start → first request, ms": (run) => run.firstMs.toFixed(0),
  "gap median / p95, ms": (run) => `${run.gapMs.toFixed(1)} / ${run.gapP95Ms.toFixed(0)}`,
  "read / edit / test, ms": (run) =>
    [run.readMs, run.editMs, run.testMs].map((ms) => ms.toFixed(1)).join(" / "),
  "wall, ms": (run) => run.wallMs.toFixed(0),
  "CPU, s": (run) => run.cpuS.toFixed(2),
  "peak RSS, MB": (run) => run.rssMb.toFixed(0),
  "first request, tokens": (run) => String(run.firstTokens),
  "whole run, k tokens": (run) => (run.allTokens / 1_000).toFixed(0),
};

function judge(by, many) {
  const [bare, off, ours] = ["bare script", "deputy, three off", "deputy"].map((n) => by.get(n));
  const rows = [];
  const add = (target, wanted, measured, limit, unit = "") =>
    rows.push([
      target,
      wanted,
      `${measured.toFixed(measured < 10 ? 2 : 0)}${unit}`,
      measured <= limit ? "PASS" : "MISS",
    ]);
  add("gap, everything on", "≤ 3 × bare", ours.gapMs / bare.gapMs, 3, " ×");
  add("gap, three off", "≤ 1.3 × bare", off.gapMs / bare.gapMs, 1.3, " ×");
  add("attempt's start → first request", "≤ 80 ms", ours.firstMs, 80, " ms");
  add("first request", "≤ 3,000 tokens", ours.firstTokens, 3_000, "");
  add("whole run's prompts", "≤ 1.15 × bare", ours.allTokens / bare.allTokens, 1.15, " ×");
  if (many) {
    const more = `one more of ${attempts} concurrent attempts`;
    add(more, "≤ 6 MB", many.eachMb, 6, " MB");
  }
  const figures = {
    firstMs: "first request",
    gapMs: "gap",
    gapP95Ms: "gap p95",
    wallMs: "wall",
    cpuS: "CPU",
  };
  Object.assign(figures, { rssMb: "memory", firstTokens: "first tokens", allTokens: "all tokens" });
  for (const [name, other] of by) {
    if (name === "bare script" || name.startsWith("deputy")) continue;
    const behind = Object.keys(figures).filter((key) => ours[key] >= other[key]);
    const said = behind.map(
      (key) => `${figures[key]}: ${ours[key].toFixed(1)} beside ${other[key].toFixed(1)}`,
    );
    const verdict = said.length === 0 ? "PASS" : "MISS";
    rows.push([`ahead of ${name}`, "on each figure", said.join("; ") || "on each", verdict]);
  }
  return rows;
}

const server = await startServer();
const wanted = process.argv.slice(2);
const results = new Map();
let many = null;
try {
  const { harnesses, daemon } = await openHarnesses(server);
  const chosen = harnesses.filter(
    ({ name }, i) => i < 3 || wanted.length === 0 || wanted.includes(name),
  );
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of chosen) {
      console.error(`round ${round + 1}: ${name} …`);
      await server.ask({ do: "take" });
      const used = await run();
      const figures = readRun(used, await server.ask({ do: "take" }));
      results.set(name, [...(results.get(name) ?? []), figures]);
    }
  }
  await daemon.stop();
  if (attempts > 0) {
    console.error(`${attempts} attempts at once …`);
    many = await measureMany(server);
  }
} finally {
  await cleanUp();
  await removeHomes();
  server.stop();
}

const by = new Map(
  [...results].map(([name, runs]) => {
    const keys = Object.keys(runs[0]);
    return [name, Object.fromEntries(keys.map((key) => [key, median(runs.map((r) => r[key]))]))];
  }),
);
const table = (head, rows) => {
  console.log(`| ${head.join(" | ")} |\n|${" --- |".repeat(head.length)}`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  console.log();
};
console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${rounds} rounds\n`,
);
table(
  [`${turns} turns`, ...Object.keys(columns)],
  [...by].map(([name, run]) => [name, ...Object.values(columns).map((show) => show(run))]),
);
console.log(
  `PostgreSQL beside ours: ${by.get("deputy").databaseMb.toFixed(0)} MB; its CPU is in ours.`,
);
if (many) {
  const [before, peak] = [many.beforeMb, many.peakMb].map((mb) => mb.toFixed(0));
  console.log(
    `${attempts} at once: ${before} MB before, ${peak} MB at most, ${many.tookS.toFixed(0)} s in all.`,
  );
}
console.log();
const rows = judge(by, many);
table(["target", "wanted", "measured", ""], rows);
process.exit(rows.every((row) => row.at(-1) === "PASS") ? 0 : 1);

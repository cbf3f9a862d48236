import autocannon from "autocannon";
import {
  endProcess,
  firstLine,
  makeDatabase,
  makeRepository,
  median,
  startDaemon,
  startProcess,
} from "./support.mjs";

/**
 * How fast tasks become durable. Bursts of the same size, in turn, against the daemon and against
 * the least that could be called an intake (bare-route.mjs): same server, same size of pool, same
 * body, same load generator. Nothing of the daemon is switched off: while it takes tasks in, it
 * plans them and runs the first ones, which only sleep.
 */
const requests = Number(process.env.BENCH_REQUESTS ?? 6_000);
const rounds = Number(process.env.BENCH_ROUNDS ?? 5);

export async function benchIntake() {
  const repository = await makeRepository(20);
  const body = JSON.stringify({
    goal: "Rename the helper and fix its callers",
    repository,
    agent: "command:sleep 600",
    checks: ["npm test"],
  });
  const database = await makeDatabase();
  const bare = startProcess(
    process.execPath,
    [new URL("./bare-route.mjs", import.meta.url).pathname, database.url],
    {},
  );
  const bareUrl = await firstLine(bare);
  const rates = { bare: [], ours: [] };
  const latencies = { bare: [], ours: [] };
  const shoot = async (who, url, headers, amount = requests) => {
    const startedAt = performance.now();
    let answeredAt = startedAt;
    const burst = autocannon({
      ...{ url: `${url}/v1/tasks`, method: "POST", body, connections: 32, amount },
      headers: { "content-type": "application/json", ...headers },
    });
    // Its own duration is a whole number of seconds.
    burst.on("response", () => {
      answeredAt = performance.now();
    });
    const { non2xx, errors, latency } = await burst;
    if (non2xx + errors > 0) throw new Error(`${who}: ${non2xx} refused, ${errors} errors`);
    if (amount !== requests) return;
    rates[who].push(amount / ((answeredAt - startedAt) / 1000));
    latencies[who].push(latency.p99);
  };
  await shoot("bare", bareUrl, {}, 2_000); // warm
  for (let round = 0; round < rounds; round++) {
    // The baseline has the machine to itself; and each round a new daemon, or the backlog of the
    // last one would be worked off beside this one.
    await shoot("bare", bareUrl, {});
    const daemon = await startDaemon();
    await shoot("ours", daemon.url, daemon.headers, 4_000); // warm, as the other one is by now
    await shoot("ours", daemon.url, daemon.headers);
    await daemon.stop("SIGKILL");
  }
  await endProcess(bare, "SIGTERM");
  await database.drop();
  if (process.env.BENCH_VERBOSE) console.error(rates, latencies);
  return {
    ours: median(rates.ours),
    bare: median(rates.bare),
    ratio: median(rates.ours.map((v, i) => v / rates.bare[i])),
  };
}

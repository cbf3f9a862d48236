import { randomBytes } from "node:crypto";
import pg from "pg";
import { acceptTask, batchCreations } from "../dist/orchestrator/intake/intake.js";
import { claimWork } from "../dist/orchestrator/runner/claim.js";
import { makeAdvanceDeps } from "../dist/orchestrator/transitions/advance.js";
import { openStore } from "../dist/store/database/open.js";
import { makeDatabase } from "./support.mjs";

/**
 * Many claimants, each with a pool of its own, want the same rows at once, again and again, until
 * ten thousand claims were made. A row that two of them got would show up twice in the list.
 */
const claimants = 4;
const rows = 2_500;
const rounds = 4;

export async function benchClaims() {
  const database = await makeDatabase();
  const onError = () => {};
  const stores = [];
  for (let i = 0; i < claimants; i++) {
    stores.push(await openStore(database.connection, { onError, maxConnections: 4 }));
  }
  const { db } = stores[0];
  const rules = {
    db,
    ...makeAdvanceDeps(db, () => []),
    createTask: batchCreations(db).createTask,
    defaultAgent: () => "command:true",
    requireAgent: () => {},
    defaultTimeoutMs: () => null,
    checkRepository: async (repository) => repository,
    requirePullRequests: () => {},
    defaultBudget: null,
    defaultWhenStuck: "fail",
    unpricedModel: () => null,
  };
  const origin = {
    source: "http",
    subject: null,
    outsideText: null,
    replyTo: null,
    reviewedAgainst: null,
  };
  for (let i = 0; i < rows; i++) {
    const input = { goal: `Task ${i}`, repository: "/nowhere" };
    await acceptTask(rules, { input, origin, idempotency: null, recipe: "change", approval: null });
  }
  const admin = new pg.Client({ ...database.connection, options: "-c search_path=app" });
  await admin.connect();
  const seen = new Set();
  let claims = 0;
  let doubles = 0;
  let seconds = 0;
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    await Promise.all(
      stores.map(async (store) => {
        const owner = `process_${randomBytes(8).toString("hex")}`;
        for await (const { taskId } of claimWork(store.db, owner, "plan", rows)) {
          claims++;
          const claim = `${round} ${taskId}`;
          if (seen.has(claim)) doubles++;
          seen.add(claim);
        }
      }),
    );
    seconds += (performance.now() - startedAt) / 1_000;
    await admin.query(
      `update tasks set state = 'planning', hold_kind = 'dependency', hold_on = '{slot:plan}', hold_owner = null, hold_at = null`,
    );
  }
  await admin.end();
  for (const store of stores) await store.close();
  await database.drop();
  return { claims, doubles, perSecond: claims / seconds };
}

import { loadModelServer } from "./load-model-server.mjs";
import { cleanUp, makeProjectOf, openPostgres, startDaemon } from "./support.mjs";

/**
 * `npm run bench:orchestration`: what planner and reviewer take of all tokens of a task that is one
 * part, reviewed once. What Deputy sends is real, and a token is four bytes of it; how often each role
 * asks and what it reads is the script's, and written down in docs/cost.md. The repository has sixty
 * files of the size that files have: modules of 160 lines and their tests.
 */
const startModelServer = await loadModelServer();
const goal =
  "Totals are rounded in three different ways. Round them to cents, half up:\n- one function for it in the module of totals\n- invoices and reports use it\n- negative totals are rounded away from zero";

const module = (i) =>
  Array.from(
    { length: 40 },
    (_, at) =>
      `/** Step ${at} of part ${i}: takes the amount that the step before it left, and adds its rate. */\nexport function step${i}x${at}(amount) {\n  return amount + ${i * 40 + at} / 100;\n}\n`,
  ).join("\n");
const testOf = (i) =>
  `import assert from "node:assert";\nimport { test } from "node:test";\nimport * as part from "../src/part-${i}.mjs";\n\n` +
  Array.from(
    { length: 20 },
    (_, at) =>
      `test("step ${at} of part ${i} adds its rate to the amount", () => {\n  const given = ${at};\n  assert.ok(part.step${i}x${at}(given) >= given);\n});\n`,
  ).join("\n");

async function makeProject() {
  const files = {
    "package.json": '{ "private": true, "type": "module", "scripts": { "test": "node --test" } }\n',
  };
  for (let i = 0; i < 30; i++) {
    files[`src/part-${i}.mjs`] = module(i);
    files[`test/part-${i}.test.mjs`] = testOf(i);
  }
  return makeProjectOf(files);
}

const thought =
  "The amounts are added up step by step, so the rounding belongs where the last step leaves them; the others only pass on what they were given.";
const turn = (tool, args) => ({ text: thought, calls: [{ tool, args }] });
const read = (i, folder = "src") =>
  turn("read", { path: folder === "src" ? `src/part-${i}.mjs` : `test/part-${i}.test.mjs` });
const edit = (i, at) =>
  turn("edit", {
    path: `src/part-${i}.mjs`,
    old: `  return amount + ${i * 40 + at} / 100;`,
    new: `  return Math.round((amount + ${i * 40 + at} / 100) * 100) / 100;`,
  });
/** Of two files: the figures are about tokens, not about time. */
const check = "node --test test/part-1.test.mjs test/part-2.test.mjs";
const run = turn("bash", { command: check });
const newTest = turn("write", { path: "test/rounding.test.mjs", content: testOf(1) });
const finish = turn("finish", { summary: "Totals are rounded in one place.", not_done: "nothing" });

const short = [read(1), read(2), read(1, "test"), edit(1, 3), edit(2, 4), newTest];
const long = [
  ...[turn("search", { pattern: "step1x3" }), read(3), read(4), read(2, "test")],
  ...[...short, run, read(1), edit(1, 8), run, edit(3, 5), run, edit(4, 6), run],
];
const can = (seen, name) => seen.tools.some((tool) => tool.name === name);
/** The work, the checks, by their tool where there is one, and the end. */
const coder = (work) => (seen, at) =>
  [...work, can(seen, "check") ? turn("check", {}) : run][at] ?? finish;
const tryOr = (seen, command, other) => (can(seen, "try") ? turn("try", { command }) : other);
const part = {
  ...{ id: "rounding", title: "Round totals in one place", independent: true, kind: "work" },
  brief: `${goal}\n\n${thought.repeat(6)}`,
  ...{ writes: ["src/**", "test/**"], checks: [], depends_on: [] },
};

const server = await startModelServer({
  keepsBodies: false,
  scenario: {
    models: ["scripted"],
    roles: {
      planner: {
        match: /You split a task into parts/,
        turns: (seen, at) =>
          [
            turn("search", { pattern: "step1x3" }),
            ...[read(1), read(2), read(1, "test")],
            tryOr(seen, check, read(3)),
            { json: { reason: thought, subtasks: [part] } },
          ][at],
      },
      reviewer: {
        match: /You review a change/,
        turns: (seen, at) =>
          [
            turn("search", { pattern: "step1x3" }),
            read(1, "test"),
            tryOr(seen, `node -e 'import("./src/part-1.mjs")'`, read(1)),
            { json: { summary: thought, findings: [], fine: [] } },
          ][at],
      },
      long: { match: /in twenty turns/, turns: coder(long) },
      short: { turns: coder(short) },
    },
  },
});

await openPostgres();
const daemon = await startDaemon({
  ...{ OPENAI_API_KEY: "sk-bench", OPENAI_BASE_URL: server.url, DEPUTY_MODEL: "scripted" },
  DEPUTY_SANDBOX: "auto",
});
const repository = await makeProject();

async function measure(name, more) {
  const { id } = await daemon.api("POST", "/v1/tasks", {
    ...{ goal, repository, agent: "builtin", checks: [check], assurance: "standard", ...more },
  });
  await daemon.untilOver(id);
  const { task, usage } = await daemon.api("GET", `/v1/tasks/${id}`);
  if (task.state !== "completed") throw new Error(`${name}: ${task.state}, ${task.end_detail}`);
  const of = (role) => usage.filter((row) => row.role === role);
  const tokens = (role) =>
    of(role).reduce((sum, row) => sum + row.input_tokens + row.output_tokens, 0);
  const calls = (role) => of(role).reduce((sum, row) => sum + row.calls, 0);
  const roles = ["planner", "coder", "reviewer"];
  const all = roles.reduce((sum, role) => sum + tokens(role), 0);
  const share = (all - tokens("coder")) / all;
  const shown = roles.map((role) => `${calls(role)} / ${Math.round(tokens(role) / 1_000)}`);
  return { name, share, row: [name, ...shown, `${(share * 100).toFixed(0)} %`] };
}

const rows = [];
try {
  const twenty = `${goal}\n\nDone in twenty turns.`;
  rows.push(await measure("auto, 8 turns", {}));
  rows.push(await measure("auto, 20 turns", { goal: twenty }));
  rows.push(await measure("`--mode plan`, 20 turns", { goal: twenty, mode: "plan" }));
} finally {
  await daemon.stop();
  await cleanUp();
  await server.close();
}
const head = ["one part, one reviewer", "planner", "coder", "reviewer", "planner + reviewer"];
console.log(`Calls / thousands of tokens\n\n| ${head.join(" | ")} |`);
console.log(`|${" --- |".repeat(head.length)}`);
for (const { row } of rows) console.log(`| ${row.join(" | ")} |`);
const wanted = 0.25;
const missed = rows.slice(0, 2).filter(({ share }) => share > wanted);
console.log(`\nWanted without a plan asked for: ≤ 25 %: ${missed.length === 0 ? "PASS" : "MISS"}`);
process.exit(missed.length === 0 ? 0 : 1);

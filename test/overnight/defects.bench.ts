import { writeFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import type { Role, Seen, Turn } from "../support/model-server/scenario.ts";
import { startModelServer } from "../support/model-server/start.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { until } from "../support/until.ts";
import { openSystem } from "./deputy-system.ts";
import { startReceiver } from "./receiver.ts";
import { makeRandom, tellShare } from "./stats.ts";

/**
 * The defect curve: agents whose work is broken with probability p, and how much of that is delivered
 * behind each gate. What is delivered is judged by an oracle that no agent, check or reviewer knows. The
 * agents and the reviewer are scripts, so the absolute values are theirs; what compares is the gates.
 */
const seed = Number(process.env.DEPUTY_OVERNIGHT_SEED ?? 1);
const tasksEach = Number(process.env.DEPUTY_DEFECTS_TASKS ?? 20);
const chances = [0.1, 0.3, 0.5];
/** How often the scripted reviewer finds what it could see. */
const reviewerFinds = 0.7;

type Gate = {
  name: string;
  checks: string[];
  assurance: "quick" | "standard";
  /** Whether a later draft of an agent is another one; else it makes the same one again. */
  redraws: boolean;
  config?: string;
};

const check = "node --test test/clamp.test.js";
const gates: Gate[] = [
  { name: "no gate", checks: [], assurance: "quick", redraws: false },
  { name: "checks", checks: [check], assurance: "quick", redraws: false },
  { name: "checks and review", checks: [check], assurance: "standard", redraws: false },
  {
    ...{ name: "the whole ladder", checks: [check], assurance: "standard", redraws: true },
    config: "roles: {coder: {fallbacks: [{agent: builtin, model: other}]}}\n",
  },
];

// What the work is about, and every way to get it wrong.
const source = (body: string) => `export const clamp = (x, low, high) => ${body};\n`;
const right = "Math.min(Math.max(x, low), high)";
const other = "export const one = 1;\n";
const testOf = (most: number) => `import assert from "node:assert/strict";
import test from "node:test";
import { clamp } from "../src/clamp.js";

test("at most", () => assert.equal(clamp(5, 0, 3), ${most}));
test("within", () => assert.equal(clamp(2, 0, 3), 2));
`;
const files = {
  ".deputy/config.yaml": "setup: []\nchecks: []\n",
  "package.json": '{ "name": "clamp", "private": true, "type": "module" }\n',
  "src/clamp.js": source("x"),
  "src/other.js": other,
  "test/clamp.test.js": testOf(3),
};

/** `null` is right work. Each is what a draft writes. */
const defects = {
  "wrong, and a check sees it": { "src/clamp.js": source("low") },
  "wrong, and only a reader sees it": { "src/clamp.js": source("Math.min(x, high)") },
  "its test weakened": { "src/clamp.js": source("x ?? low"), "test/clamp.test.js": testOf(5) },
  "another file damaged": {
    ...{ "src/clamp.js": source(right), "src/other.js": "export const one = 2;\n" },
  },
} satisfies Record<string, Record<string, string>>;
type Defect = keyof typeof defects;
const kinds = Object.keys(defects) as Defect[];

/** The same number for the same words and seed. */
function draw(...words: unknown[]): number {
  let hash = seed;
  for (const letter of words.join(" ")) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193);
  const random = makeRandom(hash);
  random();
  return random();
}

function drawDefect(task: string, chance: number, draft: string): Defect | null {
  if (draw(task, draft, "broken") >= chance) return null;
  return kinds[Math.floor(draw(task, draft, "kind") * kinds.length)] ?? null;
}

const goalOf = (chance: number, number: number) =>
  `Repair clamp in src/clamp.js, task ${number} at ${chance}`;
const readGoal = (text: string) =>
  /Repair clamp in src\/clamp\.js, task (\d+) at ([\d.]+\d)/.exec(text) as RegExpExecArray;

/** Every draft is two replies: the files, and "done". */
function coder({ redraws }: Gate, drafted: Map<string, Defect | null>): Role {
  /** The conversations of each task, in order: one is an attempt that began afresh. */
  const begun = new Map<string, string[]>();
  const turns = (seen: Seen, turn: number): Turn => {
    const [goal, , chance] = readGoal(seen.user);
    const known = begun.get(goal) ?? [];
    if (!known.includes(seen.conversation)) begun.set(goal, [...known, seen.conversation]);
    if (turn % 2 === 1)
      return { calls: [{ tool: "finish", args: { summary: "Repaired clamp." } }] };
    const attempt = begun.get(goal)?.indexOf(seen.conversation) ?? 0;
    const draft = redraws ? `${attempt}/${turn / 2}` : "0/0";
    const defect = drawDefect(goal, Number(chance), draft);
    if (!drafted.has(goal)) drafted.set(goal, defect);
    // A new draft leaves nothing of the one before it.
    const now = { ...files, "src/clamp.js": source(right), ...(defect && defects[defect]) };
    const paths = ["src/clamp.js", "src/other.js", "test/clamp.test.js"] as const;
    return {
      calls: paths.map((path) => ({ tool: "write", args: { path, content: now[path] } })),
    };
  };
  return { match: "Repair clamp", turns };
}

const exits = (condition: string) =>
  `node --input-type=module -e 'import { clamp } from "./src/clamp.js"; import { one } from "./src/other.js"; process.exit(${condition} ? 0 : 1)'`;

/** What the reviewer says of a change that it sees through, with a command that fails because of it. */
const claims: [sign: string, claim: object][] = [
  [
    "+export const clamp = (x, low, high) => Math.min(x, high);",
    {
      ...{ priority: 1, file: "src/clamp.js", lines: null, claim: "it lets too little through" },
      evidence: { kind: "command", command: exits("clamp(-1, 0, 3) === 0") },
    },
  ],
  [
    "+export const one = 2;",
    {
      ...{ priority: 0, file: "src/other.js", lines: null, claim: "it damages another file" },
      evidence: { kind: "command", command: exits("one === 1") },
    },
  ],
];

function reviewer(): Role {
  const reviews = new Map<string, number>();
  const turns = ({ user }: Seen): Turn => {
    const [goal] = readGoal(user);
    const number = (reviews.get(goal) ?? 0) + 1;
    reviews.set(goal, number);
    const looksClosely = draw(goal, "review", number) < reviewerFinds;
    const findings = claims.flatMap(([sign, claim]) => (user.includes(sign) ? [claim] : []));
    return { json: { summary: "read", findings: looksClosely ? findings : [], fine: [] } };
  };
  return { match: "You review a change", turns };
}

/** Nobody asked for a change of the tests. */
const accepter: Role = {
  match: "You answer one question about a change",
  turns: () => ({
    json: { files: [{ path: "test/clamp.test.js", asked_for: false, quote: "" }] },
  }),
};

type Row = {
  gate: string;
  chance: number;
  tasks: number;
  /** Tasks whose first draft was broken. */
  broken: number;
  delivered: number;
  /** Of the delivered ones: what the oracle refuses, by kind. */
  defective: string[];
  asks: number;
  failed: number;
};
const rows: Row[] = [];

test.each(gates)("$name", { timeout: 3_600_000 }, async (gate) => {
  const drafted = new Map<string, Defect | null>();
  const roles = { reviewer: reviewer(), accepter, coder: coder(gate, drafted) };
  const [repository, phone, model] = await Promise.all([
    makeRepository(files),
    startReceiver(),
    startModelServer({ scenario: { models: ["scripted", "other"], roles }, keepsBodies: false }),
  ]);
  const system = await openSystem({
    ...{ modelUrl: model.url, phoneUrl: phone.url },
    env: { DEPUTY_ASSURANCE: gate.assurance, DEPUTY_CONCURRENCY: "4" },
    ...(gate.config && { config: gate.config }),
  });
  try {
    await system.start({});
    for (const chance of chances) {
      const goals = Array.from({ length: tasksEach }, (_, number) => goalOf(chance, number + 1));
      const row: Row = {
        ...{ gate: gate.name, chance, tasks: goals.length },
        ...{ broken: 0, delivered: 0, defective: [], asks: 0, failed: 0 },
      };
      const ids = await Promise.all(
        goals.map((goal) => {
          const task = { repository: repository.path, goal, agent: "builtin" };
          const whole = { ...task, checks: gate.checks, mode: "direct" };
          return until(() => system.submit(whole), `${goal} is accepted`);
        }),
      );
      for (const [index, id] of ids.entries()) {
        const { branch, end } = await until(
          () => system.readEnd(id),
          `${id} is over`,
          1_200_000,
          250,
        );
        if (drafted.get(goals[index] ?? "")) row.broken++;
        if (end === "asks") row.asks++;
        else if (end === "failed") row.failed++;
        else {
          row.delivered++;
          row.defective.push(...(await findDefects(repository, branch ?? "")));
        }
      }
      rows.push(row);
      console.log(JSON.stringify(row));
      expect(row.delivered + row.asks + row.failed).toBe(goals.length);
    }
  } finally {
    await system.close();
    await Promise.all([model.close(), phone.close(), repository.remove()]);
  }
});

/** The oracle: at most one entry, by what is wrong with what was delivered. */
async function findDefects(repository: TestRepository, branch: string): Promise<string[]> {
  const read = (path: string) => `${repository.git("show", `${branch}:${path}`)}\n`;
  if (read("test/clamp.test.js") !== testOf(3)) return ["its test weakened"];
  if (read("src/other.js") !== other) return ["another file damaged"];
  const { clamp } = await import(
    `data:text/javascript,${encodeURIComponent(read("src/clamp.js"))}`
  );
  const cases = [
    ...[
      [5, 0, 3, 3],
      [2, 0, 3, 2],
      [-1, 0, 3, 0],
    ],
    ...[
      [0, 0, 0, 0],
      [-9, -5, -3, -5],
    ],
  ] as const;
  const isRight = cases.every(([x, low, high, wanted]) => clamp(x, low, high) === wanted);
  return isRight ? [] : ["wrong code"];
}

afterAll(() => {
  const path = process.env.DEPUTY_OVERNIGHT_REPORT;
  if (!path) return;
  writeFileSync(path, JSON.stringify({ seed, rows }, null, 2));
  writeFileSync(`${path}.md`, writeTable());
});

function writeTable(): string {
  const tell = ({ asks, broken, chance, defective, delivered, failed, gate, tasks }: Row) => {
    const byKind = [...new Set(defective)].map(
      (kind) => `${defective.filter((one) => one === kind).length} × ${kind}`,
    );
    return [
      ...[gate, chance, tellShare(broken, tasks), tellShare(defective.length, delivered)],
      ...[byKind.join(", "), tellShare(delivered, tasks), asks, failed],
    ].join(" | ");
  };
  return [
    `Seed ${seed}, ${tasksEach} tasks for each line; in brackets Wilson's score interval at 95 %.`,
    "",
    "| gate | p | broken first drafts | defects among what was delivered | which | delivered | asks a person | failed |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ...rows.map((row) => `| ${tell(row)} |`),
    "",
  ].join("\n");
}

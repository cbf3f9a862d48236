import { spawnSync } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Deputy } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository } from "../support/repository.ts";

/** What cannot be is told in one clear sentence, with the field or the line, and changes nothing. */
const { deputy, repository, scratch } = withDeputy({ files: { "a.txt": "a\n" } });

beforeAll(async () => {
  await mkdir(scratch.at("folder"));
  spawnSync("git", ["init", "--quiet", scratch.at("empty")]);
  spawnSync("git", ["init", "--quiet", "--bare", scratch.at("empty.git")]);
});

const count = async () => (await deputy.api("GET", "/v1/tasks?limit=200")).body.tasks.length;
const good = () => ({ goal: "Do it", repository: repository.path, agent: "command:true" });

/** A body for POST /v1/tasks; made late, because it needs the repository's path. */
type Refusal = [
  name: string,
  body: () => unknown,
  status: number,
  field: string | null,
  words: string[],
];
const refusals: Refusal[] = [
  [
    "a plan with a text that cannot be stored",
    () => ({ ...good(), plan_yaml: 'subtasks:\n  - id: a\n    title: "nul \\0"\n' }),
    400,
    "plan_yaml",
    ["line 3", "NUL"],
  ],
  [
    "no repository there",
    () => ({ ...good(), repository: "/no/such/place" }),
    422,
    "repository",
    ["/no/such/place"],
  ],
  [
    "a path that is no repository",
    () => ({ ...good(), repository: scratch.at("folder") }),
    422,
    "repository",
    ["not a git repository"],
  ],
  [
    "a file",
    () => ({ ...good(), repository: join(repository.path, "a.txt") }),
    422,
    "repository",
    ["a.txt"],
  ],
  [
    "a relative path",
    () => ({ ...good(), repository: "a/b" }),
    400,
    "repository",
    ["absolute path"],
  ],
  [
    "a URL that runs programs",
    () => ({ ...good(), repository: "ext::sh -c touch% x" }),
    400,
    "repository",
    [],
  ],
  [
    "a URL with a password",
    () => ({ ...good(), repository: "https://me:secret@example.com/a/b" }),
    400,
    "repository",
    ["password"],
  ],
  [
    "no commit",
    () => ({ ...good(), repository: scratch.at("empty") }),
    422,
    "repository",
    ["no commit"],
  ],
  [
    "a bare one without a commit",
    () => ({ ...good(), repository: scratch.at("empty.git") }),
    422,
    "repository",
    ["no commit"],
  ],
  ["a base that is not there", () => ({ ...good(), base: "nowhere" }), 422, "base", ['"nowhere"']],
  ["a base that is an option", () => ({ ...good(), base: "--upload-pack=x" }), 422, "base", []],
  ["no goal", () => ({ repository: repository.path }), 400, "goal", ["missing"]],
  ["a goal of spaces", () => ({ ...good(), goal: " \n " }), 400, "goal", ["empty"]],
  [
    "a goal of 2 MB",
    () => ({ ...good(), goal: "x".repeat(2_000_000) }),
    400,
    "goal",
    ["64000 characters", "attachments"],
  ],
  ["a number for a goal", () => ({ ...good(), goal: 7 }), 400, "goal", ["string", "number"]],
  ["a string for a list", () => ({ ...good(), checks: "npm test" }), 400, "checks", ["array"]],
  ["an empty check", () => ({ ...good(), checks: ["true", ""] }), 400, "checks[1]", ["empty"]],
  [
    "a text for a number",
    () => ({ ...good(), timeout_minutes: "5" }),
    400,
    "timeout_minutes",
    ["number"],
  ],
  ["an unknown field", () => ({ ...good(), gaol: "Do it" }), 400, null, ['"gaol"']],
  [
    "an unknown way to deliver",
    () => ({ ...good(), deliver: "email" }),
    400,
    "deliver",
    ["branch, pr"],
  ],
  [
    "an agent that is none",
    () => ({ ...good(), agent: "gpt" }),
    400,
    "agent",
    ["builtin", "command:"],
  ],
  [
    "an agent without a model",
    () => ({ ...good(), agent: undefined }),
    422,
    "agent",
    ["OPENAI_API_KEY"],
  ],
  [
    "a cyclic plan",
    () => ({ ...good(), plan: { subtasks: [{ id: "a", title: "A", depends_on: ["a"] }] } }),
    400,
    "plan.subtasks[0].depends_on",
    ["a → a"],
  ],
  [
    "an unknown key in a plan",
    () => ({ ...good(), plan: { subtasks: [{ id: "a", title: "A", needs: [] }] } }),
    400,
    "plan.subtasks[0]",
    ['"needs"'],
  ],
  ["a list", () => [good()], 400, null, ["object"]],
  [
    "half of a surrogate pair",
    () => JSON.stringify(good()).replace("Do it", "\\ud800"),
    400,
    "goal",
    ["surrogate"],
  ],
  ["a NUL", () => JSON.stringify(good()).replace("Do it", "a\\u0000b"), 400, "goal", ["NUL"]],
  ["JSON that is none", () => '{"goal": "a",\n}', 400, null, ["line 2"]],
  [
    "50 MB",
    () => JSON.stringify({ ...good(), goal: "x".repeat(50_000_000) }),
    413,
    null,
    ["larger"],
  ],
];

describe("POST /v1/tasks", () => {
  test.each(refusals)("%s", async (_, body, status, field, words) => {
    const before = await count();
    const answer = await deputy.api("POST", "/v1/tasks", body());
    expect(answer.status, JSON.stringify(answer.body)).toBe(status);
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    expect(answer.body).toMatchObject({ status, ...(field === null ? {} : { field }) });
    expect(answer.body.detail).toMatch(/^[^\n]{10,400}[.)]$/);
    for (const word of words) expect(answer.body.detail).toContain(word);
    expect(answer.body.detail).not.toContain("secret");
    expect(await count()).toBe(before);
  });

  test("broken UTF-8", async () => {
    const token = (await readFile(join(deputy.home, "token"), "utf8")).trim();
    const body = Buffer.concat([
      Buffer.from('{"goal":"caf'),
      Buffer.from([0xe9]),
      Buffer.from('","repository":"/x"}'),
    ]);
    const response = await fetch(`${deputy.url()}/v1/tasks`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: "The body is not valid UTF-8." });
  });
});

test("an unknown id, an id of another kind and no id at all are three different answers", async () => {
  const task = await deputy.run({ ...good(), agent: "command:echo b > b.txt" });
  const { subtasks } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  const unknown = `task_${"0".repeat(20)}`;
  const get = (id: string) => deputy.api("GET", `/v1/tasks/${encodeURIComponent(id)}`);
  const expected: [string, number, string][] = [
    [unknown, 404, `There is no task ${unknown}.`],
    [subtasks[0].id, 400, "is the id of a subtask"],
    ["att_123", 400, "is the id of an attempt"],
    ["hello", 400, 'must be the id of a task (task_…) or "last", not "hello"'],
    ["task_", 400, "too short"],
    ["../../etc/passwd", 400, "must be the id of a task"],
  ];
  for (const [id, status, words] of expected) {
    const { status: got, body } = await get(id);
    expect([got, body.detail], id).toEqual([status, expect.stringContaining(words)]);
    for (const verb of ["cancel", "retry", "accept", "update", "rollback", "discard", "restore"]) {
      const path = `/v1/tasks/${encodeURIComponent(id)}/${verb}`;
      expect((await deputy.api("POST", path)).status).toBe(status);
    }
  }
  for (const name of [task.id.slice(5), task.id.slice(0, 20), "last"])
    expect((await get(name)).body.task.id, name).toBe(task.id);
  const cli = await deputy.cli(["show", unknown]);
  expect([cli.code, cli.stderr]).toEqual([2, `deputy: There is no task ${unknown}.\n`]);
  expect((await deputy.cli(["why", subtasks[0].id])).stderr).toContain("is the id of a subtask");
});

test("the command line says the same, with exit code 2", async () => {
  const refuse = async (args: string[], options: Parameters<Deputy["cli"]>[1] = {}) => {
    const { code, stdout, stderr } = await deputy.cli(args, { cwd: repository.path, ...options });
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
    return stderr;
  };
  const agent = ["--agent", "command:true"];
  const before = await count();
  expect(await refuse(["run", "x", ...agent, "--base", "nowhere"])).toContain('"nowhere"');
  expect(await refuse(["run", "x", ...agent], { cwd: scratch.path })).toContain(
    "not in a git checkout",
  );
  expect(await refuse(["run", "x", ...agent, "--repo", "/no/such"])).toContain("/no/such");
  expect(await refuse(["run", "-", ...agent], { input: "x".repeat(2_000_000) })).toContain("stdin");
  expect(await refuse(["run", "-", ...agent], { input: "" })).toContain("empty");
  expect(await refuse(["run", "x", ...agent, "--plan", "no.yaml"])).toContain("no.yaml");
  expect(await refuse(["run", "x", ...agent, "--timeout", "soon"])).toContain("soon");
  expect(await refuse(["run", "x", "--agnet", "y"])).toContain("--agnet");
  expect(await refuse(["run"])).toContain("goal");
  expect(await refuse(["run", "x", "--agent", "builtin"])).toContain(
    "builtin cannot work here: no model is configured: set OPENAI_API_KEY",
  );
  expect(await refuse(["lss"])).toContain("lss");
  await writeFile(scratch.at("latin1.txt"), Buffer.from([0x63, 0xe9]));
  expect(await refuse(["run", "x", ...agent, "--attach", scratch.at("latin1.txt")])).toContain(
    "not valid UTF-8",
  );
  expect(await count()).toBe(before);
});

test("an agent that is not installed fails in one sentence, without three attempts", async () => {
  const task = await deputy.run({ ...good(), agent: "command:no-such-program-x --all" });
  expect(task).toMatchObject({ state: "failed", branch: null });
  expect(task.end_detail).toContain(
    'the program "no-such-program-x" was not found (exit 127); install it or correct the command',
  );
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts).toHaveLength(1);
});

test("a mistake in the repository's configuration fails the task by file, line and key", async () => {
  const mistaken = await makeRepository({
    ".deputy/config.yaml": "# Ours\n\nsetup: npm ci\nprotcted: [vendor]\n",
  });
  try {
    const task = await deputy.run({ ...good(), repository: mistaken.path });
    expect(task).toMatchObject({
      state: "failed",
      end_detail: "`.deputy/config.yaml` line 4: unknown key `protcted`; did you mean `protected`?",
    });
    const { attempts, subtasks } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect([attempts, subtasks]).toEqual([[], []]);
    // Mended on the branch, it goes on with `retry`.
    await mistaken.write({ ".deputy/config.yaml": "checks: ['true']\n" });
    mistaken.git("commit", "--quiet", "--all", "--message", "mend");
    expect((await deputy.cli(["retry", task.id])).code).toBe(0);
    expect((await deputy.untilOver(task.id)).end_detail).toContain("no change");
  } finally {
    await mistaken.remove();
  }
});

describe("the daemon's own configuration", () => {
  const mistakes: [yaml: string, line: number, words: string][] = [
    ["# Ours\n\n\nport: 0\nconcurency: 3\n", 5, 'unknown key "concurency"'],
    ["port: 0\nmodel:\n  nmae: x\n", 3, 'unknown key "model.nmae"'],
    ["port: 0\n\nkeep_worktrees: many\n", 3, '"keep_worktrees" must be a number'],
    ["port: 0\nhost: [a\n", 3, ""],
    ["port: 99999\n", 1, '"port" must be at most 65535'],
  ];
  test.each(mistakes)("%j ends `up` with 2, the file and line %i", async (yaml, line, words) => {
    const home = scratch.at("home");
    await rm(home, { recursive: true, force: true });
    await mkdir(home);
    await writeFile(join(home, "config.yaml"), yaml);
    const { code, stdout, stderr } = await deputy.cli(["up"], { env: { DEPUTY_HOME: home } });
    expect({ code, stdout }, stderr).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`deputy: ${join(home, "config.yaml")} line ${line}: `);
    expect(stderr).toContain(words);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

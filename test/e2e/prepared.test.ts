import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { TestRepository } from "../support/repository.ts";
import { until } from "../support/until.ts";

/**
 * Setup is paid once: what it made on the base is copied into each worktree in which it would make
 * the same, and nobody else's files ever get there.
 */
const { deputy, receiptOf, repositoryWith, scratch } = withDeputy({
  keepLog: true,
  config: "sandbox: {network: {setup: open}}\n", // to a registry on this machine
  env: { DEPUTY_SANDBOX: "bubblewrap", DEPUTY_LOG_LEVEL: "info" },
});

/** Installs by a lock file, as package managers do: with a new id for each real installation. */
const install = [
  "read wanted < deps.lock",
  "mkdir -p node_modules/.bin ~/.cache/tool",
  "echo $wanted > node_modules/version",
  "cat /proc/sys/kernel/random/uuid > node_modules/id",
  "cp node_modules/id ~/.cache/tool/id",
  "ln -sf /bin/sh node_modules/.bin/interpreter",
  // A program that names its own place, as those of virtual environments do.
  'printf \'#!%s/node_modules/.bin/interpreter\\necho "tool $(cat %s/node_modules/version)"\\n\' "$PWD" "$PWD" > node_modules/.bin/tool',
  "chmod +x node_modules/.bin/tool",
  // A path from here to the home, as Yarn writes them.
  'up=$(echo "$PWD" | sed "s,/[^/]*,../,g"); ln -sf "../$up$HOME/.cache/tool/id" node_modules/cached',
].join("; ");

const filesOf = (setup: string, check: string) => ({
  ".gitignore": "node_modules/\n",
  "deps.lock": "one\n",
  "src/a.js": "a\n",
  ".deputy/config.yaml": `setup: ${JSON.stringify(setup)}\nchecks: [${JSON.stringify(check)}]\n`,
});
const tellId =
  "cat node_modules/id > src/id.txt; node_modules/.bin/tool > src/tool.txt; cmp node_modules/cached node_modules/id";

let repository: TestRepository;
beforeAll(async () => {
  repository = await repositoryWith(
    filesOf(
      install,
      "cmp node_modules/cached node_modules/id || exit 3; [ ! -e src/id.txt ] || { cmp src/id.txt node_modules/id && cmp ~/.cache/tool/id node_modules/id && node_modules/.bin/tool | cmp - src/tool.txt; }",
    ),
  );
});

async function work(
  goal: string,
  script: string,
  where: TestRepository = repository,
  more: Json = {},
): Promise<{ task: Json; read: (path: string) => string; reused: Json[] }> {
  const agent = `command:${script}`;
  const task = await deputy.run({
    repository: where.path,
    goal,
    agent,
    allow_test_changes: true,
    ...more,
  });
  const events = await deputy.events(task.id);
  const reused = events.filter(({ data }) => data.step === "setup_reused").map(({ data }) => data);
  return { task, reused, read: (path) => where.git("show", `${task.branch}:${path}`) };
}

test("one setup serves the attempt, the baseline, the verification, and the next task", async () => {
  const first = await work("Tell the id", tellId);
  expect(first.task.state, first.task.end_detail).toBe("completed");
  expect(first.read("src/tool.txt")).toBe("tool one");
  expect(first.reused).toMatchObject([{ is_whole: true }]);
  // An agent's own files are its own.
  const poison = `${tellId}; echo evil > node_modules/version; echo evil > ~/.cache/tool/id; touch node_modules/evil`;
  const second = await work("Tell it and spoil it", `${poison}; git checkout -q src/id.txt; true`);
  const third = await work("Tell it again", `ls node_modules > src/ls.txt; ${tellId}`);
  expect(third.task.state, third.task.end_detail).toBe("completed");
  expect(third.read("src/id.txt")).toBe(first.read("src/id.txt"));
  expect(third.read("src/ls.txt")).not.toContain("evil");
  expect(second.reused).toMatchObject([{ is_whole: true }]);
  const [setup] = (await receiptOf(third.task.id)).setup;
  expect(setup.copied).toEqual({
    ...{ made_at: first.reused[0]?.made_at, setup_ms: first.reused[0]?.setup_ms, is_whole: true },
  });
});

test("a fresh task sets up by itself", async () => {
  const fresh = await work("Tell a new id", tellId, repository, { fresh: true });
  expect(fresh.task.state, fresh.task.end_detail).toBe("failed"); // its checks have another id
  expect(fresh.reused).toEqual([]);
  expect((await receiptOf(fresh.task.id)).setup[0].copied).toBe(null);
});

test("a change of what setup reads runs setup on top; a change of other files does not", async () => {
  const other = await work("Change a source", `echo b > src/b.js; ${tellId}`);
  expect(other.task.state, other.task.end_detail).toBe("completed");
  const script = "echo two > deps.lock; cat node_modules/version > src/before.txt";
  const changed = await work("Change the lock", script, repository, {
    checks: ['test "$(cat node_modules/version)" = two'],
  });
  expect(changed.task.state, changed.task.end_detail).toBe("completed");
  expect(changed.read("src/before.txt")).toBe("one");
  expect((await receiptOf(changed.task.id)).setup[0].copied.is_whole).toBe(false);
});

test("what a copy made red and a setup of its own does not is no failure, and the copy goes", async () => {
  const looks = "mkdir -p node_modules; [ -e src/extra.js ] && echo yes > node_modules/has; true";
  const own = await repositoryWith(filesOf(looks, "[ ! -e src/extra.js ] || cat node_modules/has"));
  const { task } = await work("Add what setup looks for", "echo x > src/extra.js", own);
  expect(task.state, task.end_detail).toBe("completed");
  const receipt = await receiptOf(task.id);
  expect(receipt.setup).toMatchObject([{ copied: null, is_again: true }]);
  expect(receipt.verified).toBe(true);
});

/** A registry of npm with packages of one file, and what was asked of it. */
async function startRegistry(names: readonly string[]) {
  const asked: string[] = [];
  const tarballs = new Map<string, Buffer>();
  for (const name of names) {
    const folder = join(scratch.path, name);
    mkdirSync(join(folder, "package"), { recursive: true });
    writeFileSync(join(folder, "package/package.json"), JSON.stringify({ name, version: "1.0.0" }));
    const tarball = execFileSync("tar", ["-cz", "-C", folder, "package"]);
    tarballs.set(`/${name}.tgz`, tarball);
  }
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(tarballs.get(request.url ?? ""));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const filesOf = (some: readonly string[]) => {
    const dependencies = Object.fromEntries(some.map((name) => [name, "1.0.0"]));
    const locked = some.map((name) => {
      const digest = createHash("sha512").update(tarballs.get(`/${name}.tgz`) ?? "");
      const integrity = `sha512-${digest.digest("base64")}`;
      return [
        `node_modules/${name}`,
        { version: "1.0.0", resolved: `${url}/${name}.tgz`, integrity },
      ];
    });
    const packages = { "": { dependencies }, ...Object.fromEntries(locked) };
    return {
      "package.json": JSON.stringify({ dependencies }),
      "package-lock.json": JSON.stringify({ lockfileVersion: 3, requires: true, packages }),
    };
  };
  return { filesOf, takeAsked: () => asked.splice(0), close: () => server.close() };
}

test("what an installer keeps of its downloads is there for agents and for checks that install", async () => {
  const setup = "mkdir -p ~/.npm/_cacache node_modules; date > ~/.npm/_cacache/one; date > ~/.tool";
  const agent = "cat ~/.npm/_cacache/one ~/.tool > src/seen.txt";
  const plain = await repositoryWith(
    filesOf(setup, "test -e ~/.tool && ! test -e ~/.npm/_cacache/one"),
  );
  const first = await work("Look for them", agent, plain);
  expect(first.task.state).toBe("completed");
  expect(first.read("src/seen.txt").trim().split("\n")).toHaveLength(2);
  const registry = await startRegistry(["again"]);
  const installing = await repositoryWith({
    ...filesOf("npm ci --no-audit --no-fund", "npm ci --no-audit --no-fund --loglevel=error"),
    ...registry.filesOf(["again"]),
  });
  const second = await work("Install again", "npm ci --no-audit && echo a > src/a.txt", installing);
  registry.close();
  expect(second.task.state, second.task.end_detail).toBe("completed");
  expect(registry.takeAsked()).toEqual(["/again.tgz"]);
  for (const { task } of [first, second])
    expect((await receiptOf(task.id)).setup).toMatchObject([{ copied: { is_whole: true } }]);
});

test("the setup of another lock downloads only what is new; a fresh task all of it", async () => {
  const registry = await startRegistry(["one", "two"]);
  try {
    const own = await repositoryWith({
      ...filesOf("npm ci --no-audit --no-update-notifier", "ls node_modules/one/package.json"),
      ...registry.filesOf(["one"]),
    });
    const script = "echo b > src/b.js";
    const first = await work("Work with one", script, own);
    expect(first.task.state, first.task.end_detail).toBe("completed");
    expect(registry.takeAsked()).toEqual(["/one.tgz"]);
    for (const [path, text] of Object.entries(registry.filesOf(["one", "two"])))
      writeFileSync(join(own.path, path), text);
    own.git("commit", "--quiet", "--all", "--message", "Add two");
    const second = await work("Work with both", script, own);
    expect(second.task.state, second.task.end_detail).toBe("completed");
    expect(second.reused).toMatchObject([{ is_whole: true }]);
    expect(registry.takeAsked()).toEqual(["/two.tgz"]);
    await work("Work anew", script, own, { fresh: true });
    expect(registry.takeAsked()).toEqual(expect.arrayContaining(["/one.tgz", "/two.tgz"]));
  } finally {
    registry.close();
  }
});

test("a setup that fails with the downloads of another starts from nothing", async () => {
  const refuse = "[ ! -e ~/.npm/_cacache/spoiled ] || exit 1";
  const spoil = "mkdir -p ~/.npm/_cacache; touch ~/.npm/_cacache/spoiled";
  const own = await repositoryWith({
    ...filesOf(`cat package-lock.json; ${refuse}; ${spoil}; ${install}`, "true"),
    "package-lock.json": "one\n",
  });
  await work("Spoil it", "echo b > src/b.js", own);
  writeFileSync(join(own.path, "package-lock.json"), "two\n");
  own.git("commit", "--quiet", "--all", "--message", "Another lock");
  const { reused, task } = await work("Start from nothing", "echo b > src/b.js", own);
  expect(task.state, task.end_detail).toBe("completed");
  expect(reused).toMatchObject([{ is_whole: true }]);
});

test("doctor and metrics say what it takes", async () => {
  const { stdout } = await deputy.cli(["doctor"]);
  expect(stdout).toMatch(
    /✓ disk use +\S+: mirror \S+ MB, \d+ worktrees? \S+ MB, 1 prepared tree \d/,
  );
  await until(async () => {
    const text = (await deputy.api("GET", "/metrics")).body as string;
    return /^deputy_repository_bytes\{repository="[^"]+",kind="prepared"\} [1-9]/m.test(text);
  }, "it is measured");
});

test("a setup that changes tracked files runs in each worktree", async () => {
  const own = await repositoryWith(
    filesOf(`${install}; echo >> src/a.js`, "test -e node_modules/id"),
  );
  const { reused, task } = await work("Work as ever", "echo b > src/b.js", own);
  expect(task.state, task.end_detail).toBe("completed");
  expect(reused).toEqual([]);
  expect(readFileSync(join(deputy.home, "daemon.log"), "utf8")).toContain(
    "What setup made cannot be kept: it changes src/a.js, which git tracks.",
  );
});

test("a setup that fails on the base is not run again for the attempt, and its own words are the reason", async () => {
  const setup =
    "echo 'error: deps.lock names no such package' >&2; seq 200; echo 'Run it with --help'; exit 4";
  const broken = await repositoryWith(filesOf(setup, "true"));
  const { task } = await work("Repair what does not install", "echo b > src/b.js", broken);
  expect(task).toMatchObject({
    state: "failed",
    end_detail: expect.stringContaining(
      `setup \`${setup}\` failed: exit 4: error: deps.lock names no such package`,
    ),
  });
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts).toHaveLength(2);
  const logs = readdirSync(join(deputy.home, "logs", task.id));
  expect(logs).toContain("setup-kept.log");
  for (const { id } of attempts) expect(logs).not.toContain(`${id}.log`);
});

test("a setup that works in a fresh checkout alone is run in one", async () => {
  // Where it ran before, it refuses; what it lists differs with each new file.
  const once = "ls > /dev/null; mkdir node_modules && mkdir ~/made";
  const own = await repositoryWith(filesOf(once, "test -d node_modules && test -d ~/made"));
  const first = await work("Add a file at the root", "echo b > b.txt", own);
  expect(first.task.state, first.task.end_detail).toBe("completed");
  expect((await receiptOf(first.task.id)).setup).toMatchObject([{ copied: null }]);
  const plan = {
    subtasks: [
      { id: "one", title: "Add a file at the root" },
      { id: "two", title: "Add a second file at the root", depends_on: ["one"] },
    ],
  };
  const both = await work("Add two", 'echo c > "$DEPUTY_SUBTASK.txt"', own, { plan });
  expect(both.task.state, both.task.end_detail).toBe("completed");
  expect(both.reused.map(({ is_whole }) => is_whole)).toEqual([true, false]);
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${both.task.id}`)).body;
  expect(attempts).toHaveLength(2);
});

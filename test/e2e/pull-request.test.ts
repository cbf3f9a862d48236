import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Deputy, Json } from "../support/deputy.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";
import { until } from "../support/until.ts";

/** Work on a repository of a GitHub: fetched and pushed with the token, handed over as a draft. */
const token = "ghp_aTokenThatNobodyMayEverRead0123456789";
/** Of no well-known shape. */
const apiKey = "the-key-of-another-provider";
const goal = "Repair the greeting";
const task = { goal, agent: repairGreeting, checks: ["npm test"], deliver: "pr" };

describe.skipIf(!hasGitHttpBackend)("a pull request", () => {
  let github: FakeGithub;
  let phone: Server;
  const pushes: Json[] = [];
  const waiting: (() => void)[] = [];

  beforeAll(async () => {
    github = await startFakeGithub(token);
    phone = createServer((request, response) => {
      let raw = "";
      request.on("data", (chunk) => {
        raw += chunk;
      });
      request.on("end", () => {
        if (raw !== "") pushes.push(JSON.parse(raw)); // a card is taken away without one
        response.end("{}");
        for (const wake of waiting.splice(0)) wake();
      });
    });
    await new Promise<void>((resolve) => phone.listen(0, "127.0.0.1", resolve));
  });
  afterAll(async () => {
    await github?.close();
    phone?.close();
  });
  const {
    deputy,
    repository: project,
    scratch,
  } = withDeputy({
    files: greetingProject,
    keepLog: true,
    env: () => ({
      GITHUB_TOKEN: token,
      GITHUB_API_URL: github.apiUrl,
      DEPUTY_NTFY_URL: `http://127.0.0.1:${(phone.address() as AddressInfo).port}`,
      DEPUTY_NTFY_TOPIC: "my-topic",
      DEPUTY_NTFY_BUTTONS: "false",
      DEPUTY_NTFY_ALIVE: "false",
      DEPUTY_PUBLIC_URL: "https://deputy.example",
      DEPUTY_LOG_LEVEL: "debug",
      ANTHROPIC_API_KEY: apiKey,
    }),
  });

  const untilPushed = async (taskUrl: string): Promise<Json> => {
    for (;;) {
      const found = pushes.find(({ click }) => click === taskUrl);
      if (found) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const log = (name: string, branch: string) =>
    github.git(name, "log", "--format=%B", `main..${branch}`);

  test("run --deliver pr ends with one draft, its receipt, and a push that opens it", async () => {
    const app = await github.add("acme/app", { from: project.path });
    const url = github.cloneUrl("acme/app");
    const { code, stdout, stderr } = await deputy.cli([
      ...["run", goal, "--repo", url, "--agent", repairGreeting],
      ...["--check", "npm test", "--deliver", "pr", "--watch"],
    ]);
    expect(code, stdout + stderr).toBe(0);
    const [, id = ""] = /(task_\w+)/.exec(stdout) ?? [];
    const branch = "deputy/repair-the-greeting";
    const pullUrl = `${github.url}/acme/app/pull/1`;
    expect(app.pulls).toMatchObject([
      { title: goal, head: branch, base: "main", draft: true, state: "open" },
    ]);
    expect(github.git("acme/app", "show", `${branch}:src/greeting.js`)).toContain("Hello");
    expect(log("acme/app", branch)).toContain(id);

    const body = app.pulls[0]?.body ?? "";
    expect(body).toContain("**Verified**");
    expect(body).toContain("`npm test` (acceptance)");
    expect(body).not.toContain(deputy.home);

    const { task: done } = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
    expect(done).toMatchObject({ state: "completed", branch, delivery_url: pullUrl });
    expect(stdout).toContain(`url     ${pullUrl}`);
    expect((await deputy.cli(["show", id])).stdout).toMatch(`delivered   ${pullUrl}`);
    expect((await deputy.cli(["receipt", id])).stdout).toContain(`| Link | ${pullUrl} |`);
    const { stdout: json } = await deputy.cli(["receipt", id, "--json"]);
    expect(JSON.parse(json)).toMatchObject({ verified: true, delivery: { branch, url: pullUrl } });
    expect((await untilPushed(pullUrl)).title).toBe(`Done: ${goal}`);

    const merge = await deputy.cli(["accept", id]);
    expect([merge.code, merge.stderr]).toEqual([
      2,
      expect.stringContaining(`merge ${pullUrl} there`),
    ]);
    expect(stdout).not.toContain("deputy accept");
    Object.assign(app.pulls[0] ?? {}, { state: "closed", merged: true });
    const merged = await deputy.cli(["accept", id]);
    expect(merged.stdout).toBe(`${pullUrl} was merged there, so it counts as accepted\n`);
    expect((await deputy.cli(["ls"])).stdout).toMatch(new RegExp(`${id} +accepted`));
  });

  test("the token is in no command line, file, row or request of ours but the header", async () => {
    expect(github.seenInArgv).toEqual([]);
    expect(await readFile(join(deputy.home, "daemon.log"), "utf8")).toContain("daemon is up");
    expect(await findInFiles(deputy.home, token)).toEqual([]);
    expect(await findInDatabase(deputy, token)).toEqual([]);
    const bodies = github.requests.map(({ path, body }) => path + body);
    expect(bodies.filter((text) => text.includes(token))).toEqual([]);
    expect(github.requests.length).toBeGreaterThan(0);
  });

  test("a comment is worked on in the same pull request: branch and receipt are those of now, and a person's title stays", async () => {
    const app = await github.add("acme/rework", { from: project.path });
    const rework = `${repairGreeting}; if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo "// more" >> src/greeting.js; echo '{"summary":"Said more."}'; fi`;
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...{ ...task, agent: rework, repository: github.cloneUrl("acme/rework") },
    });
    const first = await deputy.untilOver(body.id);
    const [pull] = app.pulls;
    expect(pull?.body).not.toContain("> Said more.");
    Object.assign(pull ?? {}, { title: "My greeting" });

    const mark = (await deputy.events(body.id)).at(-1)?.seq ?? 0;
    const said = await deputy.cli(["comment", body.id, "src/greeting.js:1", "Say more here"]);
    expect(said.code, said.stderr).toBe(0);
    await deputy.untilEvent(body.id, ({ seq, type }) => type === "task.completed" && seq > mark);
    const again = (await deputy.api("GET", `/v1/tasks/${body.id}`)).body.task;
    expect(again).toMatchObject({ delivery_url: first.delivery_url, branch: first.branch });
    expect(again.delivered_commit).not.toBe(first.delivered_commit);
    expect(github.git("acme/rework", "show", `${first.branch}:src/greeting.js`)).toContain(
      "// more",
    );
    expect(app.pulls).toMatchObject([{ title: "My greeting", head: first.branch, state: "open" }]);
    expect(pull?.body).toContain("> Said more.");
    expect(pull?.body).toContain(again.delivered_commit.slice(0, 10));
  });

  test("a person's commits on the branch are built upon; what was rewritten, or pushed meanwhile, is said, never left behind", async () => {
    const app = await github.add("acme/pushed", { from: project.path });
    const push = async (branch: string, name: string, from = branch) => {
      project.git("fetch", "--quiet", app.gitDir ?? "", from);
      project.git("checkout", "--quiet", "FETCH_HEAD");
      await project.write({ [name]: "export {};\n" });
      project.git("add", "--all");
      project.git("commit", "--quiet", "--message", name);
      project.git("push", "--quiet", "--force", app.gitDir ?? "", `HEAD:refs/heads/${branch}`);
      project.git("checkout", "--quiet", "main");
    };
    const [begun, go] = [join(scratch.path, "begun"), join(scratch.path, "go")];
    const waits = `if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then touch ${begun}; until [ -e ${go} ]; do sleep 0.05; done; echo "// more" >> src/greeting.js; fi`;
    const done = await deputy.run({
      ...{ ...task, agent: `${repairGreeting}; ${waits}` },
      repository: github.cloneUrl("acme/pushed"),
    });
    const { branch, id } = done;
    const comment = () => deputy.cli(["comment", id, "src/greeting.js:1", "Say more here"]);
    await push(branch, "src/first.js");
    expect((await comment()).code).toBe(0);
    await until(() => existsSync(begun), "the rework began");
    await push(branch, "src/second.js");
    await writeFile(go, "");
    const failed = await untilState(deputy, id, "failed");
    expect(failed.end_detail).toMatch(
      /was moved to \w{10} while the work went on.*move it back there/,
    );
    const branches = () => github.git("acme/pushed", "branch", "--list", "deputy/*").split("\n");
    expect(branches()).toHaveLength(1);

    github.git("acme/pushed", "update-ref", `refs/heads/${branch}`, `${branch}~1`);
    const mark = (await deputy.events(id)).at(-1)?.seq ?? 0;
    expect((await deputy.cli(["retry", id])).code).toBe(0);
    await deputy.untilEvent(id, ({ seq, type }) => type === "task.completed" && seq > mark);
    const files = github.git("acme/pushed", "ls-tree", "-r", "--name-only", branch);
    expect(files).toContain("src/first.js");
    expect(app.pulls).toHaveLength(1);
    expect(branches()).toHaveLength(1);

    await push(branch, "src/third.js", "main");
    const refused = await comment();
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("no longer holds what was delivered: move it back"),
    ]);
  });

  test("what leaves is clean: no secret in any form, and an agent's words do nothing", async () => {
    const app = await github.add("acme/clean", { from: project.path });
    const key = `sk-proj-${"a1B2".repeat(9)}`;
    const words = [
      `Used ${key} and ${apiKey}. Thanks @ada of @acme/team. Fixes #1, closes acme/app#2, GH-3,`,
      "https://github.com/acme/app/issues/4. <img src=x><!-- hidden --><details> [x](javascript:a)",
      "```",
      "/approve",
      "[skip ci]",
      "",
      "Co-authored-by: Ada <ada@acme.example>",
    ].join("\n");
    const leak = `printf '%s\\n' '// see' 'const key = "${key}";' > src/key.js`;
    const agent = `${repairGreeting}; ${leak}; cat <<'END'\n${JSON.stringify({ summary: words })}\nEND`;
    const { body: made } = await deputy.api("POST", "/v1/tasks", {
      ...task,
      agent,
      goal: `Repair it with ${key} for @bob, fixes #5`,
      repository: github.cloneUrl("acme/clean"),
    });
    const done = await deputy.untilOver(made.id);
    expect(done.state, done.end_detail).toBe("completed");
    const [pull] = app.pulls;
    const message = log("acme/clean", done.branch);
    const receipt = (await deputy.cli(["receipt", made.id])).stdout;
    const published = [message, pull?.title ?? "", pull?.body.replace(/^<!-- .* -->/, "") ?? ""];
    for (const text of published) {
      expect(text).toMatch(/\[redacted\]/);
      expect(text).not.toMatch(/@\w|#\d|GH-\d|:\/\/github\.com|<[a-z!/]|\]\(|^[\s>]*\/approve/im);
      expect(text).not.toMatch(/\[skip ci\]|^Co-authored-by:/m);
    }
    expect(message).toContain("Thanks ＠ada of ＠acme/team. Fixes ＃1");
    expect(message).toMatch(/\nDeputy-Task: task_\w+\nDeputy-Subtask: main\n*$/);
    expect(done.branch).toBe("deputy/repair-it-with-redacted-for-bob-fixes-5");
    // What the agent wrote into the change is delivered to the letter, and named.
    expect(github.git("acme/clean", "show", `${done.branch}:src/key.js`)).toContain(key);
    for (const text of [receipt, pull?.body, (await deputy.events(made.id)).at(-1)?.message])
      expect(text).toContain("adds what looks like a credential, in src/key.js:2");
    const everything = [
      ...published,
      receipt,
      JSON.stringify(done),
      JSON.stringify((await deputy.api("GET", `/v1/tasks/${made.id}`)).body),
      JSON.stringify(await deputy.events(made.id)),
      (await deputy.cli(["show", made.id])).stdout,
      (await deputy.cli(["log", made.id])).stdout,
      JSON.stringify(pushes),
      await readFile(join(deputy.home, "daemon.log"), "utf8"),
      await readFile(join(deputy.home, "artifacts", made.id, "receipt.json"), "utf8"),
      await readFile(join(deputy.home, "artifacts", made.id, "receipt.md"), "utf8"),
    ];
    for (const secret of [key, apiKey, key.toLowerCase()])
      for (const text of everything) expect(text).not.toContain(secret);
  });

  test("killed after it was opened and before that is recorded: after the restart it is one", async () => {
    const app = await github.add("acme/killed", { from: project.path });
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: "deliver:reported" });
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...task,
      repository: github.cloneUrl("acme/killed"),
    });
    expect(await deputy.ended()).toBe("SIGKILL");
    expect(app.pulls).toHaveLength(1);
    await deputy.start();
    const done = await deputy.untilOver(body.id);
    expect(done).toMatchObject({
      state: "completed",
      delivery_url: `${github.url}/acme/killed/pull/1`,
    });
    expect(app.pulls).toHaveLength(1);
    const branches = github.git("acme/killed", "branch", "--list", "deputy/*").split("\n");
    expect(branches).toHaveLength(1);
    const opened = ({ method, path }: { method: string; path: string }) =>
      method === "POST" && path === "/repos/acme/killed/pulls";
    expect(github.requests.filter(opened)).toHaveLength(1);

    // The base moves and a person pushes: both are in the branch after an update, which is killed, too.
    const push = async (branch: string, name: string) => {
      project.git("fetch", "--quiet", app.gitDir ?? "", branch);
      project.git("checkout", "--quiet", "FETCH_HEAD");
      await project.write({ [name]: "export {};\n" });
      project.git("add", "--all");
      project.git("commit", "--quiet", "--message", name);
      project.git("push", "--quiet", app.gitDir ?? "", `HEAD:refs/heads/${branch}`);
      project.git("checkout", "--quiet", "main");
    };
    await push("main", "src/base.js");
    await push(done.branch, "src/mine.js");
    const told = () => pushes.filter(({ title }) => title === `Done: ${goal}`).length;
    const before = told();
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: "deliver:reported" });
    const mark = (await deputy.events(body.id)).at(-1)?.seq ?? 0;
    expect((await deputy.cli(["update", body.id])).code).toBe(0);
    expect(await deputy.ended()).toBe("SIGKILL");
    await deputy.start({ DEPUTY_FAULT: "task.updated:reported" });
    await deputy.untilEvent(body.id, ({ seq, type }) => type === "task.completed" && seq > mark);
    const files = github.git("acme/killed", "ls-tree", "-r", "--name-only", done.branch);
    expect(files).toMatch(/src\/base\.js\n[\s\S]*src\/mine\.js/);
    expect(app.pulls).toHaveLength(1);
    expect(app.pulls[0]?.body).toContain("brought up to date from");
    expect(told()).toBe(before);

    // Killed before anything is recorded, nothing is; the next start sees what became of the draft.
    const { delivered_commit: delivered } = await deputy.untilOver(body.id);
    await push("main", "src/more.js");
    expect((await deputy.cli(["update", body.id])).code).toBe(3);
    expect(await deputy.ended()).toBe("SIGKILL");
    Object.assign(app.pulls[0] ?? {}, { state: "closed", merged: true });
    await deputy.start();
    expect((await deputy.untilOver(body.id)).delivered_commit).toBe(delivered);
    // The stream of a task that is over ends, and does not wait for what people decide.
    const kinds = async () => (await deputy.events(body.id)).map(({ type }) => type);
    await expect.poll(kinds, { timeout: 15_000 }).toContain("task.accepted");
  });

  test("what the token may not do is said at once; the branch is kept for a retry or discarded", async () => {
    const app = await github.add("acme/shut", { from: project.path });
    github.refusals = [
      ({ path }) =>
        path.startsWith("/repos/acme/shut/pulls")
          ? {
              status: 403,
              headers: { "content-type": "application/json" },
              body: JSON.stringify({ message: `Resource not accessible to ${token}` }),
            }
          : null,
    ];
    const repository = github.cloneUrl("acme/shut");
    const [failed, other] = [
      await deputy.run({ ...task, repository }),
      await deputy.run({ ...task, repository, goal: "Repair it otherwise" }),
    ];
    expect(failed).toMatchObject({
      state: "failed",
      end_detail: expect.stringMatching(
        /deputy\/repair-the-greeting is delivered.*give it write access to contents.*deputy retry task_/,
      ),
    });
    expect(await findInDatabase(deputy, token)).toEqual([]);
    github.refusals = [];
    expect((await deputy.cli(["retry", failed.id])).code).toBe(0);
    expect(await untilState(deputy, failed.id, "completed")).toMatchObject({
      branch: "deputy/repair-the-greeting",
      delivery_url: `${github.url}/acme/shut/pull/1`,
    });
    expect(app.pulls).toHaveLength(1);
    const branches = () => github.git("acme/shut", "branch", "--list", "--format=%(refname:short)");
    expect(branches()).toContain("deputy/repair-it-otherwise");
    expect((await deputy.cli(["discard", other.id])).code).toBe(0);
    expect(branches().split("\n").sort()).toEqual(["deputy/repair-the-greeting", "main"]);
  });

  test("GitHub's rate limit is waited for until it ends, and counts as no failure", async () => {
    await github.add("acme/limited", { from: project.path });
    const reset = Math.round(Date.now() / 1_000) + 3_600;
    const headers = {
      "content-type": "application/json",
      ...{ "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) },
    };
    github.refusals = [
      ({ path }) =>
        path.startsWith("/repos/acme/limited/pulls")
          ? { status: 403, headers, body: '{"message":"API rate limit exceeded"}' }
          : null,
    ];
    const repository = github.cloneUrl("acme/limited");
    const { body } = await deputy.api("POST", "/v1/tasks", { ...task, repository });
    await deputy.untilEvent(body.id, ({ type }) => type === "stage.parked");
    const { hold, stage_failures } = (await deputy.api("GET", `/v1/tasks/${body.id}`)).body.task;
    expect(JSON.stringify(hold)).toContain(new Date(reset * 1_000).toISOString());
    expect(stage_failures ?? 0).toBe(0);
    github.refusals = [];
    expect((await deputy.cli(["cancel", body.id])).code).toBe(0);
    await deputy.untilOver(body.id);
  });

  test("a task for a commit is merged into the branch that has it", async () => {
    project.git("checkout", "--quiet", "-b", "feature");
    await project.write({ "src/extra.js": "export {};\n" });
    project.git("add", "--all");
    project.git("commit", "--quiet", "--message", "extra");
    const app = await github.add("acme/side", { from: project.path });
    github.git("acme/side", "symbolic-ref", "HEAD", "refs/heads/main");
    const base = project.git("rev-parse", "HEAD");
    project.git("checkout", "--quiet", "main");
    const done = await deputy.run({ ...task, repository: github.cloneUrl("acme/side"), base });
    expect(done.state, done.end_detail).toBe("completed");
    expect(app.pulls).toMatchObject([{ base: "feature" }]);
  });

  test("a repository that is elsewhere is refused at the door, and by its own configuration in the plan", async () => {
    const { code, stderr } = await deputy.cli([
      ...["run", goal, "--repo", project.path, "--agent", "command:true", "--deliver", "pr"],
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/is not a repository on github\.com.*use --deliver branch/);
    const answer = await deputy.api("POST", "/v1/tasks", { ...task, repository: project.path });
    expect([answer.status, answer.body.field]).toEqual([422, "deliver"]);

    await project.write({ ".deputy/config.yaml": "delivery: pr\n" });
    project.git("add", "--all");
    project.git("commit", "--quiet", "--message", "ask for pull requests");
    const { deliver: _, ...unsaid } = task;
    const failed = await deputy.run({ ...unsaid, repository: project.path });
    expect(failed).toMatchObject({ state: "failed", preparation: null });
    expect(failed.end_detail).toMatch(
      /`\.deputy\/config\.yaml`: `delivery: pr` cannot be done\. .*is not a repository on github\.com/,
    );
    const said = await deputy.run({ ...task, deliver: "branch", repository: project.path });
    expect(said.state, said.end_detail).toBe("completed");

    const app = await github.add("acme/asks", { from: project.path });
    const done = await deputy.run({ ...unsaid, repository: github.cloneUrl("acme/asks") });
    expect(done.state, done.end_detail).toBe("completed");
    expect(app.pulls).toHaveLength(1);
  });

  test("without a token no pull request is promised", async () => {
    await deputy.stop();
    await deputy.start({ GITHUB_TOKEN: "" });
    const repository = github.cloneUrl("acme/app");
    const answer = await deputy.api("POST", "/v1/tasks", { ...task, repository });
    expect([answer.status, answer.body.field]).toEqual([422, "deliver"]);
    expect(answer.body.detail).toMatch(/set GITHUB_TOKEN.*or use --deliver branch/);
    expect((await deputy.api("GET", "/v1/tasks")).body.tasks).not.toContainEqual(
      expect.objectContaining({ state: "queued" }),
    );
  });
});

async function untilState(deputy: Deputy, id: string, state: string): Promise<Json> {
  await deputy.untilEvent(id, ({ type }) => type === `task.${state}`);
  return (await deputy.api("GET", `/v1/tasks/${id}`)).body.task;
}

/** Files below a folder that hold the text. */
async function findInFiles(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const found: string[] = [];
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const content = await readFile(path).catch(() => Buffer.alloc(0)); // removed meanwhile
    if (content.includes(text)) found.push(path);
  }
  return found;
}

/** Tables with a row that holds the text. */
async function findInDatabase(deputy: Deputy, text: string): Promise<string[]> {
  const client = new pg.Client(deputy.database?.connection);
  await client.connect();
  try {
    const { rows } = await client.query(
      "select table_schema || '.' || table_name as name, quote_ident(table_schema) || '.' || quote_ident(table_name) as quoted from information_schema.tables where table_schema not in ('pg_catalog', 'information_schema')",
    );
    const found: string[] = [];
    for (const { name, quoted } of rows) {
      const hits = await client.query(
        `select 1 from ${quoted} t where strpos(t::text, $1) > 0 limit 1`,
        [text],
      );
      if (hits.rows.length > 0) found.push(name);
    }
    return found;
  } finally {
    await client.end();
  }
}

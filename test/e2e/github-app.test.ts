import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { type FakeGithub, fakeUserId, startFakeGithub } from "../support/fake-github.ts";
import { install } from "../support/fake-github-app.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { hookRepository, makeHooks } from "../support/github-hooks.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";
import { until } from "../support/until.ts";

/** Deputy becomes a GitHub App, and works as one. */
describe.skipIf(!hasGitHttpBackend)("Deputy as a GitHub App", () => {
  let github: FakeGithub;
  let acme: Awaited<ReturnType<FakeGithub["add"]>>;
  beforeAll(async () => {
    github = await startFakeGithub();
  });
  afterAll(() => github?.close());
  const { deputy, repository: project } = withDeputy({
    files: greetingProject,
    env: () => ({
      GITHUB_API_URL: github.apiUrl,
      DEPUTY_PUBLIC_URL: "https://deputy.example",
      DEPUTY_SANDBOX: "auto",
    }),
    keepLog: true,
    start: false,
  });
  const appFile = () => join(deputy.home, "github-app.json");

  /** Starts the verb, and returns its page and what it prints at its end. */
  const connect = async (...args: string[]) => {
    const child = deputy.spawn(["github", "connect", "--json", ...args]);
    const lines = readLines(child);
    const { page } = (await lines.next()).value as { page: string };
    return { child, page, connected: async () => (await lines.next()).value as Json };
  };
  const readForm = async (page: string) => {
    const html = await (await fetch(page)).text();
    const [, action = "", manifest = ""] = /action="([^"]*)".*value="([^"]*)"/.exec(html) ?? [];
    const plain = (text: string) => text.replaceAll("&quot;", '"').replaceAll("&amp;", "&");
    return { action: plain(action), manifest: plain(manifest) };
  };

  test("connect makes the App of a manifest, in a page for one person and one use", async () => {
    const verb = await connect("--org", "acme", "--repo", "acme/app");
    const { origin, port } = new URL(verb.page);
    const form = await readForm(verb.page);
    expect(form.action).toMatch(
      new RegExp(`^${github.url}/organizations/acme/settings/apps/new\\?state=[\\w-]{32}$`),
    );
    expect(JSON.parse(form.manifest)).toMatchObject({
      ...{ name: "deputy-acme", public: false, redirect_url: `${origin}/done` },
      hook_attributes: { url: "https://deputy.example/hooks/github", active: true },
      default_permissions: {
        ...{ contents: "write", pull_requests: "write", issues: "write", checks: "write" },
        ...{ actions: "read", metadata: "read" },
      },
    });
    // Somebody else on this machine, or a page of elsewhere, gets nothing and spoils nothing.
    for (const path of ["/", "//", "/done", `/done?code=x&state=${"a".repeat(32)}`])
      expect((await fetch(`${origin}${path}`)).status).toBe(404);
    const elsewhere = await fetch(verb.page.replace("127.0.0.1", "localhost")).catch(() => null);
    expect(elsewhere?.status ?? 404).toBe(404);
    expect(port).not.toBe("0");

    const body = new URLSearchParams({ manifest: form.manifest });
    const made = await fetch(form.action, { method: "POST", body });
    expect([made.status, await made.text()]).toEqual([
      200,
      expect.stringContaining(`${github.url}/github-apps/deputy-acme/installations/new`),
    ]);
    expect(await verb.connected()).toEqual({
      connected: {
        slug: "deputy-acme",
        installUrl: `${github.url}/github-apps/deputy-acme/installations/new`,
        hookUrl: "https://deputy.example/hooks/github",
      },
    });
    await once(verb.child, "exit");
    expect(verb.child.exitCode).toBe(0);
    await expect(fetch(verb.page)).rejects.toThrow(); // it is closed
    expect((await stat(appFile())).mode & 0o777).toBe(0o600);
    const kept = JSON.parse(await readFile(appFile(), "utf8"));
    expect(kept).toMatchObject({ app_id: 4711, private_key: github.app?.privateKey });

    const again = await deputy.cli(["github", "connect"]);
    expect([again.code, again.stderr]).toEqual([
      2,
      "deputy: Deputy is the GitHub App deputy-acme already. To make another one: deputy github disconnect.\n",
    ]);
  });

  test("a code that GitHub does not take, and nobody who comes, leave nothing behind", async () => {
    const before = await readFile(appFile(), "utf8");
    const { app } = github;
    await rm(appFile());
    const late = await deputy.cli(["github", "connect", "--wait", "0.001"]);
    expect([late.code, late.stderr]).toEqual([
      2,
      expect.stringMatching(/^deputy: Nobody made the App within 0\.001 minutes: nothing/),
    ]);
    const verb = await connect();
    const state = new URL((await readForm(verb.page)).action).searchParams.get("state");
    const wrong = await fetch(`${new URL(verb.page).origin}/done?code=wrong&state=${state}`);
    expect(wrong.status).toBe(502);
    await once(verb.child, "exit");
    expect(verb.child.exitCode).toBe(2);
    await expect(stat(appFile())).rejects.toThrow("ENOENT");
    github.app = app;
    await writeFile(appFile(), before, { mode: 0o600 });
  });

  test("status and doctor say where it is installed and what is missing", async () => {
    const { app } = github;
    if (!app) throw new Error("it was made above");
    acme = await github.add("acme/app", {
      from: project.path,
      permissions: { ada: "write" },
    });
    await writeFile(
      join(deputy.home, "triggers.yaml"),
      `github:
  - on: [issues.labeled, command]
    label: deputy
    repository: acme/app
    clone: ${github.url}/{repository}.git
    agent: 'command:true'
`,
    );
    const status = async () => {
      const { code, stdout } = await deputy.cli(["github", "status", "--json"]);
      return { code, ...JSON.parse(stdout) } as Json;
    };
    expect(await status()).toMatchObject({
      code: 1,
      lacks: [expect.stringMatching(/^it is installed nowhere: install it at http/)],
    });
    const installed = install(app, "acme/other");
    app.rights = { contents: "write", metadata: "read" };
    app.clockMs = 90 * 60_000;
    expect((await status()).lacks).toEqual([
      "the clock of this machine is 90 minutes behind GitHub's: set it right",
      ...["issues", "pull_requests", "checks", "actions"].map((name) =>
        expect.stringContaining(`it lacks the right ${name}: `),
      ),
      expect.stringMatching(/^it is not installed on acme\/app: install it at /),
    ]);
    app.clockMs = 0;
    app.rights = app.manifest?.default_permissions ?? {};
    installed.isSuspended = true;
    installed.repositories = ["acme/app"];
    expect((await status()).lacks).toEqual([
      expect.stringMatching(/^it is suspended at acme: an owner can end that at /),
      expect.stringMatching(/deputy-acme is suspended on acme\/app/),
    ]);
    installed.isSuspended = false;
    expect(await status()).toMatchObject({
      ...{ code: 0, lacks: [], token: false },
      app: { slug: "deputy-acme", installations: [{ repositories: ["acme/app"] }] },
    });

    await chmod(appFile(), 0o644);
    const shown = await deputy.cli(["doctor"]);
    expect(shown.stdout).toMatch(/– GitHub App .*others may read it; give it .* mode 0600/);
    await chmod(appFile(), 0o600);
    const whole = await readFile(appFile(), "utf8");
    await writeFile(appFile(), whole.replace("PRIVATE KEY-----\\n", "PRIVATE KEY-----\\nAAAA"));
    expect((await status()).lacks).toEqual([
      expect.stringMatching(/private_key is not a private RSA key/),
    ]);
    await rm(appFile());
    await symlink("/etc/passwd", appFile());
    expect((await status()).lacks).toEqual([expect.stringMatching(/cannot be used: it is a link/)]);
    await rm(appFile());
    await writeFile(appFile(), whole, { mode: 0o600 });
    expect((await deputy.cli(["doctor"])).stdout).toMatch(/✓ GitHub App +deputy-acme, and GitHub/);
  });

  test("work goes in and out as the App: pull request, comment, check, buttons; nobody else gets its key", async () => {
    const { app } = github;
    if (!app) throw new Error("it was made above");
    const spy = `env > env.txt; cat ${appFile()} >> env.txt 2>&1; true`;
    await writeFile(
      join(deputy.home, "triggers.yaml"),
      `github:
  - on: [issues.labeled, command]
    label: deputy
    repository: acme/*
    checks: [npm test]
    clone: ${github.url}/{repository}.git
    agent: '${repairGreeting}; ${spy}'
`,
    );
    await deputy.start();
    const hooks = makeHooks(deputy, app.webhookSecret);
    const { taskId } = await hooks.issue("labeled", { repository: "acme/app", number: 5 });
    const task = await deputy.untilOver(taskId ?? "");
    expect(task.state, task.end_detail).toBe("completed");
    expect(acme.pulls).toMatchObject([{ user: "deputy-acme[bot]", draft: true }]);
    await until(() => acme.checks[0]?.conclusion === "success", "the check is there");
    const head = github.git("acme/app", "rev-parse", task.branch);
    expect(acme.checks).toMatchObject([
      {
        ...{ name: "Deputy", commit: head, externalId: taskId, by: "deputy-acme[bot]" },
        ...{ title: "Verified", summary: expect.stringContaining("npm test (acceptance): pass") },
      },
    ]);
    await until(() => acme.comments.some(({ body }) => body.includes("A draft is here")), "told");
    expect(acme.comments.every(({ user }) => user === "deputy-acme[bot]")).toBe(true);

    const press = (by: string, about: { slug?: string; repository?: string; id?: string } = {}) =>
      hooks.send("check_run", {
        ...hookRepository(about.repository ?? "acme/app"),
        sender: { login: by, id: fakeUserId(by), type: "User" },
        action: "requested_action",
        requested_action: { identifier: "retry" },
        check_run: {
          external_id: about.id ?? taskId,
          app: { slug: about.slug ?? "deputy-acme" },
        },
      });
    expect((await press("eve")).result).toContain("nothing shows that eve has write access");
    expect((await press("ada", { slug: "another" })).result).toBe("ignored: the check is not ours");
    expect((await press("ada", { repository: "acme/other" })).result).toContain("no task about");
    expect((await press("ada", { id: "task_no" })).result).toContain("no task about acme/app");
    expect((await press("ada")).result).toMatch(/^refused: .*completed/);
    expect((await press("deputy-acme[bot]")).result).toContain("is a bot");
    const said = await hooks.comment({ repository: "acme/app", number: 5 }, "@deputy-acme why");
    expect(said).toMatchObject({ result: "told why", taskId });

    // A check of our own that is red is no reason to repair anything.
    const own = await hooks.send("check_run", {
      ...{ ...hookRepository("acme/app"), action: "completed" },
      sender: { login: "deputy-acme[bot]", id: 1, type: "Bot" },
      check_run: {
        ...{ name: "Deputy", head_sha: head, conclusion: "failure", app: { slug: "deputy-acme" } },
        check_suite: { head_branch: task.branch },
      },
    });
    expect(own.result).toMatch(/^ignored/);

    const secrets = [
      ...app.tokens.map(({ token }) => token),
      ...[app.webhookSecret, app.privateKey.split("\n")[5] ?? "none"],
    ];
    const seen = [
      github.git("acme/app", "show", `${task.branch}:env.txt`),
      await readFile(join(deputy.home, "daemon.log"), "utf8"),
      JSON.stringify(await deputy.events(task.id)),
      (await deputy.cli(["log", task.id])).stdout,
    ];
    for (const secret of secrets) for (const text of seen) expect(text).not.toContain(secret);
    expect(github.seenInArgv).toEqual([]);
    expect(app.tokens.every(({ repositories }) => repositories.length === 1)).toBe(true);

    const gone = await deputy.cli(["github", "disconnect"]);
    expect([gone.code, gone.stdout]).toEqual([
      0,
      expect.stringContaining(`deleted on GitHub: ${github.url}/github-apps/deputy-acme`),
    ]);
    await expect(stat(appFile())).rejects.toThrow("ENOENT");
  });
});

async function* readLines({ stdout }: ChildProcess): AsyncGenerator<unknown> {
  if (!stdout) throw new Error("no stdout");
  for await (const line of createInterface(stdout)) yield JSON.parse(line);
}

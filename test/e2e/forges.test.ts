import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeForge, type ForgeKind, startFakeForge } from "../support/fake-forge.ts";
import { withDeputy } from "../support/fixtures.ts";
import { findInArgv, hasGitHttpBackend } from "../support/git-http.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";
import { until } from "../support/until.ts";
import {
  change,
  giteaCommentHook,
  giteaIssueHook,
  giteaLabel,
  giteaRunHook,
  gitlabIssueHook,
  gitlabLabel,
  gitlabNoteHook,
  gitlabPipelineHook,
  signed,
  type Tree,
} from "../triggers/forges/payloads.ts";

/** Work on a repository of a Gitea and of a GitLab: fetched and pushed with its token, handed over as a draft. */
describe.skipIf(!hasGitHttpBackend)("forges beside GitHub", () => {
  const kinds: ForgeKind[] = ["gitea", "gitlab"];
  const projects = { gitea: "acme/app", gitlab: "acme/tools/app" };
  const forges = {} as Record<ForgeKind, FakeForge>;
  beforeAll(async () => {
    for (const kind of kinds) forges[kind] = await startFakeForge(kind, projects[kind]);
  });
  afterAll(async () => {
    for (const forge of Object.values(forges)) await forge.close();
  });
  const { deputy, repository } = withDeputy({
    files: greetingProject,
    start: false,
    env: () => ({
      ...{ GITEA_URL: forges.gitea.url, GITEA_TOKEN: forges.gitea.token },
      ...{ GITLAB_URL: forges.gitlab.url, GITLAB_TOKEN: forges.gitlab.token },
      ...{ GITEA_WEBHOOK_SECRET: "old-secret, new-secret", GITLAB_WEBHOOK_SECRET: "new-secret" },
      DEPUTY_SANDBOX: "auto", // tasks from triggers are refused without one
    }),
  });

  beforeAll(async () => {
    const section = `
  - { on: [issues.labeled, command], label: deputy, repository: acme/**, goal: Repair the greeting, closes: true, checks: [npm test], agent: '${repairGreeting}' }
  - { on: own_check.failed, repository: acme/** }
`;
    await writeFile(join(deputy.home, "triggers.yaml"), `gitea:${section}gitlab:${section}`);
    await deputy.start();
  });

  test.each(kinds)(
    "on %s: one draft with its receipt, what became of it, and back",
    async (kind) => {
      const forge = forges[kind];
      forge.load(repository.path);
      const run = async (goal: string) => {
        const { code, stdout, stderr } = await deputy.cli([
          ...["run", goal, "--repo", forge.cloneUrl, "--agent", repairGreeting],
          ...["--check", "npm test", "--deliver", "pr", "--watch"],
        ]);
        expect(code, stdout + stderr).toBe(0);
        return /(task_\w+)/.exec(stdout)?.[1] ?? "";
      };
      const id = await run("Repair the greeting");
      const branch = "deputy/repair-the-greeting";
      expect(forge.pulls).toMatchObject([
        {
          head: branch,
          base: "main",
          state: "open",
          body: expect.stringContaining("**Verified**"),
        },
      ]);
      expect(forge.git("show", `${branch}:src/greeting.js`)).toContain("Hello");
      const { task } = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
      expect(task.delivery_url).toContain(projects[kind]);
      expect(findInArgv(forge.token)).toEqual([]);

      const taken = await deputy.cli(["rollback", id]);
      expect(taken.stdout).toContain(`${task.delivery_url} is closed`);
      expect(forge.pulls[0]?.state).toBe("closed");
      expect(forge.comments).toHaveLength(1);

      const next = await run("Repair the greeting again");
      Object.assign(forge.pulls[1] ?? {}, { state: "merged" });
      const accepted = await deputy.cli(["accept", next]);
      expect(accepted.stdout).toContain("was merged there, so it counts as accepted");
    },
  );

  test("doctor tries the tokens", async () => {
    forges.gitlab.refuse = () => ({ status: 401 });
    const { stdout } = await deputy.cli(["doctor"]);
    forges.gitlab.refuse = () => null;
    expect(stdout).toContain(`set, and ${forges.gitea.url} takes it`);
    expect(stdout).toContain("GitLab does not accept the token (401); set a valid GITLAB_TOKEN");
  });

  test("a forge that refuses keeps the finished work, and says what to do", async () => {
    const forge = forges.gitea;
    forge.refuse = (asked) => (asked.startsWith("POST") ? { status: 403 } : null);
    const { code, stdout } = await deputy.cli([
      ...["run", "Repair it once more", "--repo", forge.cloneUrl, "--agent", repairGreeting],
      ...["--check", "npm test", "--deliver", "pr", "--watch"],
    ]);
    expect(code).not.toBe(0);
    expect(stdout).toContain(
      "the branch deputy/repair-it-once-more is delivered, but nothing more",
    );
    expect(stdout).toContain("give it write access to repositories");
    forge.refuse = () => null;
    const [, id = ""] = /(task_\w+)/.exec(stdout) ?? [];
    expect((await deputy.cli(["retry", id])).code).toBe(0);
    expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
    expect(forge.pulls.at(-1)).toMatchObject({ head: "deputy/repair-it-once-more", state: "open" });
  });

  /** Sends a signed webhook, and waits for what the inbox says of the first thing it tells of. */
  const send = async (kind: ForgeKind, event: string, payload: Tree, secret = "new-secret") => {
    const [id, body] = [randomUUID(), JSON.stringify(payload)];
    const post = () =>
      fetch(`${deputy.url()}/hooks/${kind}`, {
        ...{ method: "POST", body },
        headers: { "content-type": "application/json", ...signed[kind](body, secret, event, id) },
      });
    const { status } = await post();
    if (status !== 202) return { status, result: "", taskId: null };
    await post(); // GitLab repeats what it thinks was not taken
    type Row = { result: string; taskId: string | null };
    let found: Row | undefined;
    await until(async () => {
      const rows = await deputy.database?.query(
        `select result, task_id as "taskId" from inbox where delivery_id = '${kind}:${id}' and processed_at is not null`,
      );
      found = rows?.[0] as Row | undefined;
      return found !== undefined;
    }, `webhook ${id} was settled`);
    return { status, result: found?.result ?? "", taskId: found?.taskId ?? null };
  };

  const hooks = {
    gitea: {
      labelled: (changes: Tree = {}) =>
        send(
          "gitea",
          "issues",
          change(giteaIssueHook, {
            ...{ action: "label_updated", changes: { added_labels: [giteaLabel("deputy")] } },
            ...{ issue: { labels: [giteaLabel("deputy")] }, ...changes },
          }),
        ),
      said: (body: string) =>
        send("gitea", "issue_comment", change(giteaCommentHook, { comment: { body } })),
      failed: (sha: string, branch: string) =>
        send(
          "gitea",
          "workflow_run",
          change(giteaRunHook, { workflow_run: { head_sha: sha, head_branch: branch } }),
        ),
    },
    gitlab: {
      labelled: (changes: Tree = {}) =>
        send(
          "gitlab",
          "Issue Hook",
          change(gitlabIssueHook, {
            object_attributes: { action: "update" },
            ...{ changes: { labels: { previous: [], current: [gitlabLabel("deputy")] } } },
            ...{ labels: [gitlabLabel("deputy")], ...changes },
          }),
        ),
      said: (note: string) =>
        send("gitlab", "Note Hook", change(gitlabNoteHook, { object_attributes: { note } })),
      failed: (sha: string, ref: string) =>
        send(
          "gitlab",
          "Pipeline Hook",
          change(gitlabPipelineHook, { object_attributes: { sha, ref } }),
        ),
    },
  };

  test.each(kinds)(
    "%s: a labelled issue becomes a draft, told in one comment; a command answers; a red check is repaired",
    async (kind) => {
      const forge = forges[kind];
      const hook = hooks[kind];
      Object.assign(forge, { pulls: [], comments: [] });
      const started = await hook.labelled();
      expect(started.result).toContain("change: issues.labeled fits");
      const id = started.taskId ?? "";
      expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
      const [pull] = forge.pulls;
      expect(pull).toMatchObject({
        title: expect.stringContaining(`${projects[kind]}#7: The greeting is wrong`),
        body: expect.stringContaining(`Closes ${projects[kind]}#7.`),
      });
      const told = () => forge.comments.filter(({ body }) => body.includes("A draft is here"));
      await until(() => told().length > 0, "the issue is told of the draft");
      expect(told()).toMatchObject([{ pull: 7, body: expect.stringContaining(id) }]);

      expect((await hook.labelled()).result).toContain("nothing is new");
      expect((await hook.said("/deputy why")).result).toBe("told why");
      expect(forge.reactions.at(-1)).toMatchObject({ content: "eyes" });
      expect(forge.comments.at(-1)).toMatchObject({
        pull: 7,
        body: expect.stringContaining("A draft is here"),
      });
      forge.writers = [];
      expect((await hook.said("/deputy stop")).result).toContain("has write access");
      forge.writers = ["ada"];

      const head = forge.git("rev-parse", pull?.head ?? "");
      const failed = { id: 380, commit: head, name: "test", status: "failed" };
      forge.statuses = [{ ...failed, status: kind === "gitea" ? "failure" : "failed" }];
      forge.logs[380] = "Error: expected Hello";
      const repaired = await hook.failed(head, pull?.head ?? "");
      expect(repaired).toMatchObject({
        result: expect.stringContaining("rework: test failed on"),
        taskId: id,
      });
      await deputy.cli(["cancel", id]);
      await deputy.untilOver(id);
    },
  );

  test.each(kinds)("%s: a stranger's issue waits for an approval", async (kind) => {
    const by = { id: 66, login: "mallory", username: "mallory" };
    const about =
      kind === "gitea"
        ? { sender: by, issue: { number: 8, labels: [giteaLabel("deputy")] } }
        : { user: by, object_attributes: { action: "update", iid: 8 } };
    const { taskId } = await hooks[kind].labelled(about);
    const { task } = (await deputy.api("GET", `/v1/tasks/${taskId}`)).body;
    expect(task).toMatchObject({ state: "waiting" });
  });

  test("a webhook with a wrong secret is refused, and whoever looks is told", async () => {
    for (const kind of kinds)
      expect((await send(kind, "issues", {}, "a-wrong-secret")).status).toBe(401);
    const { stdout } = await deputy.cli(["inbox"]);
    for (const kind of kinds)
      expect(stdout).toContain(`not that of ${kind.toUpperCase()}_WEBHOOK_SECRET`);
    expect((await hooks.gitea.said("nothing that commands")).status).toBe(202);
  });

  test("the dry run takes a pasted payload of each", async () => {
    for (const [kind, payload] of [
      ["gitea", giteaIssueHook],
      ["gitlab", gitlabIssueHook],
    ] as const) {
      const path = join(deputy.home, `${kind}.json`);
      const label = kind === "gitea" ? giteaLabel("deputy") : gitlabLabel("deputy");
      const labels = kind === "gitea" ? { issue: { labels: [label] } } : { labels: [label] };
      await writeFile(path, JSON.stringify(change(payload, labels)));
      const { stdout } = await deputy.cli(["trigger", "test", path]);
      expect(JSON.parse(stdout)).toMatchObject({
        ...{ fires: true, refused: null, approval_unless_writer: "ada" },
        task: { repository: `${forges[kind].url}${projects[kind]}.git` },
      });
    }
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeForge, type ForgeKind, startFakeForge } from "../support/fake-forge.ts";
import { withDeputy } from "../support/fixtures.ts";
import { findInArgv, hasGitHttpBackend } from "../support/git-http.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

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
    env: () => ({
      ...{ GITEA_URL: forges.gitea.url, GITEA_TOKEN: forges.gitea.token },
      ...{ GITLAB_URL: forges.gitlab.url, GITLAB_TOKEN: forges.gitlab.token },
    }),
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
});

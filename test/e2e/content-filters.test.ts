import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeDeputy } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import {
  hasGitLfs,
  type LfsServer,
  oidOf,
  pointerTo,
  startLfsServer,
} from "../support/lfs-server.ts";
import type { TestRepository } from "../support/repository.ts";

/** Repositories whose commits hold something else than their checkouts: Git LFS and other filters. */
const attributes = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
const token = "ghp_aTokenThatOnlyItsOwnHostMayRead012345";
let root: string;
let forge: LfsServer;
let programs: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "deputy-forge-"));
  forge = await startLfsServer(root);
  programs = await linkPrograms();
});
afterAll(async () => {
  await forge?.close();
  for (const folder of [root, programs]) await rm(folder, { recursive: true, force: true });
});
const { deputy, repositoryWith } = withDeputy({
  env: () => ({
    ...{ DEPUTY_SANDBOX: "bubblewrap", GITHUB_TOKEN: token, GITHUB_API_URL: forge.url },
  }),
});

/** All that PATH leads to but git-lfs: a machine on which nobody installed it. */
async function linkPrograms(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "deputy-programs-"));
  for (const from of (process.env.PATH ?? "").split(":")) {
    for (const name of await readdir(from).catch(() => [])) {
      if (name === "git-lfs") continue;
      await symlink(join(from, name), join(folder, name)).catch(() => {}); // an earlier folder has it
    }
  }
  return folder;
}

/** A checkout whose user has Git LFS, with one file in it. */
async function makeLfsRepository(more: Record<string, string> = {}): Promise<TestRepository> {
  const repository = await repositoryWith({ "README.md": "# Assets\n" });
  repository.git("lfs", "install", "--local", "--skip-repo");
  await repository.write({ ".gitattributes": attributes, "asset.bin": "the asset\n", ...more });
  repository.git("add", "--all");
  repository.git("commit", "--quiet", "--message", "assets");
  expect(repository.git("cat-file", "blob", "HEAD:asset.bin")).toBe(
    pointerTo("the asset\n").trim(),
  );
  return repository;
}

function objectOf(gitDir: string, content: string): string {
  const oid = oidOf(content);
  return join(gitDir, "lfs", "objects", oid.slice(0, 2), oid.slice(2, 4), oid);
}

async function receiptOf(id: string): Promise<string> {
  return (
    await deputy.api("GET", `/v1/tasks/${id}/receipt`, undefined, { accept: "text/markdown" })
  ).body;
}

describe.skipIf(!hasGitLfs)("Git LFS", () => {
  test("agent and checks see contents, the branch holds pointers, the checkout is clean after accept", async () => {
    const project = await makeLfsRepository();
    const task = await deputy.run({
      goal: "Change the asset",
      repository: project.path,
      agent:
        "command:grep -q 'the asset' asset.bin && echo changed > asset.bin && mkdir new && echo fresh > new/other.bin",
      checks: ["grep -qx changed asset.bin && grep -qx fresh new/other.bin"],
    });
    expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
    expect(task.preparation.notes).toEqual([]);
    const blob = (path: string) => project.git("cat-file", "blob", `${task.branch}:${path}`);
    expect(blob("asset.bin")).toBe(pointerTo("changed\n").trim());
    expect(blob("new/other.bin")).toBe(pointerTo("fresh\n").trim());
    // What was not touched is not in the change.
    expect(project.git("diff", "--name-only", "main", task.branch).split("\n")).toEqual([
      "asset.bin",
      "new/other.bin",
    ]);
    for (const content of ["changed\n", "fresh\n"])
      expect(existsSync(objectOf(join(project.path, ".git"), content))).toBe(true);
    expect((await deputy.api("POST", `/v1/tasks/${task.id}/accept`)).status).toBe(200);
    expect(await readFile(join(project.path, "asset.bin"), "utf8")).toBe("changed\n");
    expect(project.git("status", "--porcelain")).toBe("");
  });

  test("a pointer of an agent's own to nothing is not delivered, nor are the words of its .lfsconfig heard", async () => {
    const project = await makeLfsRepository();
    const before = forge.requests.length;
    const task = await deputy.run({
      goal: "Point to nothing",
      repository: project.path,
      agent: `command:printf '${pointerTo("nobody has this\n").replaceAll("\n", "\\n")}' > asset.bin; printf '[lfs]\\n\\turl = ${forge.url}/evil/info/lfs\\n\\tfetchexclude = *\\n' > .lfsconfig`,
      checks: ["true"],
    });
    expect(task.state).toBe("failed");
    expect(task.end_detail).toContain("asset.bin: falls under Git LFS");
    expect(forge.requests.slice(before)).toEqual([]);
  });

  test("an agent's .gitattributes runs no other program, and what it puts under a filter is a finding", async () => {
    const project = await makeLfsRepository();
    project.git("config", "filter.evil.clean", "touch evil-ran; cat");
    const task = await deputy.run({
      goal: "Ask for a filter",
      repository: project.path,
      // The blobs of README.md and asset.bin stay what they were.
      agent:
        "command:printf '*.txt filter=evil\\n*.md filter=lfs -text\\n' > .gitattributes; echo x > x.txt",
      checks: ["true"],
    });
    expect(task.state).toBe("failed");
    expect(task.end_detail).toContain('x.txt: falls under the filter "evil"');
    expect(task.end_detail).toContain("README.md, asset.bin: falls under Git LFS");
    expect(existsSync(join(project.path, "evil-ran"))).toBe(false);
  });

  test("a file that was committed whole under Git LFS is worked beside, and stays as it is", async () => {
    const project = await makeLfsRepository();
    await project.write({ "whole.bin": "committed whole\n" });
    const blob = project.git("hash-object", "-w", "--no-filters", "whole.bin");
    project.git("update-index", "--add", "--cacheinfo", `100644,${blob},whole.bin`);
    project.git("commit", "--quiet", "--message", "whole");
    const task = await deputy.run({
      goal: "Work beside it",
      repository: project.path,
      agent: "command:cat whole.bin > seen.txt",
      checks: ["grep -q whole whole.bin"],
    });
    expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
    expect(project.git("diff", "--name-only", "main", task.branch)).toBe("seen.txt");
  });

  test.skipIf(!hasGitHttpBackend)(
    "of a remote the daemon fetches and pushes objects, with its token and before the branch",
    async () => {
      const project = await makeLfsRepository();
      await mkdir(join(root, "acme"), { recursive: true });
      const bare = join(root, "acme", "assets.git");
      project.git("clone", "--quiet", "--bare", project.path, bare);
      project.git("-C", bare, "config", "http.receivepack", "true");
      forge.objects.set(oidOf("the asset\n"), Buffer.from("the asset\n"));
      const task = await deputy.run({
        goal: "Change the remote asset",
        repository: `${forge.url}/acme/assets.git`,
        agent: "command:grep -q 'the asset' asset.bin && echo remote > asset.bin",
        checks: ["grep -qx remote asset.bin"],
      });
      expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
      expect(forge.objects.get(oidOf("remote\n"))?.toString()).toBe("remote\n");
      const batches = forge.requests.filter(({ path }) => path.endsWith("/objects/batch"));
      expect(batches.length).toBeGreaterThanOrEqual(2);
      const basic = `Basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`;
      for (const { authorization } of batches) expect(authorization).toBe(basic);
      const uploaded = forge.requests.findIndex(({ method }) => method === "PUT");
      const pushed = forge.requests.findIndex(
        ({ method, path }) => method === "POST" && path.endsWith("/git-receive-pack"),
      );
      expect(uploaded).toBeGreaterThan(-1);
      expect(pushed).toBeGreaterThan(uploaded);
    },
  );

  test("without git-lfs it is said at the plan, and what an agent writes under LFS is never delivered raw", async () => {
    const project = await makeLfsRepository();
    const bare = await makeDeputy({ env: { PATH: programs } });
    try {
      await bare.start();
      const said =
        "Git LFS is not installed for the daemon, so worktrees hold pointers in place of asset.bin";
      const task = await bare.run({
        goal: "Change the asset without git-lfs",
        repository: project.path,
        agent: "command:echo raw > asset.bin",
        checks: ["true"],
      });
      expect(task.state).toBe("failed");
      expect(task.end_detail).toContain("asset.bin: falls under Git LFS");
      expect(task.preparation.notes[0]).toContain(said);
      const planned = (await bare.events(task.id)).find(({ type }) => type === "task.planned");
      expect(planned?.message).toContain(said);
      const page = await bare.cli(["show", task.id]);
      expect(page.stdout).toContain(said);
      // What leaves such files alone is delivered, and a merge that cannot run the filter is a sentence.
      const other = await bare.run({
        goal: "Write beside it",
        repository: project.path,
        agent: "command:echo more >> README.md",
        checks: ["true"],
      });
      expect(other.state).toBe("completed");
      await rm(join(project.path, "asset.bin"));
      project.git("checkout", "--", "asset.bin");
      await rm(join(project.path, "asset.bin"));
      await project.write({ "asset.bin": "the asset\n" });
      const { status, body } = await bare.api("POST", `/v1/tasks/${other.id}/accept`);
      expect(status, JSON.stringify(body)).toBe(409);
      expect(body.detail).toContain("git-lfs");
    } finally {
      await bare.close();
    }
  });
});

test("a filter that is not run is said at the plan, in the receipt and in show, and blocks a change", async () => {
  const project = await repositoryWith({
    ".gitattributes": "secret/** filter=git-crypt diff=git-crypt\n",
    "secret/key.txt": "ciphertext\n",
    "README.md": "# Secrets\n",
  });
  const said = 'The filter "git-crypt" is not run, so worktrees hold secret/key.txt as committed';
  const [good, bad] = await Promise.all([
    deputy.run({
      goal: "Leave the secret alone",
      repository: project.path,
      agent: "command:echo more >> README.md",
      checks: ["true"],
    }),
    deputy.run({
      goal: "Write a secret",
      repository: project.path,
      agent: "command:echo plaintext > secret/key.txt; echo plaintext > secret/new.txt",
      checks: ["true"],
    }),
  ]);
  expect(good.state).toBe("completed");
  expect(await receiptOf(good.id)).toContain(said);
  expect((await deputy.cli(["show", good.id])).stdout).toContain(said);
  expect(bad.state).toBe("failed");
  expect(bad.end_detail).toMatch(/secret\/key\.txt, secret\/new\.txt: falls under the filter/);
});

test("attributes that rewrite contents change nothing that nobody changed, and leave the checkout clean", async () => {
  const project = await repositoryWith({ "README.md": "# Attributes\n" });
  await project.write({
    ".gitattributes":
      "*.bat text eol=crlf\n*.id ident\n*.rc text working-tree-encoding=UTF-16LE\nversion.txt export-subst\n",
    "run.bat": "echo one\r\necho two\r\n",
    "other.bat": "echo other\r\n",
    "v.id": "$Id$\n",
    "other.id": "$Id$\n",
    "version.txt": "$Format:%H$\n",
  });
  await writeFile(join(project.path, "app.rc"), Buffer.from("MENU one\n", "utf16le"));
  project.git("add", "--all");
  project.git("commit", "--quiet", "--message", "attributes");
  const task = await deputy.run({
    goal: "Change files with attributes",
    repository: project.path,
    agent:
      "command:echo more >> run.bat; echo more >> v.id; sed -i s/one/two/ app.rc; touch other.bat other.id version.txt",
    checks: ["true"],
  });
  expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
  expect(project.git("diff", "--name-only", "main", task.branch)).toBe("app.rc\nrun.bat\nv.id");
  expect((await deputy.api("POST", `/v1/tasks/${task.id}/accept`)).status).toBe(200);
  project.git("update-index", "--really-refresh");
  expect(project.git("status", "--porcelain")).toBe("");
  const app = await readFile(join(project.path, "app.rc"));
  expect(app.toString("utf16le")).toBe("MENU two\n");
});

import { existsSync, readdirSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { type LfsServer, startLfsServer } from "../support/lfs-server.ts";
import type { TestRepository } from "../support/repository.ts";

/** Repositories with submodules: filled for whoever works, and never changed by what is delivered. */
const { deputy, repositoryWith, scratch } = withDeputy({ env: { DEPUTY_SANDBOX: "bubblewrap" } });
let forge: LfsServer;
beforeAll(async () => {
  forge = await startLfsServer(scratch.path);
});
afterAll(() => forge?.close());

const addSubmodule = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];

/** A checkout with a submodule `lib` that has one of its own, `lib/deep`. */
async function makeNested(): Promise<{ project: TestRepository; lib: TestRepository }> {
  const deep = await repositoryWith({ "deep.txt": "deep\n" });
  const lib = await repositoryWith({ "lib.txt": "lib\n", ".gitignore": "*.o\n" });
  lib.git(...addSubmodule, deep.path, "deep");
  lib.git("commit", "--quiet", "--message", "deep");
  const project = await repositoryWith({ "README.md": "# Project\n" });
  project.git(...addSubmodule, lib.path, "lib");
  project.git(
    "-c",
    "protocol.file.allow=always",
    "submodule",
    "--quiet",
    "update",
    "--init",
    "--recursive",
  );
  project.git("commit", "--quiet", "--message", "lib");
  return { project, lib };
}

/** A commit with a gitlink and a `.gitmodules` that say whatever they are told to. */
async function makeHostile(config: string, path = "lib"): Promise<TestRepository> {
  const project = await repositoryWith({ "README.md": "# Project\n", ".gitmodules": config });
  const head = project.git("rev-parse", "HEAD");
  project.git("update-index", "--add", "--cacheinfo", `160000,${head},${path}`);
  project.git("commit", "--quiet", "--message", "gitlink");
  return project;
}

test("agents, setup and checks find submodules filled; what is built in them is no change", async () => {
  const { project } = await makeNested();
  await project.write({
    ".deputy/config.yaml":
      "setup: cat lib/lib.txt lib/deep/deep.txt > made.o && echo s > lib/setup.txt\n",
    ".gitignore": "*.o\n",
  });
  project.git("add", "--all");
  project.git("commit", "--quiet", "--message", "setup");
  const links = project.git("ls-tree", "HEAD", "lib");
  const task = await deputy.run({
    goal: "Use the library",
    repository: project.path,
    agent:
      "command:cat lib/lib.txt lib/deep/deep.txt > used.txt && touch lib/built.o && git status --porcelain > status.txt",
    checks: [
      "grep -q deep used.txt && grep -qx lib lib/lib.txt && grep -qx deep lib/deep/deep.txt && test -f lib/setup.txt",
    ],
  });
  expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
  expect(task.preparation.notes).toEqual([]);
  expect(project.git("diff", "--name-only", "main", task.branch)).toBe("status.txt\nused.txt");
  expect(project.git("ls-tree", task.branch, "lib")).toBe(links);
  // To the agent's own git a filled submodule is none that was changed.
  expect(project.git("cat-file", "blob", `${task.branch}:status.txt`)).not.toContain("lib");
  expect((await deputy.api("POST", `/v1/tasks/${task.id}/accept`)).status).toBe(200);
  expect(project.git("status", "--porcelain")).toBe("");
});

test("a change in a submodule is a finding with its path, said to the agent, and kept", async () => {
  const { project } = await makeNested();
  const task = await deputy.run({
    goal: "Change the library",
    repository: project.path,
    agent:
      'command:echo mine >> README.md; echo changed > lib/lib.txt; echo new > lib/deep/new.txt; rm -rf lib/.git; git init -q lib/deep; cp "$DEPUTY_BRIEF_FILE" brief.txt',
    checks: ["true"],
  });
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain("lib/deep/new.txt, lib/lib.txt: lies in a submodule");
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts).toHaveLength(2);
  const repos = join(deputy.home, "repos");
  const name = readdirSync(repos).find((each) => each.startsWith(basename(project.path)));
  const show = (at: string) =>
    project.git("--git-dir", join(repos, name ?? ""), "cat-file", "blob", `refs/deputy/${at}`);
  expect(show(`submodules/${attempts[0].id}:lib/lib.txt`)).toBe("changed");
  const brief = show(`attempts/${attempts[1].id}:brief.txt`);
  expect(brief).toContain(
    "These folders are submodules, which you may read and build: lib, lib/deep.",
  );
  expect(brief).toContain("lib/lib.txt: lies in a submodule");
});

test("nothing but a change in a submodule, or in place of one, is no change, with its path", async () => {
  const { project } = await makeNested();
  const [only, replaced, deleted] = await Promise.all(
    [
      "echo changed > lib/lib.txt",
      "rm -rf lib && ln -s /etc lib",
      "echo x > x.txt; rm -rf lib",
    ].map((command, index) =>
      deputy.run({
        goal: `Only the library ${index}`,
        repository: project.path,
        agent: `command:${command}`,
        checks: ["true"],
      }),
    ),
  );
  expect(only.state).toBe("failed");
  expect(only.end_detail).toContain(
    "changed only submodules, which Deputy does not deliver (lib/lib.txt)",
  );
  expect(replaced.state).toBe("failed");
  expect(replaced.end_detail).toContain(
    "changed only submodules, which Deputy does not deliver (lib, ",
  );
  expect(deleted.state).toBe("failed");
  expect(deleted.end_detail).toContain("lies in a submodule");
});

test("a first submodule of an agent's own is a finding, though only its files and its URL are there", async () => {
  const { path } = await repositoryWith({ "README.md": "# Project\n" });
  const task = await deputy.run({
    goal: "Add a library",
    repository: path,
    agent:
      "command:git init -q lib && echo x > lib/x.txt && git config -f .gitmodules submodule.lib.path lib",
    checks: ["true"],
  });
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain(".gitmodules: says where submodules come from");
});

test.skipIf(!hasGitHttpBackend)(
  "of a remote they come from where .gitmodules says, by relative URL, one commit of each",
  async () => {
    const { project, lib } = await makeNested();
    await mkdir(scratch.at("acme"));
    // The commits are those of the checkout, with relative URLs in a commit on top.
    project.git("config", "-f", ".gitmodules", "submodule.lib.url", "../lib.git");
    project.git("commit", "--quiet", "--all", "--message", "relative");
    project.git("clone", "--quiet", "--bare", project.path, scratch.at("acme/app.git"));
    project.git("clone", "--quiet", "--bare", lib.path, scratch.at("acme/lib.git"));
    const ask = (goal: string) => ({
      goal,
      repository: `${forge.url}/acme/app.git`,
      agent: "command:cat lib/lib.txt > used.txt",
      checks: ["grep -qx lib lib/lib.txt"],
    });
    // What lies deeper names a folder of some machine, as a stranger could.
    const refused = await deputy.run(ask("Fetch a folder of this machine"));
    expect(refused.state).toBe("failed");
    expect(refused.end_detail).toMatch(
      /^The submodule lib\/deep cannot be filled: its URL .* is a folder of this machine/,
    );
    lib.git("rm", "--quiet", "-rf", "deep");
    lib.git("commit", "--quiet", "--message", "flat");
    lib.git("push", "--quiet", scratch.at("acme/lib.git"), "HEAD:main");
    project.git("update-index", "--cacheinfo", `160000,${lib.git("rev-parse", "HEAD")},lib`);
    project.git("commit", "--quiet", "--message", "bump");
    project.git("push", "--quiet", scratch.at("acme/app.git"), "HEAD:main");
    project.git("--git-dir", scratch.at("acme/app.git"), "config", "http.receivepack", "true");
    const task = await deputy.run(ask("Use the remote library"));
    expect(task, JSON.stringify(task)).toMatchObject({ state: "completed" });
  },
);

test("a hostile .gitmodules reaches nothing, and is refused at the plan in a sentence that names it", async () => {
  const sign = scratch.at("ran");
  const entry = (url: string, more = "") =>
    `[submodule "lib"]\n\tpath = lib\n\turl = ${JSON.stringify(url)}\n${more}`;
  const secret = await repositoryWith({ "secret.txt": "s\n" });
  const urls = [
    `ext::sh -c touch% ${sign}`,
    `--upload-pack=touch ${sign}`,
    `file://${secret.path}`,
    secret.path,
    "../../../../../../../../../etc",
    "git://127.0.0.1/x",
    "http://169.254.169.254/x",
  ];
  const hostile = await Promise.all([
    ...urls.map((url) => makeHostile(entry(url))),
    makeHostile(entry(secret.path, `\tupdate = !touch ${sign}\n`)),
    makeHostile(entry(secret.path).replace('"lib"', '"../../evil"')),
  ]);
  const before = forge.requests.length;
  const tasks = await Promise.all(
    hostile.map((project, index) =>
      deputy.run({ goal: `Hostile ${index}`, repository: project.path, agent: "command:true" }),
    ),
  );
  // What git itself takes for hostile does not even get into the mirror.
  for (const task of tasks) {
    expect(task.state).toBe("failed");
    expect(task.end_detail).toMatch(
      /^The submodule lib cannot be filled: |is broken or hostile \(gitmodules/,
    );
  }
  expect(existsSync(sign)).toBe(false);
  expect(forge.requests.slice(before)).toEqual([]);
  // A gitlink that nobody says anything about is an empty folder to git, too.
  const loose = await makeHostile("", "vendor/loose");
  const task = await deputy.run({
    goal: "Work beside it",
    repository: loose.path,
    agent: "command:echo more >> README.md; ls -A vendor/loose > listed.txt",
    checks: ["test ! -s listed.txt"],
  });
  expect(task.state).toBe("completed");
  expect(task.preparation.notes[0]).toContain("The submodule vendor/loose stays an empty folder");
});

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkGitVersion, openGit } from "../../src/worktree/git/git.ts";
import { buildGitEnvironment } from "../../src/worktree/git/git-environment.ts";
import { GitFailure } from "../../src/worktree/git/git-failure.ts";
import { type GitRequest, runGit } from "../../src/worktree/git/run-git.ts";
import { git, makeFolder, makeRepository } from "./repositories.ts";

test("the installed git is new enough", async () => {
  expect(await checkGitVersion()).toEqual({
    version: expect.stringMatching(/^\d+\.\d+/),
    problem: null,
  });
});

test("an exit code is an answer to ask, and an error of run, with command and words", async () => {
  const opened = openGit({ gitDir: join(makeRepository(), ".git"), mode: "hermetic" });
  const asked = await opened.ask(["rev-parse", "--verify", "--quiet", "none"]);
  expect(asked).toMatchObject({ exitCode: 1, stderr: "" });
  const failure = await opened.run(["cat-file", "-t", "none"]).catch((error) => error);
  expect(failure).toBeInstanceOf(GitFailure);
  expect(failure).toMatchObject({
    command: "git cat-file -t none",
    exitCode: 128,
    stderr: expect.stringContaining("none"),
  });
  // Failing without a word is failing, too.
  await expect(opened.run(["rev-parse", "--verify", "--quiet", "none"])).rejects.toThrow(/code 1/);
});

test("input is written and closed, bytes come back as they are, and a signal stops it", async () => {
  const opened = openGit({ gitDir: join(makeRepository(), ".git"), mode: "hermetic" });
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const id = (await opened.run(["hash-object", "-w", "--stdin"], { input: bytes })).trim();
  expect((await opened.ask(["cat-file", "blob", id])).stdout).toEqual(bytes);
  expect(await opened.run(["hash-object", "--stdin"])).toMatch(/^e69de29bb2/);
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(opened.run(["version"], { signal })).rejects.toThrow("enough");
  const missing = openGit({ gitDir: null, cwd: join(makeFolder(), "gone"), mode: "transport" });
  await expect(missing.run(["version"])).rejects.toBeInstanceOf(GitFailure);
});

test("credentials of a URL are in no error", () => {
  const url = "https://user:hunter2@example.com/x";
  const failure = new GitFailure(["fetch", url], 128, `fatal: cannot access '${url}'`);
  expect(`${failure.message} ${failure.command} ${failure.stderr}`).not.toContain("hunter2");
});

test("hermetic: nothing of the user's or the daemon's environment, no configuration, no network", async () => {
  const from = {
    PATH: process.env.PATH,
    HOME: "/home/una",
    OPENAI_API_KEY: "sk-canary",
    GIT_DIR: "/evil",
    GIT_SSH_COMMAND: "evil",
    XDG_CONFIG_HOME: "/evil",
  };
  const env = buildGitEnvironment({ gitDir: "/mirror", mode: "hermetic" }, from);
  expect(env).toMatchObject({ GIT_DIR: "/mirror", GIT_CONFIG_GLOBAL: "/dev/null", LC_ALL: "C" });
  expect(JSON.stringify(env)).not.toMatch(/canary|evil|una/);
  const source = makeRepository();
  const opened = openGit({ gitDir: join(source, ".git"), mode: "hermetic" });
  await expect(opened.run(["ls-remote", source])).rejects.toThrow(/not allowed/);
  expect(await opened.run(["config", "core.hooksPath"])).toBe("/dev/null\n");
  expect(await opened.run(["var", "GIT_AUTHOR_IDENT"])).toMatch(/^Deputy <deputy@localhost> /);
});

test("transport: the user's set-up without secrets of ours, redirections and prompts", async () => {
  const from = {
    PATH: process.env.PATH,
    HOME: "/home/una",
    SSH_AUTH_SOCK: "/agent",
    GIT_SSH_COMMAND: "ssh -i key",
    OPENAI_API_KEY: "sk-canary",
    DATABASE_URL: "postgres://canary",
    GIT_DIR: "/evil",
    GIT_CONFIG_GLOBAL: "/evil",
    GIT_CONFIG_PARAMETERS: "evil",
  };
  const env = buildGitEnvironment({ gitDir: null, mode: "transport" }, from);
  expect(env).toMatchObject({
    HOME: "/home/una",
    SSH_AUTH_SOCK: "/agent",
    GIT_SSH_COMMAND: "ssh -i key",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "file:https:ssh",
    SSH_ASKPASS_REQUIRE: "force",
  });
  expect(JSON.stringify(env)).not.toMatch(/canary|evil/);
  expect(env).not.toHaveProperty("GIT_DIR");
});

test("a transport runs no hook, and speaks no protocol that runs a program", async () => {
  const source = makeRepository();
  const folder = makeFolder();
  mkdirSync(join(folder, "x"));
  const opened = openGit({ gitDir: join(source, ".git"), mode: "transport" });
  await expect(opened.run(["ls-remote", "ext::sh -c echo"])).rejects.toThrow(/not allowed/);
  await expect(opened.run(["ls-remote", "http://127.0.0.1:1/x"])).rejects.toThrow(/not allowed/);
  expect(git(source, "status", "--porcelain")).toBe("");
});

test("output without end is ended at a limit, and the error says how much it was", async () => {
  const repository = makeRepository();
  const gitDir = join(repository, ".git");
  const request: GitRequest = {
    ...{ cwd: repository, mode: "hermetic" as const, program: ["git"], input: undefined },
    ...{ env: buildGitEnvironment({ gitDir, mode: "hermetic" }), args: ["help", "-a"] },
  };
  expect((await runGit(request)).exitCode).toBe(0);
  await expect(runGit({ ...request, maxBytes: 100 })).rejects.toThrow(/more than 100 bytes/);
});

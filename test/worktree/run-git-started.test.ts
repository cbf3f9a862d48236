import { join } from "node:path";
import { expect, test } from "vitest";
import { makeStarters, type Starters } from "../../src/sandbox/starters.ts";
import { buildGitEnvironment, type GitPlace } from "../../src/worktree/git-environment.ts";
import { type GitRequest, runGit } from "../../src/worktree/run-git.ts";
import { makeStartedGit, sharedGitEnvironment } from "../../src/worktree/run-git-started.ts";
import { makeFolder, makeRepository } from "./repositories.ts";

/** Git through starters answers as git through simple-git; what they cannot do, simple-git does. */
const env = sharedGitEnvironment();
const real = makeStarters({ env, atMost: 4, idleMs: 1_000 });
let started = 0;
const counted: Starters = {
  ...real,
  run: (command, limits) => {
    started++;
    return real.run(command, limits);
  },
};
const runStarted = makeStartedGit(counted, env);

const repository = makeRepository();
const ask = (args: string[], place: Partial<GitPlace> = {}, more: Partial<GitRequest> = {}) => {
  const whole: GitPlace = { gitDir: join(repository, ".git"), mode: "hermetic", ...place };
  const { mode } = whole;
  return {
    cwd: repository,
    env: buildGitEnvironment(whole),
    ...{ mode, program: ["git"] },
    args,
    input: undefined,
    ...more,
  };
};

test("a hermetic command is started by them, with the same answer", async () => {
  const requests = [
    ask(["rev-parse", "HEAD"]),
    ask(["cat-file", "-p", "HEAD"]),
    ask(["rev-parse", "--verify", "--quiet", "none"]),
    ask(["no-such-command"]),
    ask(["status", "--porcelain"], { workTree: repository }),
    ask(["ls-files", "--", "*"], { workTree: repository, literalPathspecs: false }),
    ask(["ls-files", "--", "*"], { workTree: repository }),
    ask(["ls-files"], { index: join(makeFolder(), "none") }),
    ask(["var", "GIT_EDITOR"]),
    ask(["config", "--list", "--show-origin"]),
    ask(["rev-parse", "--show-toplevel"], { gitDir: null }),
    ask(["log", "--format=%an <%ae> %s"], {}, { cwd: "/" }),
  ];
  for (const request of requests) {
    const before = started;
    const answer = await runStarted(request);
    expect(started, request.args.join(" ")).toBe(before + 1);
    expect(answer).toEqual(await runGit(request));
  }
});

test("input, several lines, another environment and the network are simple-git's", async () => {
  const before = started;
  const blob = await runStarted(ask(["hash-object", "--stdin"], {}, { input: "text" }));
  expect(blob.stdout.toString()).toMatch(/^[0-9a-f]{40}\n$/);
  const lines = await runStarted(ask(["rev-parse", "--sq-quote", "two\nlines"]));
  expect(lines.stdout.toString()).toContain("two\nlines");
  const request = ask(["var", "GIT_AUTHOR_IDENT"]);
  request.env = { ...request.env, GIT_AUTHOR_NAME: "Somebody" };
  expect((await runStarted(request)).stdout.toString()).toMatch(/^Somebody </);
  expect((await runStarted(ask(["version"], { mode: "transport" }))).exitCode).toBe(0);
  expect(started).toBe(before);
});

test("a missing folder is git's own failure, and an abort ends it", async () => {
  const missing = await runStarted(ask(["version"], {}, { cwd: join(makeFolder(), "gone") }));
  expect(missing).toMatchObject({ exitCode: 128, stderr: expect.stringContaining("gone") });
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(runStarted(ask(["version"]), signal)).rejects.toThrow("enough");
});

test("output without end is ended at a limit, whoever started it", async () => {
  const request = ask(["help", "-a"], {}, { maxBytes: 100 });
  const before = started;
  await expect(runStarted(request)).rejects.toThrow(/more than 100 bytes/);
  expect(started).toBe(before + 1);
  expect((await runStarted({ ...request, maxBytes: 1_000_000 })).exitCode).toBe(0);
});

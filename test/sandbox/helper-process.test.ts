import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeHelper } from "../../src/sandbox/helper-process.ts";
import { buildGitEnvironment } from "../../src/worktree/git-environment.ts";
import type { GitAnswer, GitRequest } from "../../src/worktree/run-git.ts";

const dist = resolve(import.meta.dirname, "../../dist");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-helper-"));
  const serve = pathToFileURL(join(dist, "sandbox/helper-process.js"));
  await writeFile(
    join(folder, "helper.mjs"),
    `import { serveHelper } from ${JSON.stringify(serve.href)};
serveHelper(async (request, signal) => {
  if (request.die) process.kill(process.pid, "SIGKILL");
  if (request.fail) throw new Error(request.fail);
  if (request.wait) await new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));
  return { pid: process.pid, bytes: Buffer.concat([request.bytes, Buffer.from([0xff])]) };
});
`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Request = { bytes: Buffer; fail?: string; die?: boolean; wait?: boolean };
const bytes = Buffer.from([0, 1, 2]);

async function startHelper() {
  const helper = makeHelper<Request, { pid: number; bytes: Buffer }>(join(folder, "helper.mjs"), {
    idleMs: 60_000,
    niceness: 5,
  });
  await untilReady(helper);
  return helper;
}

async function untilReady(helper: { start(): void; isReady(): boolean }) {
  helper.start();
  while (!helper.isReady()) await new Promise((done) => setTimeout(done, 5));
}

test("requests and answers are values, bytes included; an error is its message", async () => {
  const helper = await startHelper();
  const answer = await helper.ask({ bytes });
  expect(answer.pid).not.toBe(process.pid);
  expect(Buffer.isBuffer(answer.bytes)).toBe(true);
  expect([...answer.bytes]).toEqual([0, 1, 2, 0xff]);
  await expect(helper.ask({ bytes, fail: "no such thing" })).rejects.toThrow("no such thing");
  helper.stop();
});

test("an abort reaches the work; a helper that dies leaves no question open and comes back", async () => {
  const helper = await startHelper();
  const controller = new AbortController();
  const waiting = helper.ask({ bytes, wait: true }, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow("aborted");
  const ends = await Promise.allSettled([
    helper.ask({ bytes, wait: true }),
    helper.ask({ bytes, die: true }),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(helper.isReady()).toBe(false);
  await untilReady(helper);
  expect((await helper.ask({ bytes })).bytes).toHaveLength(4);
  helper.stop();
});

test("the git helper runs git and tells exit code, output and stderr", async () => {
  const helper = makeHelper<GitRequest, GitAnswer>(join(dist, "git-helper.js"), {
    idleMs: 60_000,
    niceness: 5,
  });
  await untilReady(helper);
  const env = buildGitEnvironment({ gitDir: null, mode: "hermetic" });
  const ask = (...args: string[]) =>
    helper.ask({ cwd: folder, env, mode: "hermetic", program: ["git"], args, input: undefined });
  const version = await ask("version");
  expect(version.exitCode).toBe(0);
  expect(version.stdout.toString("utf8")).toMatch(/^git version /);
  const none = await ask("rev-parse", "HEAD");
  expect(none).toMatchObject({ exitCode: 128, stderr: expect.stringMatching(/not a git repo/) });
  helper.stop();
});

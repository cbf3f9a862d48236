import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ProgramAnswer, ProgramRequest } from "../../src/daemon/programs/programs.ts";
import type { CommandNote } from "../../src/sandbox/process/spawned-commands.ts";
import { startSpawner } from "../../src/sandbox/process/spawner.ts";
import { buildGitEnvironment } from "../../src/worktree/git/git-environment.ts";
import type { GitAnswer } from "../../src/worktree/git/run-git.ts";
import { until } from "../support/until.ts";

const dist = resolve(import.meta.dirname, "../../dist");
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-helper-"));
  const serve = pathToFileURL(join(dist, "sandbox/process/spawner.js"));
  await writeFile(
    join(folder, "spawner.mjs"),
    `import { serveSpawner } from ${JSON.stringify(serve.href)};
serveSpawner(async (request, signal) => {
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

const here = async () => ({ pid: process.pid, bytes: Buffer.alloc(0) });

async function start() {
  const spawner = startSpawner<Request, { pid: number; bytes: Buffer }>(
    join(folder, "spawner.mjs"),
    here,
  );
  await spawner.ready();
  return spawner;
}

test("requests and answers are values, bytes included; an error is its message", async () => {
  const spawner = await start();
  const answer = await spawner.ask({ bytes });
  expect(answer.pid).not.toBe(process.pid);
  expect(Buffer.isBuffer(answer.bytes)).toBe(true);
  expect([...answer.bytes]).toEqual([0, 1, 2, 0xff]);
  await expect(spawner.ask({ bytes, fail: "no such thing" })).rejects.toThrow("no such thing");
  spawner.stop();
});

test("an abort reaches the work; a spawner that dies rejects what it runs, and is restarted", async () => {
  const spawner = await start();
  const controller = new AbortController();
  const waiting = spawner.ask({ bytes, wait: true }, controller.signal);
  controller.abort();
  await expect(waiting).rejects.toThrow("aborted");
  const { pid } = await spawner.ask({ bytes });
  const ends = await Promise.allSettled([
    spawner.ask({ bytes, wait: true }),
    spawner.ask({ bytes, die: true }),
  ]);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  // Until the next one is ready, requests run in this process.
  expect((await spawner.ask({ bytes })).pid).toBe(process.pid);
  await until(async () => {
    await spawner.ready();
    return ![process.pid, pid].includes((await spawner.ask({ bytes })).pid);
  }, "another one answers");
  spawner.stop();
});

test("without its program, and once it is stopped, requests run in this process", async () => {
  const spawner = startSpawner<Request, { pid: number; bytes: Buffer }>("/no/such/program", here);
  await spawner.ready();
  expect((await spawner.ask({ bytes })).pid).toBe(process.pid);
  spawner.stop();
  expect((await spawner.ask({ bytes })).pid).toBe(process.pid);
});

test("the daemon's spawner runs git, with exit code, output and stderr", async () => {
  const spawner = startSpawner<ProgramRequest, ProgramAnswer, CommandNote>(
    join(dist, "daemon/programs/spawner-process.js"),
    () => Promise.reject(new Error("not here")),
  );
  await spawner.ready();
  const env = buildGitEnvironment({ gitDir: null, mode: "hermetic" });
  const ask = async (...args: string[]) =>
    (await spawner.ask({
      git: { cwd: folder, env, mode: "hermetic", program: ["git"], args, input: undefined },
    })) as GitAnswer;
  const version = await ask("version");
  expect(version.exitCode).toBe(0);
  expect(version.stdout.toString("utf8")).toMatch(/^git version /);
  const none = await ask("rev-parse", "HEAD");
  expect(none).toMatchObject({ exitCode: 128, stderr: expect.stringMatching(/not a git repo/) });
  spawner.stop();
});

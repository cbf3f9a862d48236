import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { processMark } from "../../src/core/base/marks.ts";
import { killLeftovers } from "../../src/sandbox/process/kill-group.ts";
import { openStore } from "../../src/store/database/open.ts";
import { removeEmbeddedPostgres } from "../../src/store/postgres/embedded.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { createTestDatabase, type TestDatabase } from "./postgres.ts";
import { type RedisServer, startRedisServer } from "./redis-server.ts";

/**
 * The real program, as a person has it: a process of its own, with a home, a
 * database and, on the redis engine, a Redis of its own. It can be killed and started again.
 */
export type Engine = "postgres" | "redis";

export type Deputy = {
  home: string;
  env: Record<string, string>;
  database: TestDatabase | null;
  redis: RedisServer | null;
  /** Null until started. */
  url(): string;
  pid(): number;
  /** Start (again). Resolves when it answers. */
  start(env?: Record<string, string>): Promise<void>;
  /** Wait until it ends by itself; returns the signal that ended it, or its exit code. */
  ended(): Promise<NodeJS.Signals | number | null>;
  /** kill -9, and wait until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and wait; returns its exit code. */
  stop(): Promise<number | null>;
  /** Another process with the same home, `worker` for example. Killed at the end. */
  spawn(args: string[], env?: Record<string, string>): ChildProcess;
  /** One request; the body is sent and read as JSON. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<ApiAnswer>;
  /** One command of the CLI, to its end. */
  cli(
    args: string[],
    options?: { cwd?: string; input?: string; env?: Record<string, string> },
  ): Promise<CliAnswer>;
  /** Submit and follow to the end; returns the task. */
  run(input: Record<string, unknown>): Promise<TaskJson>;
  /** Wait until the task is over, by its event stream. */
  untilOver(id: string): Promise<TaskJson>;
  /** Wait for the first event (from the start of the task) that fits. */
  untilEvent(id: string, fits: (event: EventJson) => boolean): Promise<EventJson>;
  events(id: string): Promise<EventJson[]>;
  /** Checks that every hold is sound, ends everything, removes everything. */
  close(): Promise<void>;
};

// biome-ignore lint/suspicious/noExplicitAny: answers of the API, read by the tests' own expectations
export type Json = any;
export type ApiAnswer = { status: number; body: Json; headers: Headers };
export type CliAnswer = { code: number | null; stdout: string; stderr: string };
export type TaskJson = Json;
export type EventJson = {
  seq: number;
  type: string;
  message: string;
  data: Json;
  at: string;
  subtask_id: string | null;
};

/** What `node` starts: package.json's `deputy`. */
export const mainPath = resolve(import.meta.dirname, "../../dist/program/deputy.cjs");

/** Which engines a suite can run on here: Redis only where it is installed (CI insists on it). */
export async function makeDeputy(
  options: {
    engine?: Engine;
    env?: Record<string, string>;
    embedded?: boolean;
    /** Its log goes to `daemon.log` in its home, to be looked at, instead of to the terminal. */
    keepLog?: boolean;
  } = {},
): Promise<Deputy> {
  const home = await mkdtemp(join(tmpdir(), "deputy-home-"));
  const log = options.keepLog ? openSync(join(home, "daemon.log"), "a") : null;
  const database = options.embedded ? null : await createTestDatabase();
  const redis = options.engine === "redis" ? await startRedisServer() : null;
  if (options.engine === "redis" && !redis) throw new Error("redis-server is not installed");
  const env: Record<string, string> = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? home,
    DEPUTY_HOME: home,
    DEPUTY_PORT: "0",
    DEPUTY_BACKOFF_MS: "50",
    // Most tests are about what fails, not about who is asked then.
    DEPUTY_WHEN_STUCK: "fail",
    // A scripted model knows no reviewer, unless a test is about one.
    DEPUTY_ASSURANCE: "quick",
    // The agents of most tests leave signs outside of their worktrees; those that need it turn it on.
    DEPUTY_SANDBOX: "none",
    DEPUTY_LOG_LEVEL: process.env.DEPUTY_TEST_LOG ?? "warn",
    ...(database ? { DATABASE_URL: database.url } : {}),
    ...(redis ? { REDIS_URL: redis.url } : {}),
    ...options.env,
  };
  let daemon: ChildProcess | null = null;
  // A test that failed in the middle may have started a second one.
  const daemons: ChildProcess[] = [];
  let url = "";
  const others: ChildProcess[] = [];

  const launch = (args: string[], own: Record<string, string>) =>
    spawn(process.execPath, [mainPath, ...args], {
      env: { ...env, ...own },
      stdio: ["ignore", "pipe", log ?? "inherit"],
    });

  const deputy: Deputy = {
    home,
    env,
    database,
    redis,
    url: () => url,
    pid: () => daemon?.pid ?? 0,
    start: async (own = {}) => {
      const child = launch(["up", "--json"], own);
      daemon = child;
      daemons.push(child);
      if (!child.stdout) throw new Error("no stdout");
      const ended = once(child, "exit").then(([code]) => {
        throw new Error(`the daemon ended with ${code} before it was up`);
      });
      const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as [
        string,
      ];
      ended.catch(() => {}); // it may end as it likes from now on
      url = JSON.parse(line).url;
    },
    ended: async () => {
      if (daemon && daemon.exitCode === null && daemon.signalCode === null)
        await once(daemon, "exit");
      return daemon?.signalCode ?? daemon?.exitCode ?? null;
    },
    kill: async () => {
      await end(daemon, "SIGKILL");
    },
    stop: () => end(daemon, "SIGTERM"),
    spawn: (args, own = {}) => {
      const child = launch(args, own);
      others.push(child);
      return child;
    },
    api: async (method, path, body, headers = {}) => {
      const token = (await readFile(join(home, "token"), "utf8")).trim();
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get("content-type")?.includes("json");
      return {
        status: response.status,
        body: isJson ? JSON.parse(text) : text,
        headers: response.headers,
      };
    },
    cli: (args, { cwd, input, env: own } = {}) =>
      new Promise((done, fail) => {
        const child = spawn(process.execPath, [mainPath, ...args], {
          cwd: cwd ?? home,
          env: { ...env, NO_COLOR: "1", ...own },
        });
        let stdout = "";
        let stderr = "";
        child.stdout.on("data", (chunk) => {
          stdout += chunk;
        });
        child.stderr.on("data", (chunk) => {
          stderr += chunk;
        });
        child.on("error", fail);
        child.on("close", (code) => done({ code, stdout, stderr }));
        child.stdin.on("error", () => {}); // it may end without reading
        child.stdin.end(input ?? "");
      }),
    run: async (input) => {
      const { status, body } = await deputy.api("POST", "/v1/tasks", input);
      expect(status, JSON.stringify(body)).toBe(202);
      return deputy.untilOver(body.id);
    },
    untilOver: async (id) => {
      await followStream(deputy, id, () => false);
      return (await deputy.api("GET", `/v1/tasks/${id}`)).body.task;
    },
    untilEvent: async (id, fits) => {
      const event = await followStream(deputy, id, fits);
      if (event) return event;
      const { state, end_detail } = (await deputy.api("GET", `/v1/tasks/${id}`)).body.task;
      throw new Error(
        `task ${id} ended without the event that was waited for: ${state}, ${end_detail}`,
      );
    },
    events: async (id) =>
      (
        await deputy.api("GET", `/v1/tasks/${id}/events?limit=1000`, undefined, {
          accept: "application/json",
        })
      ).body.events,
    close: async () => {
      await Promise.all(others.map((child) => end(child, "SIGKILL")));
      try {
        if (database && url) await assertSoundHolds(database);
      } finally {
        await Promise.all(daemons.map((child) => end(child, "SIGKILL")));
        if (database && url) await endOrphans(database);
        if (options.embedded) await removeEmbeddedPostgres(home);
        await database?.drop();
        await redis?.stop();
        if (log !== null) closeSync(log);
        // A program that was killed with its daemon may still write for a moment.
        await rm(home, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      }
    },
  };
  return deputy;
}

/** Follow a task over restarts of the daemon. Null when it is over before an event fits. */
async function followStream(
  deputy: Deputy,
  id: string,
  fits: (event: EventJson) => boolean,
): Promise<EventJson | null> {
  let after = 0;
  for (;;) {
    const event = await readStream(deputy, id, after, fits, (seq) => {
      after = seq;
    });
    if (event !== "cut") return event;
  }
}

/** Read the task's event stream until an event fits, the task is over (null), or the daemon goes away. */
async function readStream(
  deputy: Deputy,
  id: string,
  after: number,
  fits: (event: EventJson) => boolean,
  onSeq: (seq: number) => void,
): Promise<EventJson | null | "cut"> {
  const token = (await readFile(join(deputy.home, "token"), "utf8")).trim();
  const abort = new AbortController();
  try {
    const response = await fetch(`${deputy.url()}/v1/tasks/${id}/events`, {
      headers: {
        authorization: `Bearer ${token}`,
        accept: "text/event-stream",
        "last-event-id": String(after),
      },
      signal: abort.signal,
    });
    if (response.status === 503) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "cut"; // its database is away
    }
    if (!response.ok || !response.body)
      throw new Error(`events of ${id}: ${response.status} ${await response.text()}`);
    let buffer = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body) {
      buffer += decoder.decode(chunk, { stream: true });
      const blocks = buffer.split("\n\n");
      buffer = blocks.pop() ?? "";
      for (const block of blocks) {
        if (/^event: end$/m.test(block)) return null;
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (!data) continue;
        const event: EventJson = JSON.parse(data);
        onSeq(event.seq);
        if (fits(event)) return event;
      }
    }
    return "cut";
  } catch (error) {
    // The daemon was killed under us: the caller connects again, to the next one.
    if (error instanceof TypeError) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "cut";
    }
    throw error;
  } finally {
    abort.abort();
  }
}

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<number | null> {
  if (!child || child.exitCode !== null || child.signalCode !== null)
    return child?.exitCode ?? null;
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
  return child.exitCode;
}

/** What a killed daemon's agents and checks left running; a test that failed leaves some. */
async function endOrphans(database: TestDatabase): Promise<void> {
  for (const { id } of await database.query<{ id: string }>("select id from processes"))
    killLeftovers(null, { name: processMark, value: id });
}

/** The checker runs in every teardown: no test may leave something silently stuck. */
export async function assertSoundHolds(database: TestDatabase): Promise<void> {
  const store = await openStore(database.connection, {
    ...{ onError: () => {}, maxConnections: 1, migrate: false }, // a daemon ran on it
  });
  try {
    expect(await findUnsoundHolds(store.db)).toEqual([]);
  } finally {
    await store.close();
  }
}

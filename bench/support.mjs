import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { removeEmbeddedPostgres, startEmbeddedPostgres } from "../dist/store/postgres/embedded.js";

/**
 * What the benches share: one PostgreSQL as the daemon would start it (fsync on), a database per
 * daemon, the real `deputy up` as a process of its own, and a client. A bench never reads a figure
 * that the daemon reports about itself: it looks from outside, at answers, files and the clock.
 */
const root = await mkdtemp(join(tmpdir(), "deputy-bench-"));
// Repositories, mirrors and worktrees may lie elsewhere than the database: where creating a file
// takes as long as it takes, a memory disk makes two runs comparable.
const files = await mkdtemp(join(process.env.BENCH_FILES ?? tmpdir(), "deputy-bench-files-"));
let server = null;
const children = new Set();

export async function openPostgres() {
  server ??= await startEmbeddedPostgres({ home: join(root, "postgres"), log: () => {} });
  return server.connection;
}

/** Of the server that was opened. */
export function postgresPid() {
  return server.pid;
}

export async function makeDatabase() {
  const connection = await openPostgres();
  const name = `bench_${randomBytes(6).toString("hex")}`;
  const run = async (sql) => {
    const client = new pg.Client(connection);
    await client.connect();
    await client.query(sql);
    await client.end();
  };
  await run(`create database ${name}`);
  const { host, port, user, password } = connection;
  return {
    connection: { ...connection, database: name },
    url: `postgresql://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`,
    drop: () => run(`drop database if exists ${name} with (force)`),
  };
}

/** `deputy up` with a home and a database of its own, and these texts as config.yaml and triggers.yaml. */
export async function startDaemon(env = {}, config = "", rules = "") {
  const database = await makeDatabase();
  const home = await makeFolder("home");
  await writeFile(join(home, "config.yaml"), config);
  if (rules) await writeFile(join(home, "triggers.yaml"), rules);
  const main = new URL("../dist/program/deputy.cjs", import.meta.url).pathname;
  const ownEnv = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    DEPUTY_HOME: home,
    DEPUTY_PORT: "0",
    DEPUTY_LOG_LEVEL: "warn",
    // The agents of most benches write down the time outside of their worktrees.
    DEPUTY_SANDBOX: "none",
    DATABASE_URL: database.url,
    ...env,
  };
  const child = startProcess(process.execPath, [main, "up", "--json"], { env: ownEnv });
  const { url } = JSON.parse(await firstLine(child));
  const token = (await readFile(join(home, "token"), "utf8")).trim();
  const headers = {
    authorization: `Bearer ${token}`,
    accept: "application/json",
    "content-type": "application/json",
  };
  const api = async (method, path, body) => {
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${answer.detail}`);
    return answer;
  };
  return {
    ...{ url, token, home, env: ownEnv, main, pid: child.pid, database, headers, api },
    untilOver: async (id) => {
      // The stream ends with the task, so nothing polls beside the work that is measured.
      const stream = await fetch(`${url}/v1/tasks/${id}/events`, {
        headers: { ...headers, accept: "text/event-stream" },
      });
      await stream.text();
      const { task } = await api("GET", `/v1/tasks/${id}`);
      if (task.state !== "completed") throw new Error(`${id} ${task.state}: ${task.end_detail}`);
      return task;
    },
    stop: async (signal = "SIGTERM") => {
      await endProcess(child, signal);
      await database.drop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export function startProcess(program, args, options) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

export async function firstLine(child) {
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`${child.spawnargs.join(" ")} ended with ${code} before it was ready`);
  });
  ended.catch(() => {});
  const [line] = await Promise.race([once(createInterface(child.stdout), "line"), ended]);
  return line;
}

export async function endProcess(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill(signal);
  await gone;
}

export async function makeFolder(name) {
  return mkdtemp(join(files, `${name}-`));
}

/** A repository with so many files in folders of twenty, as a person has it, and its checks. */
export async function makeRepository(fileCount, checks) {
  const path = await makeFolder("repo");
  if (checks) {
    await mkdir(join(path, ".deputy"));
    await writeFile(join(path, ".deputy", "config.yaml"), JSON.stringify({ setup: [], checks }));
  }
  for (let i = 0; i < fileCount; i++) {
    const file = join(path, "src", `part-${Math.floor(i / 20)}`, `file-${i}.js`);
    if (i % 20 === 0) await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `export const value${i} = ${i};\n`.repeat(10));
  }
  git(path, "init", "--quiet", "--initial-branch=main");
  git(path, "add", "--all");
  git(path, "commit", "--quiet", "--message", "start");
  return path;
}

/** A repository with these files, by path. */
export async function makeProjectOf(files) {
  const path = await makeFolder("project");
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  git(path, "init", "--quiet", "--initial-branch=main");
  git(path, "add", "--all");
  git(path, "commit", "--quiet", "--message", "start");
  return path;
}

export function git(cwd, ...args) {
  const env = {
    PATH: process.env.PATH,
    HOME: "/nonexistent",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: "Bench",
    GIT_AUTHOR_EMAIL: "bench@localhost",
    GIT_COMMITTER_NAME: "Bench",
    GIT_COMMITTER_EMAIL: "bench@localhost",
  };
  return execFileSync("git", args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** CPU seconds that a process used so far, and its resident memory in MB, from /proc. */
export async function usageOf(pid) {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const status = await readFile(`/proc/${pid}/status`, "latin1");
  return {
    cpuS: (Number(fields[11]) + Number(fields[12])) / 100,
    rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024,
  };
}

/** End and remove everything that was started. */
export async function cleanUp() {
  await Promise.all([...children].map((child) => endProcess(child, "SIGKILL")));
  if (server) await removeEmbeddedPostgres(join(root, "postgres"));
  for (const folder of [root, files]) await rm(folder, { recursive: true, force: true });
}

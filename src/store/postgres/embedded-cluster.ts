import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { chmod, chown, link, lstat, mkdir, open, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import type { SystemUser } from "../../sandbox/process/run-command.ts";

/**
 * Where the embedded database of a home lies, and who runs it. Decided once, at creation, and
 * recorded in <home>/pg/cluster.json (0600) together with its random password. Only the record
 * counts, so the database follows a moved home, and a new home never meets an old database.
 *
 * An ordinary user runs the server itself: data, socket and log are in <home>/pg.
 *
 * PostgreSQL refuses to run as root. For root, the system user `postgres` (or else `nobody`) runs
 * the server, and usually cannot enter root's home (0700). So data, socket and log are in
 * /var/lib/deputy/<id>/, 0700 and owned by that user, even when the home can be entered:
 * permissions change, and a database must not move with them. A container that runs as root
 * therefore needs /var/lib/deputy on a volume.
 * When root starts a home whose database an ordinary user created, the server runs as that user.
 */
export type Cluster = {
  /** The home, without symlinks. */
  home: string;
  id: string;
  password: string;
  /** Holds `data`, the log, and the socket's folder unless its path is too long for a socket. */
  directory: string;
  dataDirectory: string;
  socketDirectory: string;
  logPath: string;
  /** Folder for copied programs, readable by `user`. */
  copies: string;
  /** The user that runs the server; null: the current user. */
  user: SystemUser | null;
  userName: string | null;
};

const rootsDirectory = "/var/lib/deputy";
const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{12}$/),
  password: z.string().min(1),
  directory: z.string().nullable(),
});
type ClusterRecord = z.infer<typeof recordSchema>;

/** The cluster of this home, or null when none was made yet. Changes nothing. */
export async function findCluster(home: string): Promise<Cluster | null> {
  if (!existsSync(home)) return null;
  const real = await realpath(home);
  const record = await readRecord(real);
  return record && describeCluster(real, record);
}

/** Records the cluster and creates its folders where missing. Concurrent callers get the same. */
export async function openCluster(home: string): Promise<Cluster> {
  await mkdir(join(home, "pg"), { recursive: true, mode: 0o700 });
  const real = await realpath(home);
  let record = await readRecord(real);
  if (record === null) {
    if (existsSync(join(real, "pg", "data"))) {
      throw new DeputyError(
        "conflict",
        `${recordPath(real)} is missing, and with it the password of the database in ${join(real, "pg", "data")}; put the file back, or move that folder away to start with an empty database.`,
      );
    }
    const id = randomBytes(6).toString("hex");
    record = await writeRecord(real, {
      id,
      password: randomBytes(24).toString("base64url"),
      directory: isRoot() ? join(rootsDirectory, id) : null,
    });
  }
  const cluster = await describeCluster(real, record);
  if (cluster.user) await makeRootsDirectory();
  for (const directory of [cluster.directory, cluster.socketDirectory]) {
    await makePrivateDirectory(directory, cluster.user);
  }
  return cluster;
}

async function describeCluster(home: string, record: ClusterRecord): Promise<Cluster> {
  const directory = record.directory ?? join(home, "pg");
  const owner = isRoot() ? await chooseUser(directory) : null;
  return {
    home,
    id: record.id,
    password: record.password,
    directory,
    dataDirectory: join(directory, "data"),
    socketDirectory: chooseSocketDirectory(directory, record.id),
    logPath: join(directory, "postgres.log"),
    copies: owner ? rootsDirectory : join(home, "pg"),
    user: owner && { uid: owner.uid, gid: owner.gid },
    userName: owner?.name ?? null,
  };
}

/** A socket's path has 108 bytes at most (104 on macOS), its file name included. */
function chooseSocketDirectory(directory: string, id: string): string {
  const beside = join(directory, "socket");
  const longest = 100 - "/.s.PGSQL.5432.lock".length;
  return Buffer.byteLength(beside) <= longest ? beside : join("/tmp", `deputy-${id}`);
}

/** The user that runs root's server: the data's owner, else `postgres`, else `nobody`. */
async function chooseUser(directory: string): Promise<SystemUser & { name: string }> {
  const accounts = readAccounts();
  const owner = await lstat(join(directory, "data"))
    .catch(() => lstat(directory))
    .catch(() => null);
  if (owner && owner.uid !== 0) {
    const name = accounts.find((account) => account.uid === owner.uid)?.name;
    return { name: name ?? String(owner.uid), uid: owner.uid, gid: owner.gid };
  }
  for (const name of ["postgres", "nobody"]) {
    const account = accounts.find((one) => one.name === name && one.uid !== 0);
    if (account) return account;
  }
  throw new DeputyError(
    "unavailable",
    "PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody` to run it; run as an ordinary user, or set DATABASE_URL to a PostgreSQL server of yours.",
  );
}

function readAccounts(): (SystemUser & { name: string })[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .filter((fields) => fields.length >= 4)
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

async function makeRootsDirectory(): Promise<void> {
  await mkdir(rootsDirectory, { recursive: true, mode: 0o755 });
  const found = await lstat(rootsDirectory);
  // Root executes what lies here: nobody else may ever write it.
  if (!found.isDirectory() || found.uid !== 0) {
    throw new DeputyError("conflict", `${rootsDirectory} must be a folder that belongs to root.`);
  }
  if ((found.mode & 0o777) !== 0o755) await chmod(rootsDirectory, 0o755);
}

/** 0700 and owned by the user that runs the server; refuses another user's folder in its place. */
async function makePrivateDirectory(path: string, user: SystemUser | null): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const found = await lstat(path);
  const wanted = user?.uid ?? process.getuid?.() ?? found.uid;
  const own = process.getuid?.() ?? found.uid;
  if (!found.isDirectory() || (found.uid !== wanted && found.uid !== own)) {
    throw new DeputyError(
      "conflict",
      `${path} must be a folder of the user that runs the database, but is not; move it away.`,
    );
  }
  if (user && found.uid !== user.uid) await chown(path, user.uid, user.gid);
  if ((found.mode & 0o777) !== 0o700) await chmod(path, 0o700);
}

async function readRecord(home: string): Promise<ClusterRecord | null> {
  const path = recordPath(home);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    throw new DeputyError(
      "forbidden",
      `${path} belongs to another user; run Deputy as the user that made this home.`,
    );
  }
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    throw new DeputyError(
      "conflict",
      `${path} is damaged; put a backup of it back, or move ${join(home, "pg")} away to start with an empty database.`,
    );
  }
}

/** Writes a draft and links it: the first of two writers wins, and both return its record. */
async function writeRecord(home: string, record: ClusterRecord): Promise<ClusterRecord> {
  const path = recordPath(home);
  const draft = `${path}.${record.id}`;
  const file = await open(draft, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(record, null, 2)}\n`);
    await file.sync();
    await link(draft, path);
    return record;
  } catch (error) {
    const winner = (error as NodeJS.ErrnoException).code === "EEXIST" && (await readRecord(home));
    if (!winner) throw error;
    return winner;
  } finally {
    await file.close();
    await rm(draft, { force: true });
  }
}

function recordPath(home: string): string {
  return join(home, "pg", "cluster.json");
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

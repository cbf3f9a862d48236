import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { lstat, mkdir, mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identifyProcess, isProcessAlive } from "../process/process-identity.ts";
import { removeTree } from "./remove-tree.ts";

/**
 * Temporary files that survive `kill -9` of their maker, and are named after it (machine start and pid
 * namespace, pid, start time), so that a later process can tell those of dead ones and remove them. What
 * was made elsewhere, before a restart or in another container, goes once it is older than any run.
 */

/** A new folder in the system's folder for temporary files, or in one of ours, which is made if need be. */
export async function makeTempFolder(what: string, parent?: string): Promise<string> {
  const name = `${what}-${nameOfOwner()}-`;
  if (parent === undefined) return mkdtemp(join(tmpdir(), `deputy-${name}`));
  await mkdir(parent, { recursive: true, mode: 0o700 });
  return mkdtemp(join(parent, name));
}

/** A path in the system's folder for temporary files that nothing has yet. */
export function nameTempFile(what: string): string {
  const random = randomBytes(6).toString("hex");
  return join(tmpdir(), `deputy-${what}-${nameOfOwner()}-${random}`);
}

/**
 * The paths in `folder` that dead processes of this user left there, by their names; at most a thousand.
 * `what` is what they were made for. Links are not followed.
 */
export async function listDeadTemp(
  folder = tmpdir(),
): Promise<{ path: string; what: string | undefined }[]> {
  const dead: { path: string; what: string | undefined }[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    // not made yet
    const [, what, place, pid = "", ticks = ""] = pattern.exec(name) ?? [];
    if (place === undefined) continue;
    const path = join(folder, name);
    const found = await lstat(path).catch(() => null); // gone meanwhile
    if (found === null || (process.getuid && found.uid !== process.getuid())) continue;
    const isHere = place === placeOfOwner();
    const owner = { pid: Number.parseInt(pid, 36), startTicks: ticksOf(ticks) };
    const isDead = isHere ? !isProcessAlive(owner) : Date.now() - found.mtimeMs > maxRunMs;
    if (isDead) dead.push({ path, what });
    if (dead.length === maxListed) break;
  }
  return dead;
}

/** Removes what `listDeadTemp` finds there. */
export async function removeDeadTemp(folder: string): Promise<void> {
  for (const { path } of await listDeadTemp(folder)) await removeTree(path);
}

const maxListed = 1_000;
/** No run takes longer. */
const maxRunMs = 2 * 24 * 60 * 60_000;

const pattern = /^(?:deputy-)?([a-z]+)-([0-9a-z]{5})-([0-9a-z]+)-([0-9a-z]+)-/;

/** Short: sockets are made in such folders, and a socket's path has 108 bytes at most. */
function nameOfOwner(): string {
  const { startTicks = null } = identifyProcess(process.pid) ?? {};
  const ticks = startTicks === null ? "x" : Number(startTicks).toString(36);
  return `${placeOfOwner()}-${process.pid.toString(36)}-${ticks}`;
}

function ticksOf(text: string): string | null {
  return text === "x" ? null : String(Number.parseInt(text, 36));
}

function placeOfOwner(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    const digest = createHash("sha256").update(boot + readlinkSync("/proc/self/ns/pid"));
    return digest.digest().readUIntBE(0, 3).toString(36).padStart(5, "0");
  } catch {
    return "00000"; // no /proc: pids only
  }
}

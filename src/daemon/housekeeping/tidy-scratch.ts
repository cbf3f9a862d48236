import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import type { Db } from "../../store/database/schema.ts";
import { findOpenSessions } from "../../store/records/sessions.ts";
import { keptAsideMs, listAside, timeAside } from "../../worktree/checkout/set-aside.ts";

/**
 * Removes what runs leave in the daemon's scratch folder: session folders of other agents once
 * nothing can resume them, and folders of runs whose process was killed. Anything younger than two
 * days may belong to a run in progress: none may take longer than one. What was set aside out of
 * worktrees goes after a day.
 */
export async function tidyScratch(db: Db, { paths }: Config): Promise<void> {
  const sessions = join(paths.scratch, "sessions");
  const names = (await readdir(sessions).catch(() => [])).filter((name) => /^ses_/.test(name));
  const open = new Set(await findOpenSessions(db, names));
  const over = names.filter((name) => !open.has(name)).map((name) => join(sessions, name));
  const runs = (await readdir(paths.scratch).catch(() => []))
    .filter((name) => /^run_/.test(name))
    .map((name) => join(paths.scratch, name));
  for (const folder of [...over, ...runs]) {
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() })); // gone meanwhile
    if (Date.now() - mtimeMs < ageMs) continue;
    await removeTree(folder);
  }
  await tidyAside(paths.worktrees);
}

async function tidyAside(worktrees: string): Promise<void> {
  for (const folder of await listAside(worktrees))
    if (Date.now() - timeAside(folder) >= keptAsideMs) await removeTree(folder);
}

const ageMs = 2 * 24 * 60 * 60_000;

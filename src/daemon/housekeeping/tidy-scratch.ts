import { existsSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config/config.ts";
import { removeTree } from "../../sandbox/files/remove-tree.ts";
import { listDeadTemp, removeDeadTemp } from "../../sandbox/files/temp.ts";
import type { Db } from "../../store/database/schema.ts";
import { removeEmbeddedPostgres } from "../../store/postgres/embedded.ts";
import { findOpenSessions } from "../../store/records/sessions.ts";
import { keptAsideMs, listAside, timeAside } from "../../worktree/checkout/set-aside.ts";

/**
 * Removes what runs leave: session folders of other agents once nothing can resume them, and what
 * processes that were killed made for themselves, in the daemon's folders and in the system's for temporary
 * files. A session folder younger than two days may belong to a run in progress: none may take longer than
 * one. What was set aside out of worktrees goes after a day.
 */
export async function tidyScratch(db: Db, { paths }: Config): Promise<void> {
  const sessions = join(paths.scratch, "sessions");
  const names = (await readdir(sessions).catch(() => [])).filter((name) => /^ses_/.test(name));
  const open = new Set(await findOpenSessions(db, names));
  const over = names.filter((name) => !open.has(name)).map((name) => join(sessions, name));
  for (const folder of over) {
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Date.now() })); // gone meanwhile
    if (Date.now() - mtimeMs < ageMs) continue;
    await removeTree(folder);
  }
  await removeDeadTemp(paths.scratch);
  await removeDeadTemp(paths.sandbox);
  for (const { path, what } of await listDeadTemp())
    if (what !== "demo") await removeTree(path);
    else if (existsSync(join(path, "home", "pg"))) await removeDemo(path);
  await tidyAside(paths.worktrees);
}

/** A demo that came to its end has no database any more, and its folder is the person's. */
async function removeDemo(path: string): Promise<void> {
  await removeEmbeddedPostgres(join(path, "home"));
  await removeTree(path);
}

async function tidyAside(worktrees: string): Promise<void> {
  for (const folder of await listAside(worktrees))
    if (Date.now() - timeAside(folder) >= keptAsideMs) await removeTree(folder);
}

const ageMs = 2 * 24 * 60 * 60_000;

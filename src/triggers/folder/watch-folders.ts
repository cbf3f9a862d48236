import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import type { Inbox } from "../inbox.ts";
import { type Folder, parts, takeFile } from "./take-file.ts";

/**
 * Takes the files that are put into inbox folders. A file counts as complete once its size and times
 * were the same in two looks; hidden ones and those that are not called *.md stay where they are. It
 * is taken by a rename, so that nobody writes to it any more, and then read.
 */
export type Folders = {
  /** The rules changed. */
  onRules(): void;
  /** What keeps folders from being read, in sentences. */
  problems(): string[];
  stop(): Promise<void>;
};

const everyMs = 15_000;
const settleMs = 500;

export function watchFolders(deps: {
  /** `isOurs`: it may be created. */
  folders: () => readonly (Folder & { isOurs: boolean })[];
  insert: Inbox["insert"];
  onStored: () => void;
  log: (level: "info" | "warn", fields: object, message: string) => void;
}): Folders {
  const { folders, insert, log, onStored } = deps;
  const seen = new Map<string, string>();
  const problems = new Map<string, string>();
  let watcher: FSWatcher | null = null;
  let watched = "";
  let looking: Promise<void> = Promise.resolve();
  let isAsked = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  /** `isWaiting`: something is not complete yet. `failure`: the first file that cannot be taken, and why. */
  const lookAt = async (
    folder: Folder & { isOurs: boolean },
  ): Promise<{ isWaiting: boolean; failure: string | null }> => {
    const { isOurs, path } = folder;
    if (isOurs) await mkdir(path, { recursive: true, mode: 0o700 });
    const found = (await readdir(path)).filter((name) => /^[^.].*\.md$/i.test(name));
    for (const part of Object.values(parts)) await mkdir(join(path, part), { recursive: true });
    const failures: string[] = [];
    // One that cannot be taken now keeps no other from being taken.
    const onFailure = (name: string) => (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return; // its owner took it away meanwhile
      failures.push(`cannot take ${name} (${error.message}): rename it, or take it away`);
    };
    let isWaiting = false;
    for (const name of found.sort()) {
      const at = join(path, name);
      const stat = await lstat(at).catch(() => null); // its owner took it away again
      if (!stat || stat.isDirectory()) continue;
      const state = [stat.ino, stat.size, stat.mtimeMs, stat.ctimeMs].join(" ");
      if (seen.get(at) === state) {
        await rename(at, join(path, parts.taking, `${randomUUID()}-${name}`)).then(
          () => seen.delete(at),
          onFailure(name),
        );
        continue;
      }
      seen.set(at, state);
      isWaiting = true;
    }
    for (const taken of (await readdir(join(path, parts.taking))).sort()) {
      if (!/^[0-9a-f-]{36}-./.test(taken)) continue;
      await takeFile(folder, taken, insert).then(
        ({ refused }) =>
          refused === null
            ? onStored()
            : log("warn", { path }, `A file of inbox ${folder.rule.name} is refused: ${refused}`),
        onFailure(taken),
      );
    }
    return { isWaiting, failure: failures[0] ?? null };
  };
  const look = async () => {
    isAsked = false;
    clearTimeout(timer);
    if (stopped) return;
    let isWaiting = false;
    const note = (path: string, what: string) => {
      const problem = `The inbox ${path} ${what}`;
      if (problems.get(path) !== problem) log("warn", { path }, problem);
      problems.set(path, problem);
    };
    for (const folder of folders()) {
      const { path } = folder;
      try {
        const looked = await lookAt(folder);
        if (looked.isWaiting) isWaiting = true;
        if (looked.failure === null) problems.delete(path);
        else note(path, looked.failure);
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const isGone = code === "ENOENT" && !folder.isOurs;
        note(path, `cannot be read: ${isGone ? "there is no such folder; create it" : message}`);
      }
    }
    if (!stopped) timer = setTimeout(ask, isWaiting ? settleMs : everyMs);
  };
  const ask = () => {
    if (isAsked || stopped) return;
    isAsked = true;
    looking = looking.then(look);
  };
  // They are looked at periodically, too.
  const onWatchError = (error: unknown) =>
    log("warn", { err: error }, "Inbox folders are not watched");
  /** A look at once starts the wait for a file to be complete; the timer ends it. */
  const rewatch = async () => {
    const paths = folders().map(({ path }) => path);
    if (paths.join("\n") === watched || stopped) return;
    watched = paths.join("\n");
    for (const path of problems.keys()) if (!paths.includes(path)) problems.delete(path);
    await watcher?.close().catch(onWatchError);
    watcher = paths.length === 0 ? null : watch(paths, { depth: 0, ignoreInitial: true });
    watcher?.on("add", ask);
    watcher?.on("error", onWatchError);
  };
  const onRules = () => {
    looking = looking.then(rewatch);
    ask();
  };
  onRules();
  return {
    onRules,
    problems: () => [...problems.values()],
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await looking;
      await watcher?.close();
    },
  };
}

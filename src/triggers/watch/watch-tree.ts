import { watch as watchFolder } from "node:fs";
import { stat } from "node:fs/promises";
import { isAbsolute, join, relative } from "node:path";
import { watch } from "chokidar";
import type { Scope } from "./watch-rule.ts";

/**
 * Hears of changes in a checkout. It follows no link, and goes into no folder of dependencies, none of
 * git's, none that git ignores and none that the rule leaves out. That something was heard is all that
 * counts: what has changed is for the snapshot to say.
 */
export type WatchedTree = {
  /** What git ignores by now: a build may have made it since. */
  ignore(folders: readonly string[]): void;
  close(): Promise<void>;
};

const never = new Set([".git", "node_modules"]);

export async function watchTree(options: {
  root: string;
  /** From the root, without a slash at the end. */
  ignored: readonly string[];
  scope: Scope;
  /** `path`: from the root. */
  onChange: (path: string) => void;
  /** Once: it hears nothing more, or never began to. */
  onFailure: (error: Error) => void;
}): Promise<WatchedTree> {
  const { onChange, onFailure, root, scope } = options;
  let ignored = new Set(options.ignored);
  const pathOf = (entry: string) => relative(root, isAbsolute(entry) ? entry : join(root, entry));
  const isLeftOut = (entry: string, isFolder: boolean | null) => {
    const path = pathOf(entry);
    if (path === "") return false;
    const parts = path.split("/");
    if (parts.some((part) => never.has(part))) return true;
    if (parts.some((_, index) => ignored.has(parts.slice(0, index + 1).join("/")))) return true;
    // Asked first without knowing what it is.
    if (isFolder === null) return false;
    return isFolder ? !scope.mayHold(path) : !scope.holds(path);
  };
  let isOver = false;
  const toClose: { close(): unknown }[] = [];
  let settle = () => {};
  const isSettled = new Promise<void>((done) => {
    settle = done;
  });
  const close = async () => {
    isOver = true;
    settle();
    await Promise.all(toClose.map((one) => one.close()));
  };
  const fail = (error: unknown) => {
    if (isOver) return;
    void close();
    onFailure(error instanceof Error ? error : new Error(String(error)));
  };
  // The root itself: chokidar does not always tell when it goes, and what takes its place is another
  // folder, of which nothing is heard.
  try {
    const { ino } = await stat(root);
    const look = () =>
      stat(root).then(
        (now) => now.ino === ino || fail(new Error("another folder took its place")),
        () => fail(new Error("its folder was taken away")),
      );
    const own = watchFolder(root, { persistent: false });
    toClose.push(own);
    own.on("error", fail).on("change", () => void look());
  } catch (error) {
    fail(error);
    return { ignore: () => {}, close };
  }
  const watcher = watch(root, {
    followSymlinks: false,
    ignoreInitial: true,
    ignorePermissionErrors: true,
    ignored: (entry, stats) => isLeftOut(entry, stats ? stats.isDirectory() : null),
  });
  toClose.push({
    close: () => {
      const closing = watcher.close();
      // It forgets its listeners, and an error that is still on its way would end the process.
      watcher.on("error", () => {});
      return closing;
    },
  });
  watcher.on("error", fail).on("ready", settle);
  watcher.on("all", (_event, entry) => {
    if (!isOver) onChange(pathOf(entry));
  });
  await isSettled;
  return {
    ignore: (folders) => {
      const added = folders.filter((folder) => !ignored.has(folder));
      ignored = new Set(folders);
      if (added.length > 0 && !isOver) watcher.unwatch(added.map((folder) => join(root, folder)));
    },
    close,
  };
}

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { watch } from "chokidar";
import { DeputyError } from "../core/base/error.ts";
import { noRules, parseTriggerRules, type TriggerRules } from "./rules.ts";

/**
 * The rules in force. They follow the file while the daemon runs; an unreadable file leaves the
 * last good rules in force and is reported. With no file, or a broken one at startup, nothing
 * fires.
 */
export type WatchedRules = {
  current(): TriggerRules;
  /** One sentence: which rules are in force, and what is wrong with the file, if anything. */
  status(): string;
  /** The same sentence if the file is broken; else null. */
  problem(): string | null;
  close(): Promise<void>;
};

export async function watchRules(options: {
  path: string;
  log: (level: "info" | "warn", fields: object, message: string) => void;
  /** Called when the rules in force change. */
  onRead?: (rules: TriggerRules) => void;
}): Promise<WatchedRules> {
  const path = resolve(options.path);
  const { log } = options;
  let rules = noRules;
  let status = "";
  let isBroken = false;
  let reading: Promise<void> = Promise.resolve();
  let settling: NodeJS.Timeout | undefined;

  const read = async () => {
    const result = await readRules(path);
    const before = status;
    isBroken = "problem" in result;
    if ("problem" in result) {
      status = `${result.problem}; ${countRules(rules) > 0 ? "the rules read before stay in force" : "nothing fires"}`;
      if (status !== before) log("warn", { path }, `Trigger rules not read: ${status}`);
      return;
    }
    status = result.status;
    if (status === before && isDeepStrictEqual(rules, result.rules)) return;
    rules = result.rules;
    log("info", { path, rules: countRules(rules) }, `Trigger rules read: ${status}`);
    options.onRead?.(rules);
  };
  // One read after the other, so that the last one sees the final file.
  const readNext = () => {
    reading = reading.then(read);
  };
  // A save in place empties the file first, which is no file without rules, and the watcher drops a change
  // that follows another within 50 ms: so it is read once nothing was heard of it for a while.
  const onChange = () => {
    clearTimeout(settling);
    settling = setTimeout(readNext, 200);
  };

  await read();
  // The folder is watched, not the file: editors replace files, and the file may be created later.
  const watcher = watch(dirname(path), {
    depth: 0,
    ignoreInitial: true,
    ignored: (entry) => resolve(entry) !== path && resolve(entry) !== dirname(path),
  });
  watcher.on("all", (_event, changed) => {
    if (resolve(changed) === path) onChange();
  });
  watcher.on("error", (error) => log("warn", { path, error }, "Trigger rules are not watched"));
  await new Promise<void>((done) => watcher.once("ready", () => done()));
  // Changes before the watcher was ready emitted no event.
  readNext();
  await reading;
  return {
    current: () => rules,
    status: () => status,
    problem: () => (isBroken ? status : null),
    close: async () => {
      clearTimeout(settling);
      await watcher.close();
      await reading;
    },
  };
}

/** The rules in a file, or a sentence that says what is wrong with it. */
export async function readRules(
  path: string,
): Promise<{ rules: TriggerRules; status: string } | { problem: string }> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT"
      ? { rules: noRules, status: `there is no ${path}, so nothing fires` }
      : { problem: `${path} cannot be read: ${(error as Error).message}` };
  }
  try {
    const rules = parseTriggerRules(text, path);
    return { rules, status: describeRules(rules) };
  } catch (error) {
    if (error instanceof DeputyError) return { problem: error.message };
    throw error;
  }
}

export function countRules(rules: TriggerRules): number {
  return Object.values(rules).reduce((sum, list) => sum + list.length, 0);
}

function describeRules(rules: TriggerRules): string {
  if (countRules(rules) === 0) return "no rules, so nothing fires";
  return Object.entries(rules)
    .filter(([, list]) => list.length > 0)
    .map(([section, { length }]) => `${length} rule${length === 1 ? "" : "s"} for ${section}`)
    .join(", ");
}

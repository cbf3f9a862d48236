import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, watch, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * A folder outside of every repository: for the scripts of command agents, and for the files by which
 * agents, checks and tests wait for each other instead of for a clock.
 */
export type Scratch = {
  path: string;
  /** The path of something in it, to be written into scripts. */
  at(name: string): string;
  has(name: string): boolean;
  read(name: string): Promise<string>;
  write(name: string, text?: string): Promise<string>;
  /** So that it can be waited for again. */
  forget(name: string): Promise<void>;
  /** A shell script as a command agent: what `--agent` takes. */
  agent(name: string, lines: string): Promise<string>;
  /** Resolves once the file is there. */
  until(name: string): Promise<void>;
  remove(): Promise<void>;
};

export async function makeScratch(): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), "deputy-scratch-"));
  const at = (name: string) => join(path, name);
  const write = async (name: string, text = "") => {
    await writeFile(at(name), text);
    return at(name);
  };
  return {
    path,
    at,
    has: (name) => existsSync(at(name)),
    read: (name) => readFile(at(name), "utf8"),
    write,
    forget: (name) => rm(at(name), { force: true }),
    agent: async (name, lines) => `command:sh ${await write(name, `set -e\n${lines}\n`)}`,
    until: async (name) => {
      const abort = new AbortController();
      const changes = watch(path, { signal: abort.signal });
      try {
        if (existsSync(at(name))) return;
        for await (const _ of changes) if (existsSync(at(name))) return;
      } finally {
        abort.abort();
      }
    },
    remove: () => rm(path, { recursive: true, force: true }),
  };
}

/** A line of shell that waits until the file is there. */
export function waitFor(path: string): string {
  return `while [ ! -e ${path} ]; do sleep 0.05; done`;
}

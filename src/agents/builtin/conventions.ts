import { dirname, join } from "node:path";
import type { Message } from "./model/model.ts";
import { readHead } from "./read-text.ts";

/**
 * The repository's own rules, its AGENTS.md files. The root's is part of the system prompt; that of
 * a subfolder is delivered when the agent first works on a file there, the closest last. All
 * together have a size limit, and a cut file says so.
 */
export type Conventions = {
  /** The root's rules as a section of the system prompt; empty if there are none. */
  readRoot(): Promise<string>;
  /** Records that a tool works on this path, relative to the worktree. */
  touch(path: string): void;
  /** Returns rules that apply since the last call, outermost folder first. */
  takeNew(): Promise<string[]>;
  /** Delivered rules may have left the conversation; deliver them again when they apply again. */
  forget(): void;
};

const maxBytes = 32 * 1024;

/** For an agent that takes no rules from what it reads: a stranger may have written them. */
export const noConventions: Conventions = {
  readRoot: async () => "",
  touch: () => {},
  takeNew: async () => [],
  forget: () => {},
};

/** Rules that `messages` already contain from an earlier run are not delivered again. */
export function openConventions(worktree: string, messages: () => readonly Message[]): Conventions {
  const looked = new Set<string>(["."]);
  const waiting = new Set<string>();
  let left = maxBytes;
  let leftByRoot = maxBytes;
  const read = async (folder: string) => {
    if (left <= 0) return null;
    const found = await readHead(worktree, join(folder, "AGENTS.md"), left);
    if (!found || found.text === "") return null;
    left -= Buffer.byteLength(found.text);
    return found.cut ? `${found.text}\n[cut: all AGENTS.md together may have 32 KiB]` : found.text;
  };
  return {
    async readRoot() {
      const text = await read(".");
      leftByRoot = left;
      return text === null ? "" : `# Conventions of this repository (its AGENTS.md)\n\n${text}`;
    },
    touch(path) {
      for (let folder = dirname(path); !looked.has(folder); folder = dirname(folder)) {
        looked.add(folder);
        waiting.add(folder);
      }
    },
    async takeNew() {
      if (waiting.size === 0) return [];
      const folders = [...waiting].sort((a, b) => a.length - b.length);
      waiting.clear();
      const told: string[] = [];
      for (const folder of folders) {
        const header = `# Conventions for ${folder}/ (its AGENTS.md)\n\n`;
        if (messages().some(({ role, ...rest }) => role === "user" && isTold(rest, header)))
          continue;
        const text = await read(folder);
        if (text !== null) told.push(header + text);
      }
      return told;
    },
    forget() {
      looked.clear();
      looked.add(".");
      left = leftByRoot;
    },
  };
}

function isTold(message: object, header: string): boolean {
  return "text" in message && typeof message.text === "string" && message.text.startsWith(header);
}

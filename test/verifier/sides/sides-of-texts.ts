import { findSuspicions } from "../../../src/verifier/sides/find-suspicions.ts";
import { sideFiles } from "../../../src/verifier/sides/side-files.ts";
import type { SidedFile, Suspicion } from "../../../src/verifier/sides/sides.ts";
import type { ChangedFile } from "../../../src/worktree/read/read-change.ts";

export type Texts = Record<string, string | null>;

/** The sides of a change whose files are given as texts; `moves` are new path → old. */
export function sidesOfTexts(
  before: Texts,
  now: Texts,
  moves: Record<string, string> = {},
): Map<string, SidedFile> & { suspicions: Suspicion[] } {
  const side = (text: string | null | undefined) =>
    text === null || text === undefined ? null : { mode: "100644", id: text, text };
  const paths = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changes = paths.flatMap((path): ChangedFile[] => {
    const from = moves[path] ?? null;
    if (Object.values(moves).includes(path)) return [];
    const [was, is] = [side(before[from ?? path]), side(now[path])];
    if (was?.id === is?.id && from === null) return [];
    const status = from ? "renamed" : was === null ? "added" : is === null ? "deleted" : "modified";
    return [{ path, from, status, before: was, now: is }];
  });
  const files = sideFiles(changes, {
    led: {
      texts: "npm test\nnode --test",
      scripts: new Set(["test"]),
      files: new Map(),
      lookedAt: new Set(),
    },
    shipped: new Set(),
    isProtected: () => false,
    isProduct: () => false,
    testFiles: new Set(),
    filesBefore: new Set(Object.keys(before)),
    filesNow: new Set(Object.keys(now).filter((path) => now[path] !== null)),
    mentions: new Map(),
    usedBySource: new Set(),
    helpers: new Set(),
    commands: "npm test\nmake test",
  });
  const suspicions = findSuspicions(changes, files, (path) => path.startsWith("bin/"));
  return Object.assign(new Map(files.map((file) => [file.path, file])), { suspicions });
}

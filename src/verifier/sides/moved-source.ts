import { posix } from "node:path";
import type { ChangedFile } from "../../worktree/read/read-change.ts";

/**
 * Finds what the change does to names that tests know: moved or removed files, and words that its
 * source lost or gained. They show whether an edited test only follows its subject. Pure.
 */
export type MovedSource = {
  /** Words that no changed source holds any more. */
  goneWords: ReadonlySet<string>;
  /** Those of them that it declared. */
  goneNames: ReadonlySet<string>;
  /** Words that no changed source held before. */
  newWords: ReadonlySet<string>;
  /** File names without endings that are gone from their old place. */
  goneStems: ReadonlySet<string>;
  newStems: ReadonlySet<string>;
  /** New places of moved files, without endings. */
  files: ReadonlyMap<string, string>;
  /** The words that remaining files lost, by stem. */
  lostWords: ReadonlyMap<string, ReadonlySet<string>>;
};

const word = /[\p{L}_$][\p{L}\p{N}_$]*/gu;
const maxLength = 400_000;

export function findMovedSource(changes: readonly ChangedFile[]): MovedSource {
  const wordsOf = (text: string | null | undefined) =>
    new Set(text?.slice(0, maxLength).match(word));
  const [before, now] = [new Set<string>(), new Set<string>()];
  const declaredBefore = new Set<string>();
  const goneStems = new Set<string>();
  const newStems = new Set<string>();
  const lostWords = new Map<string, ReadonlySet<string>>();
  const files = new Map<string, string>();
  for (const change of changes) {
    const [was, is] = [wordsOf(change.before?.text), wordsOf(change.now?.text)];
    for (const each of was) before.add(each);
    for (const each of declaredIn(change.before?.text)) declaredBefore.add(each);
    for (const each of is) now.add(each);
    if (change.status === "deleted") for (const each of stemsOf(change.path)) goneStems.add(each);
    if (change.status === "added") for (const each of stemsOf(change.path)) newStems.add(each);
    if (change.from !== null) {
      files.set(withoutEnding(change.from), withoutEnding(change.path));
      const [from, to] = [stemsOf(change.from), stemsOf(change.path)];
      for (const each of from) if (!to.includes(each)) goneStems.add(each);
      for (const each of to) if (!from.includes(each)) newStems.add(each);
    }
    if (change.status === "modified") {
      const lost = new Set([...was].filter((each) => !is.has(each)));
      const [stem = ""] = stemsOf(change.path);
      lostWords.set(stem, new Set([...(lostWords.get(stem) ?? []), ...lost]));
    }
  }
  return {
    goneWords: new Set([...before].filter((each) => !now.has(each))),
    goneNames: new Set([...declaredBefore].filter((each) => !now.has(each))),
    newWords: new Set([...now].filter((each) => !before.has(each))),
    goneStems,
    newStems,
    files,
    lostWords,
  };
}

const declared =
  /\b(?:function\*?|const|let|var|class|def|fn|func|fun|type|struct|enum|trait|interface|sub|module|mod|object|val|static|void|int|double|float|char|bool|boolean|String|auto|exports\.|self\.)[ \t]+([\p{L}_$][\p{L}\p{N}_$]*)|\bexports\.([\p{L}_$][\p{L}\p{N}_$]*)|^[ \t]*(?:async[ \t]+)?([\p{L}_$][\p{L}\p{N}_$]*)\([^()\n]{0,200}\)[ \t]*\{/gmu;

function declaredIn(text: string | null | undefined): string[] {
  return [...(text?.slice(0, maxLength).matchAll(declared) ?? [])].flatMap(
    ([, a, b, c]) => a ?? b ?? c ?? [],
  );
}

export function withoutEnding(path: string): string {
  return path.replace(/\.\w+$/, "");
}

/** The name by which a file is imported, and its folders' names. */
function stemsOf(path: string): string[] {
  const parts = path.split("/");
  const base = posix
    .basename(path)
    .replace(/\.d\.ts$/, "")
    .replace(/\.\w+$/, "");
  const folders = parts.slice(0, -1).reverse();
  return /^(index|__init__|mod|lib|main)$/.test(base)
    ? [folders[0] ?? base, base, ...folders]
    : [base, ...folders];
}

import { isData } from "../sides/languages.ts";
import { lookedAt } from "../sides/side-files.ts";
import type { Half, SidedFile } from "../sides/sides.ts";
import type { Part } from "./narrow-cause.ts";
import { applyHunks, type Hunk, splitHunks } from "./split-hunks.ts";

/**
 * Splits a change into the parts of which experiments try subsets: whole files, the two halves of a
 * file that holds source and tests, or the hunks of one file. Pure.
 */
export type ChangePart = Part & {
  file: SidedFile;
  of: "file" | "source_half" | "judge_half";
  /** Null: the whole part. */
  hunk: { hunk: Hunk; base: string } | null;
};

/** A file to write into the base's tree, from the change or a text, and to remove from `from`. */
export type PartialFile = { path: string; from: string | null; content: Half };

/** Returns the parts of a change, source first. */
export function partsOf(files: readonly SidedFile[]): ChangePart[] {
  const parts = files.flatMap((file): ChangePart[] => {
    const about = { file, path: file.path, hunk: null };
    if (!hasHalves(file)) {
      // A file that keeps the change's version under the old judges goes with the source.
      const side = file.withOldJudges === "change" ? "source" : "judge";
      return [{ ...about, key: file.path, side, of: "file" }];
    }
    const halves: ChangePart[] = [];
    if (file.withOldJudges !== "base")
      halves.push({ ...about, key: `${file.path}\0source`, side: "source", of: "source_half" });
    if (file.withOldSource !== "base")
      halves.push({ ...about, key: `${file.path}\0judge`, side: "judge", of: "judge_half" });
    return halves;
  });
  return parts.sort((a, b) => Number(a.side === "judge") - Number(b.side === "judge"));
}

/** Whether source and judge halves of the file are separated by text. */
function hasHalves({ withOldJudges, withOldSource }: SidedFile): boolean {
  return typeof withOldJudges === "object" || typeof withOldSource === "object";
}

/** The parts kept in the experiment with the base's judges. */
export function oldJudgesParts(parts: readonly ChangePart[]): ChangePart[] {
  return parts.filter(({ side }) => side === "source");
}

/** The parts kept in the experiment with the base's source. */
export function oldSourceParts(parts: readonly ChangePart[]): ChangePart[] {
  return parts.filter(({ file, of }) =>
    of === "file" ? file.withOldSource === "change" : of === "judge_half",
  );
}

/** Returns the files to write into the base's tree to get these parts of the change alone. */
export function composeParts(kept: readonly ChangePart[]): PartialFile[] {
  const byPath = new Map<string, ChangePart[]>();
  for (const part of kept) byPath.set(part.path, [...(byPath.get(part.path) ?? []), part]);
  return [...byPath.values()].map((parts): PartialFile => {
    const { file } = parts[0] as ChangePart;
    return { path: file.path, from: file.from, content: contentOf(file, parts) };
  });
}

function contentOf(file: SidedFile, parts: readonly ChangePart[]): Half {
  const hunks = parts.flatMap(({ hunk }) => hunk ?? []);
  const [first] = hunks;
  if (first) {
    const text = applyHunks(
      first.base,
      hunks.map(({ hunk }) => hunk),
    );
    return { text };
  }
  const has = (of: ChangePart["of"]) => parts.some((part) => part.of === of);
  if (has("file") || (has("source_half") && has("judge_half"))) return "change";
  return has("source_half") ? file.withOldJudges : file.withOldSource;
}

/** Splits a part into its hunks, or returns the part itself where it has one hunk. */
export function splitPart(
  part: ChangePart,
  texts: { base: string | null; change: string | null },
): ChangePart[] {
  const of = contentOf(part.file, [part]);
  const text = typeof of === "object" ? of.text : of === "change" ? texts.change : texts.base;
  if (texts.base === null || text === null) return [part];
  const { base } = texts;
  const hunks = splitHunks(base, text);
  if (hunks.length < 2 || applyHunks(base, hunks) !== text) return [part];
  return hunks.map((hunk, index) => ({
    ...part,
    key: `${part.key}\0${index}`,
    hunk: { hunk, base },
  }));
}

/** Whether the part is source of the change. */
export function isSource({ file, of, side }: ChangePart): boolean {
  if (of !== "file") return of === "source_half" && file.side === "mixed";
  return file.side === "source" || (file.side === "mixed" && side === "source");
}

/** Whether the part can be the requested work: source, and more than data that a check may read. */
export function isWork(part: ChangePart): boolean {
  const { path, file } = part;
  return isSource(part) && (file.side !== "source" || !isData(path) || file.why === lookedAt);
}

/** The part's name for people. */
export function namePart({ file, hunk, of, path }: ChangePart): string {
  if (hunk) return `${path}:${hunk.hunk.line}`;
  return of === "judge_half" && file.kind === "test" ? `the tests in ${path}` : path;
}

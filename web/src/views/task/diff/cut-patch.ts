import {
  type ChangeData,
  computeNewLineNumber,
  computeOldLineNumber,
  getChangeKey,
  type HunkData,
  parseDiff,
} from "react-diff-view";
import { showHidden } from "../../../parts/show-hidden.ts";
import type { Side } from "./wire.ts";

/**
 * A patch as pieces of about a hundred lines, each drawn only while it is near the window: ten
 * thousand lines at once are fifty thousand elements. Pure.
 */
export type Piece = { key: string; hunk: HunkData; header: string | null };

const pieceLines = 100;

/** Throws where the text is no patch. */
export function cutPatch(patch: string, size = pieceLines): Piece[] {
  const [file] = parseDiff(patch);
  if (!file) return [];
  const isDos = file.hunks.every(({ changes }) =>
    changes.every(({ content }) => content.endsWith("\r")),
  );
  return file.hunks.flatMap((hunk) =>
    cutChanges(hunk.changes, size).map((changes, index): Piece => {
      const first = changes[0];
      return {
        key: first ? getChangeKey(first) : hunk.content,
        header: index === 0 ? hunk.content : null,
        hunk: { ...hunk, changes: changes.map((change) => cleanChange(change, isDos)) },
      };
    }),
  );
}

/** A piece ends where a line stays as it is, so that what replaces what is not torn apart. */
function cutChanges(changes: readonly ChangeData[], size: number): ChangeData[][] {
  const pieces: ChangeData[][] = [];
  let piece: ChangeData[] = [];
  for (const change of changes) {
    const isFull = (piece.length >= size && change.type === "normal") || piece.length >= 3 * size;
    if (isFull) {
      pieces.push(piece);
      piece = [];
    }
    piece.push(change);
  }
  if (piece.length > 0) pieces.push(piece);
  return pieces;
}

function cleanChange(change: ChangeData, isDos: boolean): ChangeData {
  const content = isDos ? change.content.slice(0, -1) : change.content;
  return { ...change, content: showHidden(content) };
}

/** The key of the line at which something about `line` of a side stands; null: it is not shown. */
export function findKey(pieces: readonly Piece[], side: Side, line: number): string | null {
  for (const { hunk } of pieces)
    for (const change of hunk.changes)
      if (lineOf(change, side) === line) return getChangeKey(change);
  return null;
}

/** The keys of a range of lines of a side, as far as they are shown. */
export function findKeys(piece: Piece, side: Side, from: number, to: number): string[] {
  return piece.hunk.changes
    .filter((change) => {
      const line = lineOf(change, side);
      return line !== null && line >= from && line <= to;
    })
    .map(getChangeKey);
}

/** The number of a line on one side; null: the side does not have it. */
export function lineOf(change: ChangeData, side: Side): number | null {
  const line = side === "old" ? computeOldLineNumber(change) : computeNewLineNumber(change);
  return line === -1 ? null : line;
}

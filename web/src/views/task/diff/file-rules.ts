import type { ChangedFile } from "./wire.ts";

/** Which files start closed, and which the filter shows. Pure. */
const mostLines = 400;
export const lineHeight = 21;
const headHeight = 48;

/** Why a file starts closed, in words; null: it starts open. */
export function whyClosed(file: ChangedFile): string | null {
  if (file.binary) return "binary";
  if (file.too_large) return "too large to show";
  if (file.generated) return "generated";
  const lines = (file.added ?? 0) + (file.removed ?? 0);
  return lines > mostLines ? `${lines} changed lines` : null;
}

/** Roughly how high a file is before it was drawn, in pixels. */
export function guessHeight({ added, removed }: ChangedFile, isOpen: boolean): number {
  const lines = Math.min((added ?? 0) + (removed ?? 0) + 7, 2_000);
  return isOpen ? headHeight + lines * lineHeight : headHeight;
}

/** Each word of the filter is somewhere in the path. */
export function filterFiles(files: readonly ChangedFile[], filter: string): ChangedFile[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return files.filter(({ path }) => {
    const name = path.toLowerCase();
    return words.every((word) => name.includes(word));
  });
}

/** In groups of at most `size`, in their order. */
export function groupsOf<Item>(items: readonly Item[], size: number): Item[][] {
  const groups: Item[][] = [];
  for (let at = 0; at < items.length; at += size) groups.push(items.slice(at, at + size));
  return groups;
}

/**
 * A text as part of a branch name: its words in lower case, in their own script, at most 48
 * characters, never empty. Letters are kept, not transliterated: git, forges and shells take them,
 * and a reader of Chinese or Arabic cannot read a transliteration. What is no letter, mark or digit
 * becomes a hyphen, so that a name has no option, no path, no sign of the shell and nothing unseen.
 */
export function slugify(text: string): string {
  const seen = text.normalize("NFKC").replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "");
  return (
    join(seen.toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, "-")) ||
    // Only pictures were said: they tell it apart.
    join(seen.replace(/\P{Extended_Pictographic}+/gu, "-")) ||
    "task"
  );
}

/** Cuts between words, unless the first word alone is too long. */
function join(words: string): string {
  const characters = [
    ...words
      // More marks on one letter than any script has are there to spill over other lines.
      .replace(/(\p{M}{3})\p{M}+/gu, "$1")
      .replace(/(^|-)\p{M}+/gu, "$1")
      .replace(/-+/g, "-")
      .replace(/^-|-$/g, ""),
  ];
  if (characters.length <= maxLength) return characters.join("");
  const end = characters.lastIndexOf("-", maxLength);
  return characters.slice(0, end > 0 ? end : maxLength).join("");
}

const maxLength = 48;

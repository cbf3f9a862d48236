/** Words alone, for telling whether two texts say the same: no case, no punctuation, single spaces. */
export function normalWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, " ")
    .trim();
}

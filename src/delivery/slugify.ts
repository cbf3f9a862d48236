/**
 * A goal as a branch name: lower-case words of its first line, at most 48 characters, never empty.
 */
export function slugify(goal: string): string {
  const words = (goal.trim().split("\n")[0] ?? "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const trimmed = words.replace(/^-+|-+$/g, "");
  // Cut between words, unless the first word alone is too long.
  const cut =
    trimmed.length > 48
      ? trimmed.slice(0, trimmed.lastIndexOf("-", 48) > 0 ? trimmed.lastIndexOf("-", 48) : 48)
      : trimmed;
  const slug = cut.replace(/-+$/, "");
  return slug || "task";
}

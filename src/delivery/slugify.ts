/** A goal as a branch name: lower-case words of its first line, at most 48 characters, never empty. */
export function slugify(goal: string): string {
  const words = (goal.trim().split("\n")[0] ?? "")
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  const slug = words.slice(0, 48).replace(/^-+|-+$/g, "");
  return slug || "task";
}

/**
 * PostgreSQL stores neither NUL nor half of a surrogate pair. Where people hand in text it is refused,
 * because a task whose text silently differs from what was sent is worse than none.
 */
const unstorable = /[\0\p{Surrogate}]/u;

/** The path of the first string that cannot be stored (a key counts for the whole it is in), or null. */
export function findUnstorable(value: unknown): PropertyKey[] | null {
  if (typeof value === "string") return unstorable.test(value) ? [] : null;
  if (value === null || typeof value !== "object") return null;
  for (const [key, inner] of Object.entries(value)) {
    if (unstorable.test(key)) return [];
    const found = findUnstorable(inner);
    if (found !== null) return [Array.isArray(value) ? Number(key) : key, ...found];
  }
  return null;
}

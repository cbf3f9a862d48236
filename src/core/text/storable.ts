/**
 * PostgreSQL stores neither NUL nor lone surrogates. Text from people that contains them is
 * refused, because a task whose text silently differs from what was sent is worse than none.
 */
const unstorable = /[\0\p{Surrogate}]/u;

/**
 * The path of the first string that cannot be stored, or null. A bad key is reported as the object
 * it is in.
 */
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

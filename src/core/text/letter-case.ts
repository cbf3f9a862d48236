/** `attemptTimeoutMs` → `attempt_timeout_ms`: a name of the code as the database and the wire have it. */
export function toSnakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `attempt_timeout_ms` → `attemptTimeoutMs`. */
export function toCamelCase(name: string): string {
  if (!name.includes("_")) return name;
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

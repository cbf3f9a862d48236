/**
 * Text that leaves passes here last: every secret that the daemon knows is replaced by its exact
 * value, and what has the well-known shape of a credential is replaced too. No match reaches over a
 * quote, so a line of JSON is still one afterwards.
 */
const credentialShapes = [
  /\bgh[pousr]_[A-Za-z0-9]{30,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{30,255}\b/g,
  /\bglpat-[A-Za-z0-9_-]{20,255}/g,
  /\bnpm_[A-Za-z0-9]{36}\b/g,
  /\bhf_[A-Za-z0-9]{30,255}\b/g,
  /\bAIza[A-Za-z0-9_-]{35}/g,
  // Not within a word: "task-…" and "risk-…" are names.
  /(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,255}/g,
  /\bwhsec_[A-Za-z0-9+/=]{24,255}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/g,
  /\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}/g,
  // One that was cut off before its end, too; in JSON its lines end in \n.
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^"]{0,8000}?-----END [A-Z ]{0,40}PRIVATE KEY-----|(?:[A-Za-z0-9+/=\s]|\\[nr]){0,8000})/g,
  /(?<=\b[a-z][a-z+.-]{1,20}:\/\/[^\s:@/"]{0,100}:)[^\s@/"]{3,200}(?=@)/g,
];

/** Shorter values are no secrets but words, and would riddle the text. */
const minSecretLength = 6;

export type Redact = (text: string) => string;

export function makeRedact(secrets: readonly string[]): Redact {
  // As they are, and as a JSON text has them. The longest first, or a secret that contains another
  // would leave its rest behind.
  const values = [...new Set(secrets.flatMap((one) => [one, JSON.stringify(one).slice(1, -1)]))]
    .filter(({ length }) => length >= minSecretLength)
    .sort((a, b) => b.length - a.length);
  return (text) => {
    let result = text;
    for (const value of values) result = result.replaceAll(value, "[redacted]");
    for (const shape of credentialShapes) result = result.replace(shape, "[redacted]");
    return result;
  };
}

export function redactSecrets(text: string, secrets: readonly string[]): string {
  return makeRedact(secrets)(text);
}

/** The same value with every text in it redacted; names of fields stay. */
export function redactDeep<Value>(value: Value, redact: Redact): Value {
  const walk = (inner: unknown): unknown => {
    if (typeof inner === "string") return redact(inner);
    if (Array.isArray(inner)) return inner.map(walk);
    if (inner === null || typeof inner !== "object") return inner;
    const prototype = Object.getPrototypeOf(inner);
    if (prototype !== Object.prototype && prototype !== null) return inner; // a Date, a Buffer
    return Object.fromEntries(Object.entries(inner).map(([key, field]) => [key, walk(field)]));
  };
  return walk(value) as Value;
}

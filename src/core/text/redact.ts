/**
 * The last filter for outgoing text: replaces every secret that the daemon knows, and everything
 * with the well-known shape of a credential. No match crosses a quote, so a line of JSON stays
 * valid. Adjacent underscores and asterisks are Markdown.
 */
const credentialShapes = [
  /(?<![A-Za-z0-9])gh[pousr]_[A-Za-z0-9]{30,255}/g,
  /(?<![A-Za-z0-9])github_pat_[A-Za-z0-9_]{30,255}/g,
  /(?<![A-Za-z0-9])glpat-[A-Za-z0-9_-]{20,255}/g,
  /(?<![A-Za-z0-9])npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])hf_[A-Za-z0-9]{30,255}/g,
  /(?<![A-Za-z0-9])AIza[A-Za-z0-9_-]{35}/g,
  // Not inside a word: "task-…" and "risk-…" are names.
  /(?<![A-Za-z0-9])sk-[A-Za-z0-9_-]{20,255}/g,
  /(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=]{24,255}/g,
  /(?<![A-Za-z0-9])(?:AKIA|ASIA)[0-9A-Z]{16}(?![A-Za-z0-9])/g,
  /(?<![A-Za-z0-9])xox[abeoprs]-[A-Za-z0-9-]{10,255}/g,
  /(?<![A-Za-z0-9])eyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}/g,
  // Also one that was cut off before its end; in JSON its lines end in \n.
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^"]{0,8000}?-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|(?:[A-Za-z0-9+/=\s]|\\[nr]){0,8000})/g,
  /(?<=\b[a-z][a-z+.-]{1,20}:\/\/[^\s:@/"]{0,100}:)[^\s@/"]{3,200}(?=@)/gi,
  // As curl and git print request headers.
  /(?<=authorization[\\"']{0,2}[:=][ \\"']{0,4}(?:basic|bearer) )(?=[^\s"']{0,200}\d)[\w+/=.~-]{20,4000}/gi,
];

/** Shorter values are ordinary words, and redacting them would garble the text. */
const isLong = ({ length }: string) => length >= 6;

export type Redact = (text: string) => string;

/** The lists may grow: what is added to them is redacted from then on. */
export function makeRedact(...lists: readonly (readonly string[])[]): Redact {
  let known = -1;
  let values: RegExp[] = [];
  const look = () => {
    const secrets = lists.flat();
    if (secrets.length === known) return;
    known = secrets.length;
    // Longest first, or a secret that contains another would leave its rest behind.
    values = [...new Set(secrets.filter(isLong).flatMap(formsOf))]
      .sort((a, b) => b.length - a.length)
      .map(allowBreaks);
  };
  look();
  return (text) => {
    let result = text;
    look();
    for (const form of [...values, ...credentialShapes])
      result = result.replace(form, "[redacted]");
    return result;
  };
}

/** Adds a secret that was read after the start. */
export function learnSecret(secrets: string[], secret: string): void {
  if (!secrets.includes(secret)) secrets.push(secret);
}

/** A secret as it is, in JSON, in a URL, and in base64 at each of the three byte alignments. */
function formsOf(secret: string): string[] {
  const inBase64 = [0, 1, 2].map((before) => {
    const bytes = Buffer.from(" ".repeat(before) + secret);
    // Without the characters that encode neighbouring bytes too.
    const [from, to] = [Math.ceil((before * 8) / 6), Math.floor((bytes.length * 8) / 6)];
    return bytes.toString("base64").slice(from, to);
  });
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), ...inBase64];
}

/** Matches the value across line breaks too. */
function allowBreaks(value: string): RegExp {
  const signs = [...value].map((sign) => sign.replace(/[\\^$.*+?()[\]{}|]/, "\\$&"));
  return new RegExp(signs.join("(?:\\s|\\\\[nr])*"), "g");
}

export function redactSecrets(text: string, secrets: readonly string[]): string {
  return makeRedact(secrets)(text);
}

/** A copy of the value with every string in it redacted; field names stay. */
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

/**
 * Text that leaves the machine passes here last: every secret that the daemon knows is replaced by
 * its exact value, and what has the well-known shape of a credential is replaced too.
 */
const credentialShapes = [
  /\bgh[pousr]_[A-Za-z0-9]{30,255}\b/g,
  /\bgithub_pat_[A-Za-z0-9_]{30,255}\b/g,
  /\bsk-[A-Za-z0-9_-]{20,255}/g,
  /\bwhsec_[A-Za-z0-9+/=]{24,255}/g,
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g,
  /\bxox[abeoprs]-[A-Za-z0-9-]{10,255}/g,
  /\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,4000}\.[\w-]{10,2000}/g,
  /-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[\s\S]{0,8000}?-----END [A-Z ]{0,40}PRIVATE KEY-----)?/g,
];

/** Shorter values are no secrets but words, and would riddle the text. */
const minSecretLength = 6;

export function redactSecrets(text: string, secrets: readonly string[]): string {
  let result = text;
  // The longest first, or a secret that contains another would leave its rest behind.
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length >= minSecretLength) result = result.replaceAll(secret, "[redacted]");
  }
  for (const shape of credentialShapes) result = result.replace(shape, "[redacted]");
  return result;
}

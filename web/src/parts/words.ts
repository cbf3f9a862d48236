/** Figures as the command line writes them. */

/** How long something took: "0.4s", "12.3s", "2m05s", "1h02m", "3d04h". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3_600) return `${Math.floor(whole / 60)}m${two(whole % 60)}s`;
  if (whole < 86_400)
    return `${Math.floor(whole / 3_600)}h${two(Math.floor((whole % 3_600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d${two(Math.floor((whole % 86_400) / 3_600))}h`;
}

/** How long ago or ahead, which need not be read to the second: "45 s", "12 min", "3 h 20 min", "2 d 4 h". */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** "$0.0412", "$1.50", "$2"; null: "price unknown". */
export function formatUsd(usd: number | null): string {
  if (usd === null) return "price unknown";
  if (usd !== 0 && usd < 0.01) return `$${usd.toFixed(6).replace(/0+$/, "")}`;
  return `$${usd.toFixed(Number.isInteger(usd) ? 0 : usd < 1 ? 4 : 2)}`;
}

/** "9800", "12.3k", "3.4M". */
export function formatCount(count: number): string {
  if (count < 10_000) return String(count);
  const [value, unit] = count < 1_000_000 ? [count / 1_000, "k"] : [count / 1_000_000, "M"];
  return `${Math.round(value * 10) / 10}${unit}`;
}

/** "1 file", "3 files". */
export const plural = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

/** The last part of a path or an address. */
export const nameRepository = (repository: string): string =>
  repository
    .replace(/(\.git)?\/*$/, "")
    .split(/[/:]/)
    .at(-1) || repository;

/** Whether an address from outside may be a link. */
export const isWebLink = (href: string): boolean => /^https?:\/\//i.test(href);

/** A clause of the daemon, or of the page, as a sentence. A name at its beginning, as of a branch, stays. */
export function toSentence(clause: string): string {
  const isWord = /^\p{L}+(?![^\s,.:;!?])/u.test(clause);
  const begun = isWord ? clause.charAt(0).toUpperCase() + clause.slice(1) : clause;
  return `${begun}${/[.!?…]$/.test(clause) ? "" : "."}`;
}

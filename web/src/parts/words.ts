/** Figures as the command line writes them. */

/** "45 s", "12 min", "3 h 20 min", "2 d 4 h". */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  const days = Math.floor(hours / 24);
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** "$0.04"; null: "price unknown". */
export function formatUsd(usd: number | null): string {
  if (usd === null) return "price unknown";
  return usd !== 0 && usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`;
}

/** "980", "12k", "3.4M". */
export function formatCount(count: number): string {
  if (count < 1_000) return `${count}`;
  if (count < 1_000_000) return `${trim(count / 1_000)}k`;
  return `${trim(count / 1_000_000)}M`;
}

/** "1 file", "3 files". */
export const plural = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

const trim = (figure: number): string =>
  figure < 10 ? figure.toFixed(1).replace(/\.0$/, "") : figure.toFixed(0);

/** The last part of a path or an address. */
export const nameRepository = (repository: string): string =>
  repository
    .replace(/(\.git)?\/*$/, "")
    .split(/[/:]/)
    .at(-1) || repository;

/** Whether an address from outside may be a link. */
export const isWebLink = (href: string): boolean => /^https?:\/\//i.test(href);

/** A clause of the daemon, or of the page, as a sentence. */
export const toSentence = (clause: string): string =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${/[.!?…]$/.test(clause) ? "" : "."}`;

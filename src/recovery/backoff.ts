/**
 * Milliseconds to wait before the next try: doubles from `baseMs`, at most `capMs`, half of it
 * jitter so that many failures do not return at once. `chance` is in [0, 1).
 */
export function backoffMs(
  tries: number,
  options: { baseMs: number; capMs: number; chance: number },
): number {
  const full = Math.min(options.capMs, options.baseMs * 2 ** Math.max(0, tries - 1));
  return Math.round(full / 2 + (full / 2) * options.chance);
}

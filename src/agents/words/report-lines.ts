import { cleanText, cutText } from "../../core/text/clean-text.ts";

/**
 * Extracts progress for people from a program's output: whole lines, at most one per interval and
 * `maxLines` in all, so that much output never makes many events. The newest line wins.
 */
export function reportLines(
  report: (line: string) => void,
  options: { everyMs?: number; maxLines?: number; now?: () => number } = {},
): { add(chunk: string, stream: "stdout" | "stderr"): void; flush(): void } {
  const { everyMs = 1_000, maxLines = 500, now = () => performance.now() } = options;
  const rest = { stdout: "", stderr: "" };
  let pending: string | null = null;
  let lastAt = Number.NEGATIVE_INFINITY;
  let reported = 0;

  const flush = () => {
    if (pending === null || reported >= maxLines) return;
    report(pending);
    reported++;
    pending = null;
    lastAt = now();
  };
  return {
    add(chunk, stream) {
      const text = rest[stream] + chunk;
      const lastBreak = text.lastIndexOf("\n");
      rest[stream] = text.slice(lastBreak + 1).slice(-4_096);
      if (lastBreak < 0) return;
      const line = text
        .slice(0, lastBreak)
        .slice(-8_192)
        .split("\n")
        .map((candidate) => cleanText(candidate).trim())
        .findLast((candidate) => candidate !== "");
      if (line === undefined) return;
      pending = cutText(line, 300);
      if (now() - lastAt >= everyMs) flush();
    },
    flush,
  };
}

import type { Redact } from "../core/text/redact.ts";
import type { Mirror } from "../worktree/mirror/mirror.ts";
import { diffCommits } from "../worktree/read/diff.ts";

/**
 * Added lines that hold a secret of the daemon's or look like a credential, as `path:line`. The
 * change is delivered unaltered all the same; the receipt names them.
 */
export async function findCredentials(
  mirror: Mirror,
  base: string,
  commit: string,
  redact: Redact,
): Promise<string[]> {
  const diff = await diffCommits(mirror, base, commit, { maxBytes: maxLookedAt });
  const found: string[] = [];
  let path = "";
  let number = 0;
  for (const line of diff.split("\n")) {
    const [, start] = /^@@ -\S+ \+(\d+)/.exec(line) ?? [];
    if (start !== undefined) number = Number(start) - 1;
    else if (line.startsWith("+++ b/")) path = line.slice(6);
    else if (line.startsWith("+") || line.startsWith(" ")) {
      number++;
      if (line.startsWith("+") && redact(line) !== line) found.push(`${path}:${number}`);
    }
    if (found.length === maxNamed) break;
  }
  return found;
}

const maxLookedAt = 4 * 1024 * 1024;
const maxNamed = 10;

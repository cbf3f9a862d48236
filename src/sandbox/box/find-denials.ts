/**
 * A refused action of a command, as evidence for the receipt. Refusals by the sandbox's own
 * parts (a host, a limit) are certain: `enforced`. The kernel refuses a write or a read without
 * telling us, so these are read from the program's output and marked `reported`: a program can stay
 * silent, and it can lie.
 */
export type Denial = {
  what: "write" | "read" | "network" | "process" | "limit";
  /** One line, at most 200 characters. Untrusted text of the program, for people only. */
  detail: string;
  known: "enforced" | "reported";
};

const maxKept = 50;

/** Collects the first denials, without duplicates. */
export function makeDenialList(): { add(denial: Denial): void; list(): Denial[] } {
  const found = new Map<string, Denial>();
  return {
    add: (denial) => {
      if (found.size < maxKept) found.set(`${denial.what} ${denial.detail}`, denial);
    },
    list: () => [...found.values()],
  };
}

const complaints: readonly { what: Denial["what"]; pattern: RegExp }[] = [
  {
    what: "write",
    pattern:
      /read-only file system|\bEROFS\b|cannot lock ref|device or resource busy|cannot create \/.*directory nonexistent/i,
  },
  {
    what: "network",
    pattern:
      /network is unreachable|could not resolve host|temporary failure in name resolution|name or service not known|\b(?:ENETUNREACH|EAI_AGAIN|ENOTFOUND)\b|couldn't connect to server|connection refused|\bECONNREFUSED\b/i,
  },
  {
    what: "process",
    pattern: /resource temporarily unavailable|\bEAGAIN\b|cannot fork|no such process/i,
  },
  {
    what: "limit",
    pattern:
      /file too large|file size limit exceeded|\bEFBIG\b|no space left on device|\bENOSPC\b|cannot allocate memory/i,
  },
  { what: "write", pattern: /permission denied|operation not permitted|\bE(?:ACCES|PERM)\b/i },
];

/**
 * Paths that are absent inside: an error about one shows that it was looked for. The same holds for
 * git when it is sent to another repository.
 */
const elsewhere = /cannot change to '\/|'\/.*' does not appear to be a git repository/i;
const absent =
  /\/\.(?:ssh|aws|gnupg|netrc|npmrc|docker|kube|config|git-credentials|deputy)\b|\/proc\/\d+\/environ|\/etc\/(?:shadow|ssl\/private)/;
const missing = /no such file or directory|\bENOENT\b/i;

const maxRead = 256 * 1024;
const maxDenials = 20;
const maxDetail = 200;

/**
 * Finds complaints in an output: the first ones, without duplicates. `hidden` are paths that never
 * exist inside.
 */
export function findDenials(output: string, hidden: readonly string[] = []): Denial[] {
  const text =
    output.length > 2 * maxRead ? output.slice(0, maxRead) + output.slice(-maxRead) : output;
  const found = new Map<string, Denial>();
  for (const line of text.split("\n")) {
    const what = judge(line, hidden);
    if (what === null) continue;
    const detail = Buffer.from(line.trim().slice(0, maxDetail)).toString().replaceAll("\0", "");
    if (!found.has(detail)) found.set(detail, { what, detail, known: "reported" });
    if (found.size === maxDenials) break;
  }
  return [...found.values()];
}

function judge(line: string, hidden: readonly string[]): Denial["what"] | null {
  const complaint = complaints.find(({ pattern }) => pattern.test(line));
  if (complaint) return complaint.what;
  if (elsewhere.test(line)) return "read";
  const isTold = absent.test(line) || hidden.some((path) => line.includes(path));
  return isTold && missing.test(line) ? "read" : null;
}

/**
 * What a command tried and was refused, as evidence for the receipt. What the sandbox's own parts
 * refused (a host, a limit) is certain: `enforced`. The kernel refuses a write or a look without
 * telling us; that is only known where the program complained, so it is read from its output and
 * marked `reported`: a program can keep quiet, and it can lie.
 */
export type Denial = {
  what: "write" | "read" | "network" | "process" | "limit";
  /** One line, at most 200 characters. Text of the program: data for people, nothing else. */
  detail: string;
  known: "enforced" | "reported";
};

const maxKept = 50;

/** Denials, each once, the first ones. */
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
 * Places that are absent inside: to miss one of them says that it was looked for. So does git where
 * it is sent to another repository.
 */
const elsewhere = /cannot change to '\/|'\/.*' does not appear to be a git repository/i;
const absent =
  /\/\.(?:ssh|aws|gnupg|netrc|npmrc|docker|kube|config|git-credentials|deputy)\b|\/proc\/\d+\/environ|\/etc\/(?:shadow|ssl\/private)/;
const missing = /no such file or directory|\bENOENT\b/i;

const maxRead = 256 * 1024;
const maxDenials = 20;
const maxDetail = 200;

/**
 * Read the complaints out of an output: each line once, the first ones. `hidden` are paths that are
 * never there inside.
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

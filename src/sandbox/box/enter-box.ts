import { findProgram } from "../process/find-program.ts";

/**
 * Steps of our process before it becomes bwrap, while nothing of the command runs: it enters the
 * command's control groups (moving it from outside would be too late), opens the syscall filter for
 * bwrap, and leaves the daemon's session keyring for a new one.
 */
export type Entry = {
  /** One file to write to per control group. If that fails the command does not run. */
  doors: readonly string[];
  /** The file of a seccomp filter, which bwrap reads from `filterFd`. Null: none. */
  filter: string | null;
  /** The result of `findKeyringJoin`. */
  joinKeyring: readonly string[];
};

export const filterFd = 9;

/** If the filter cannot be opened, bwrap reports it, distinguishable from the command's output. */
const script = `doors=$1; shift
while [ "$doors" -gt 0 ]; do echo 0 > "$1" || exit 125; shift; doors=$((doors-1)); done
{ command exec ${filterFd}<"$0"; } 2>/dev/null
exec "$@"`;

/**
 * Returns the command line that does this and becomes `argv`. Full paths only: a command's PATH may
 * lead to its own files.
 */
export function enterBox(
  { doors, filter, joinKeyring }: Entry,
  argv: readonly [string, ...string[]],
): [string, ...string[]] {
  const entry = [filter ?? "/dev/null", String(doors.length), ...doors];
  return ["/bin/sh", "-c", script, ...entry, ...joinKeyring, ...argv];
}

/** keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL) by number: Node and shells have no call for it. */
const keyctl: Readonly<Record<string, number>> = { x64: 250, arm64: 219 };
const join =
  "delete $ENV{PERL_BADLANG}; syscall(shift, 1, 0); exec { $ARGV[0] } @ARGV; die qq(perl: cannot run $ARGV[0]: $!)";

/** Silences perl about an unknown locale, for callers that cannot withhold the variables. */
export const quietPerl = { PERL_BADLANG: "0" } as const;

/**
 * Returns the prefix that runs a command in a new session keyring; empty without perl or on an
 * unknown processor. If the kernel refuses (each user has a quota of keys) the command still runs:
 * in a box the filter blocks every keyring.
 */
export function findKeyringJoin(arch: string = process.arch): string[] {
  const perl = findProgram("perl", "/usr/bin:/bin") ?? findProgram("perl");
  const number = keyctl[arch];
  return perl === null || number === undefined ? [] : [perl, "-e", join, "--", String(number)];
}

/**
 * Variables with which a command's environment would influence the programs before it: the linker,
 * the shell, perl and their locale. bwrap sets them for the command only.
 */
export const steersPrograms = /^(?:LD_|GLIBC_|LC_|LANG|PERL|BASH|SHELLOPTS$|ENV$|PS4$)/;

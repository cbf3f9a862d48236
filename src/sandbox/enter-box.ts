import { findProgram } from "./find-program.ts";

/**
 * What a process of ours does on its way to becoming bwrap, before there is anything of a command in
 * it: it enters the control groups of the command (to be moved from outside would come too late),
 * opens the filter of system calls for bwrap, and leaves the daemon's session keyring for a new one.
 */
export type Entry = {
  /** A file to write to for each control group. Who cannot does not run. */
  doors: readonly string[];
  /** The file of a seccomp filter; bwrap finds it at `filterFd`. Null: none. */
  filter: string | null;
  /** What `findKeyringJoin` found. */
  joinKeyring: readonly string[];
};

export const filterFd = 9;

/** When the filter cannot be opened bwrap says so, in words that are told from a command's. */
const script = `doors=$1; shift
while [ "$doors" -gt 0 ]; do echo 0 > "$1" || exit 125; shift; doors=$((doors-1)); done
{ command exec ${filterFd}<"$0"; } 2>/dev/null
exec "$@"`;

/** The command line that does this and becomes `argv`. By full paths: a command's PATH may lead to its files. */
export function enterBox(
  { doors, filter, joinKeyring }: Entry,
  argv: readonly [string, ...string[]],
): [string, ...string[]] {
  const entry = [filter ?? "/dev/null", String(doors.length), ...doors];
  return ["/bin/sh", "-c", script, ...entry, ...joinKeyring, ...argv];
}

/** keyctl(KEYCTL_JOIN_SESSION_KEYRING, NULL) by its number: neither Node nor a shell has a call for it. */
const keyctl: Readonly<Record<string, number>> = { x64: 250, arm64: 219 };
const join =
  "delete $ENV{PERL_BADLANG}; syscall(shift, 1, 0); exec { $ARGV[0] } @ARGV; die qq(perl: cannot run $ARGV[0]: $!)";

/** Perl says nothing of a language that the system does not have; for whoever cannot withhold it. */
export const quietPerl = { PERL_BADLANG: "0" } as const;

/**
 * What goes before a command so that it runs in a session keyring of its own; nothing where there is
 * no perl, or where it does not know the processor. Refused by the kernel (each user has a number of
 * keys) the command runs all the same: in a box the filter keeps it from every keyring.
 */
export function findKeyringJoin(arch: string = process.arch): string[] {
  const perl = findProgram("perl", "/usr/bin:/bin") ?? findProgram("perl");
  const number = keyctl[arch];
  return perl === null || number === undefined ? [] : [perl, "-e", join, "--", String(number)];
}

/**
 * Variables by which a command's environment would steer the programs before it: the linker, the
 * shell, perl and what language they speak. bwrap sets them for the command alone.
 */
export const steersPrograms = /^(?:LD_|GLIBC_|LC_|LANG|PERL|BASH|SHELLOPTS$|ENV$|PS4$)/;

import type { CheckRun } from "../../core/proof/verdict.ts";

/**
 * Explains why a run ended as it did, from its exit code and the end of its output: a crash, a
 * build that does not compile, an unreachable network or a missing dependency. These hints go into
 * messages and keep such runs from passing as "red before too"; they are never a reason to pass.
 * Pure.
 */
const crashes: Readonly<Record<number, string>> = {
  132: "SIGILL",
  134: "SIGABRT",
  135: "SIGBUS",
  136: "SIGFPE",
  139: "SIGSEGV",
};
/** Start of the detail of a run that died from its own signal. */
const crashedWords = "crashed";

/** The detail of a run that ended by such a signal or its exit code; null when it did not crash. */
export function describeCrash(exitCode: number | null, signal: string | null): string | null {
  const names = Object.values(crashes);
  if (exitCode === null)
    return signal && names.includes(signal) ? `${crashedWords}: ${signal}` : null;
  const name = crashes[exitCode];
  return name ? `${crashedWords}: ${name} (exit ${exitCode})` : null;
}

const crashLines =
  /\bSegmentation fault\b|\bsignal: (?:11|6|4|7|8), SIG|\bSIG(?:SEGV|ABRT|BUS|ILL|FPE)\b|\bAborted \(core dumped\)|\bError 1(?:34|39)\b|\bpanic: runtime error: invalid memory address\b/;
const buildLines =
  /\berror: could not compile\b|\bCOMPILATION ERROR\b|\[(?:build|setup) failed\]|\berror TS\d{1,6}:|\bSyntaxError: |\bundefined reference to\b|\bcollect2: error\b|\bCMake Error\b|\berror\[E\d{4}\]|^\S{1,300}:\d{1,7}(?::\d{1,7})?: (?:fatal )?error: /;
const networkLines =
  /\bE(?:CONNREFUSED|NOTFOUND|AI_AGAIN|NETUNREACH|HOSTUNREACH|CONNRESET)\b|\bgetaddrinfo\b|\bcould not connect to\b|\bconnection refused\b|\bname resolution\b|\bName or service not known\b|\bcould not resolve host\b|\bNetwork is unreachable\b|\bMax retries exceeded with url\b|\bno such host\b/i;
const missingLines =
  /\bCannot find (?:module|package) |\bModuleNotFoundError: |\bNo module named |\bENOENT: no such file or directory|\bFileNotFoundError: |\bcannot load such file\b|\bCan't locate \S{1,200} in @INC|\bno required module provides package\b|\bcommand not found\b|\bNo such file or directory\b/;
/** Modules of the project itself, which the change may fix, rather than dependencies. */
const ownLines =
  /\bCannot find module '?(?:\.|\/|file:)|\bCannot find package '?\.|imported from \.\./;

/** Describes the crash of the run or of a program that it started; null when none is found. */
export function crashOf(run: CheckRun): string | null {
  if (run.detail.startsWith(crashedWords)) return run.detail;
  return run.status === "red" ? findLine(run.outputTail, crashLines) : null;
}

export function buildFailureOf(run: CheckRun): string | null {
  return run.status === "red" ? findLine(run.outputTail, buildLines) : null;
}

/** On this machine only these ports belong to services; any other port is the project's own. */
const localHost = /(?:127\.0\.0\.1|localhost|::1|0\.0\.0\.0)\]?(?:[:\s]|, port |.{0,40}\bport )/;
const servicePorts =
  /\b(?:1433|1521|2181|3306|5432|5433|5672|6379|7687|8086|8529|9042|9092|9200|11211|26257|27017)\b/;

/** The output line about an unreachable host; null when none is found. */
export function unreachableOf(run: CheckRun): string | null {
  if (run.status === "green") return null;
  return findLine(
    run.outputTail,
    networkLines,
    (line) => !localHost.test(line) || servicePorts.test(line),
  );
}

/** The output line about something missing on the machine or in the dependencies, or null. */
export function missingOf(run: CheckRun): string | null {
  if (run.status === "green") return null;
  return findLine(run.outputTail, missingLines, (line) => !ownLines.test(line));
}

/** A clause to append to a reason, with its separator; empty when nothing is known. */
export function hintOf(run: CheckRun): string {
  const unreachable = unreachableOf(run);
  if (unreachable)
    return `; it seems to need a network or a database that it cannot reach: "${unreachable}" (\`services\` in .deputy/config.yaml start one beside it)`;
  const missing = missingOf(run);
  return missing ? `; something that it needs is missing: "${missing}"` : "";
}

const maxLine = 160;

function findLine(
  output: string,
  pattern: RegExp,
  isMeant: (line: string) => boolean = () => true,
): string | null {
  for (const line of output.split(/\r?\n/)) {
    const raw = line.slice(0, 1_000).trim();
    if (!pattern.test(raw) || !isMeant(raw)) continue;
    // Two runs happen in two folders, so the folder is cut from the line.
    const cut = raw.replace(/(?:file:\/\/)?\/[^\s'"]{0,300}\/check-[0-9a-f-]{36}\//g, "");
    return cut.length > maxLine ? `${cut.slice(0, maxLine)}…` : cut;
  }
  return null;
}

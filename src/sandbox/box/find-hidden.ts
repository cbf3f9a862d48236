import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { findProgram } from "../process/find-program.ts";
import { readShebang } from "../process/read-shebang.ts";
import { isWithin } from "./guard-paths.ts";

/**
 * Finds out why a command did not find a program that is on this machine: the sandbox does not show it,
 * it does not show the interpreter that the program starts with, or the program is in a folder that is
 * not on the daemon's PATH. Without this a person reads "not found" about what works in their terminal.
 */
export type Looked = {
  /** The command's variables as the daemon knows them: PATH and HOME. */
  env: Readonly<Record<string, string>>;
  /** Whether a command with these variables sees this path, which is real. */
  isShown: (path: string) => boolean;
  /** How a person shows it. */
  remedy: string;
};

/**
 * One clause for the first program that a command missed and this machine has, or null. `program` is
 * that of a command that could not start; else the names are read from its output, so they are only
 * looked up, as programs, and never opened as paths.
 */
export async function explainMissing(
  { output, program }: { output: string; program: string | null },
  looked: Looked,
): Promise<string | null> {
  const names = program === null ? namesMissed(output) : [basename(program)];
  for (const name of names.slice(0, maxNames)) {
    const clause = await explainProgram(name, looked, 0);
    if (clause !== null) return clause;
  }
  return null;
}

const maxNames = 5;

/** What shells, env, make and runtimes say of a program that they do not find. */
const complaints: readonly RegExp[] = [
  /sh: (?:line )?(?:\d+: )?(?:exec: )?([\w.+-]+): (?:command )?not found/g,
  /\bcommand not found: ([\w.+-]+)/g,
  /\benv: [‘'"]?([\w.+-]+)[’'"]?: No such file or directory/g,
  /\bmake(?:\[\d+\])?: ([\w.+-]+): No such file or directory/g,
  /\bspawn(?:Sync)? ([\w.+-]+) ENOENT/g,
  /No such file or directory: ['"]([\w.+-]+)['"]/g,
  /exec: "([\w.+-]+)": executable file not found/g,
  /\/([\w.+-]+): (?:\S+: )?bad interpreter/g,
  /sh: (?:line )?(?:\d+: )?(?:\/[^:\n]*\/)?([\w.+-]+): (?:cannot execute: required file not found|No such file or directory)/g,
];

/** The names of programs that an output says were not found, the last first: that one ended it. */
export function namesMissed(output: string): string[] {
  const found = complaints.flatMap((pattern) =>
    [...output.matchAll(pattern)].map((match) => ({ name: match[1] ?? "", at: match.index })),
  );
  return [...new Set(found.sort((a, b) => b.at - a.at).map(({ name }) => name))];
}

async function explainProgram(name: string, looked: Looked, depth: number): Promise<string | null> {
  const { env, isShown, remedy } = looked;
  const file = findProgram(name, env.PATH);
  if (file === null) return explainElsewhere(name, env);
  const real = await realpath(file).catch(() => null); // gone meanwhile
  if (real === null) return null;
  if (!isShown(real)) return `${name} is at ${file}, which the sandbox does not show: ${remedy}`;
  const interpreter = depth === 0 ? findInterpreter(real) : null;
  if (interpreter === null) return null;
  if (!interpreter.startsWith("/")) return explainProgram(interpreter, looked, depth + 1);
  const target = await realpath(interpreter).catch(() => null); // does not exist: told below
  if (target === null)
    return `${name} at ${file} starts with ${interpreter}, which does not exist on this machine: install ${name} again`;
  return isShown(target)
    ? null
    : `${name} at ${file} starts with ${interpreter}, which the sandbox does not show: ${remedy}`;
}

/** The program that a script names in its first line, or its name behind `env`; null: no script. */
function findInterpreter(file: string): string | null {
  const [program, ...rest] = readShebang(file);
  if (program === undefined) return null;
  const name = basename(program) === "env" ? rest.find((word) => !word.startsWith("-")) : undefined;
  return name ?? program;
}

/** Where installers put programs that a login shell finds and a service does not. */
const usualFolders = [
  ...[".local/bin", "bin", ".cargo/bin", ".bun/bin", ".deno/bin", "go/bin", ".volta/bin"],
  ...[".asdf/shims", ".local/share/mise/shims", ".pyenv/shims", ".rbenv/shims", ".nix-profile/bin"],
  ...[".local/share/pnpm", ".dotnet", ".composer/vendor/bin", ".config/composer/vendor/bin"],
];
const usualSystemFolders = [
  "/usr/local/bin",
  "/usr/local/go/bin",
  "/snap/bin",
  "/opt/homebrew/bin",
];

function explainElsewhere(name: string, env: Looked["env"]): string | null {
  const home = env.HOME;
  const folders = [
    ...(home ? usualFolders.map((one) => join(home, one)) : []),
    ...usualSystemFolders,
  ];
  const file = findProgram(name, folders.join(":"));
  if (file === null) return null;
  return `${name} is at ${file}, which is not on the daemon's PATH: start the daemon with ${dirname(file)} in PATH`;
}

/** Whether a path is in one of these folders. */
export function makeIsShown(folders: readonly string[]): (path: string) => boolean {
  return (path) => folders.some((folder) => isWithin(path, folder));
}

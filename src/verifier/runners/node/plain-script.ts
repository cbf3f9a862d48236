import { posix } from "node:path";
import { findFailingAssertions } from "../failing-assertions.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";
import { nameByNodeHook } from "./node-hook.ts";

/**
 * A check that runs a script without a test runner: `node check.js`, `python3 check.py`, `sh
 * check.sh`. Its canary is that script with one more statement, which prints the token and fails.
 * The run must print the token and turn red. In a script that exits near its end, the statement
 * goes before that exit.
 */
export const plainScript: Runner = {
  name: "plain script",
  isUsed: ({ texts }) => scriptsOf(texts).length > 0,
  // It may start a runner in a way that no text shows.
  nameTests: (about, place) => nameByNodeHook(about, place),
  readOutput: () => null,
  placeCanary,
};

const maxLength = 400_000;

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  for (const { program, path } of scriptsOf(input.about.texts)) {
    const file = findFile(path, input.files);
    const text = file === null ? null : await input.read(file);
    if (file === null || text === null || text.length > maxLength) continue;
    const written = write(program, file, text, input.token);
    // One is enough: the first failure keeps the others from running.
    if (written !== null) return { files: [{ path: file, text: written }], names: [input.token] };
  }
  return null;
}

type Script = { program: string; path: string };

const programs =
  "node|nodejs|tsx|ts-node|bun|deno|python[\\d.]*|sh|bash|dash|zsh|ruby|perl|php|Rscript";

/** Scripts that a command starts, in order: through a program, or by their own name. */
function scriptsOf(texts: string): Script[] {
  const found: Script[] = [];
  for (const command of texts.slice(0, 200_000).split(/[\n;&|()`]+/)) {
    const words = command
      .trim()
      .replace(/^@|["']/g, "")
      .split(/\s+/)
      .slice(0, 100);
    const at = words.findIndex((word) => !/^\w+=/.test(word));
    const first = words[at] ?? "";
    const named = new RegExp(`^(?:${programs})$`).exec(posix.basename(first));
    if (named) {
      const path = words.slice(at + 1).find((word) => !word.startsWith("-") && /\.\w+$/.test(word));
      const inline = words
        .slice(at + 1)
        .some((word) => /^-(?:[ecmp]|-eval|-test|-print)$/.test(word));
      if (path !== undefined && !inline) found.push({ program: named[0], path });
    } else if (/^(?:\.{1,2}\/|\w[\w.-]*\/)[\w./-]+$/.test(first)) {
      found.push({ program: "", path: first });
    }
  }
  return found;
}

/** The file of the tree; in another folder only when no other file has that name. */
function findFile(path: string, files: readonly string[]): string | null {
  const plain = posix.normalize(path).replace(/^(?:\.\.\/)+/, "");
  if (files.includes(plain)) return plain;
  const ending = files.filter((file) => file.endsWith(`/${plain}`));
  return ending.length === 1 ? (ending[0] ?? null) : null;
}

function write(program: string, path: string, text: string, token: string): string | null {
  const hashbang = /^#!.{0,200}/.exec(text)?.[0] ?? "";
  const language = languageOf(program, path, hashbang);
  if (language === "script")
    return insert(
      text,
      failInScript(text, token),
      /^(?:if\s*\(.{0,200}\)\s*\{?\s*)?(?:process|Deno)\.exit\b/,
    );
  if (language === "python")
    return insert(
      text,
      `assert "${token}" == "", "${token}"`,
      /^(?:sys\.exit\b|exit\(|if __name__\b|raise SystemExit)/,
    );
  if (language === "shell") return insert(text, `echo "${token}" >&2\nexit 1`, /^exit\b/);
  if (language === "ruby") return insert(text, `raise "${token}"`, /^(?:exit\b|abort\b|__END__)/);
  if (language === "perl")
    return insert(text, `die "${token}";`, /^(?:exit\b|done_testing\b|__END__|__DATA__|1;)/);
  if (language === "php")
    return insert(text, `throw new Exception("${token}");`, /^(?:exit\b|die\b|\?>)/);
  return null;
}

function languageOf(program: string, path: string, hashbang: string): string {
  const by = program || hashbang;
  if (/\.[cm]?[jt]sx?$/.test(path) || /node|tsx|bun|deno/.test(by)) return "script";
  if (/python/.test(by) || path.endsWith(".py")) return "python";
  if (/ruby/.test(by) || path.endsWith(".rb")) return "ruby";
  if (/perl/.test(by) || /\.(?:pl|t)$/.test(path)) return "perl";
  if (/php/.test(by) || path.endsWith(".php")) return "php";
  return /sh\b/.test(by) || path.endsWith(".sh") ? "shell" : "";
}

/** Tries the script's own assertions first; if one no longer throws, exits without the token. */
function failInScript(text: string, token: string): string {
  const own = findFailingAssertions(text, { expect: false })?.statements ?? [];
  const calls = own.filter((line) => !line.startsWith("await ") && !/^t\./.test(line));
  if (calls.length === 0) return `throw new Error("${token}");`;
  const tries = calls.map((line) => `() => { ${line}; }`).join(", ");
  return [
    `for (const fails_${token} of [${tries}]) {`,
    `  let threw_${token} = false;`,
    `  try { fails_${token}(); } catch { threw_${token} = true; }`,
    `  if (!threw_${token}) process.exit(0);`,
    "}",
    `console.error("${token}");`,
    `${calls[0]};`,
  ].join("\n");
}

const tail = 12;
const maxLine = 500;

/** Inserts at the end, or before the last line that exits if it is near the end. */
function insert(text: string, statement: string, leaves: RegExp): string {
  const lines = text.split("\n");
  const from = Math.max(0, lines.length - tail);
  const at = lines.findIndex((line, index) => index >= from && leaves.test(line.slice(0, maxLine)));
  if (at < 0) return `${text}${text.endsWith("\n") ? "" : "\n"}${statement}\n`;
  return [...lines.slice(0, at), statement, ...lines.slice(at)].join("\n");
}

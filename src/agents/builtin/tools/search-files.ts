import { readdir } from "node:fs/promises";
import { createContext, Script } from "node:vm";
import picomatch from "picomatch";
import { cutText } from "../../../core/text/clean-text.ts";
import { openFile, readWhole, withFolder } from "../../../sandbox/files/open-folder.ts";
import { lookAt, type Spot } from "./contain-path.ts";
import { ToolProblem } from "./tool.ts";

/**
 * The search for machines without ripgrep: walks the folder, skips `.git`, `node_modules`, links,
 * binary and very large files, and tests the pattern line by line. It runs in the daemon's main
 * thread, and a model's pattern may backtrack for ever, so each file has a time limit that
 * interrupts even a regular expression.
 */
export type SearchFilesRequest = {
  pattern: string;
  /** Folder or file, relative to the root. */
  where: string;
  glob: string | undefined;
  maxMatches: number;
  signal: AbortSignal;
};

const maxFiles = 20_000;
const maxFileBytes = 4_000_000;
const maxMsPerFile = 200;
const skipped = new Set([".git", "node_modules"]);

export type FoundLines = {
  /** As `path:line:text`; one more than `maxMatches` means that there are more. */
  lines: string[];
  /** Files too large to search. */
  tooLarge: string[];
};

export async function searchFiles(root: string, request: SearchFilesRequest): Promise<FoundLines> {
  const match = compileMatcher(request.pattern);
  const wanted = request.glob
    ? picomatch(request.glob, { dot: true, basename: !request.glob.includes("/") })
    : () => true;
  const found: string[] = [];
  const tooLarge: string[] = [];
  let looked = 0;
  for await (const { path, size } of walk(root, request.where === "." ? "" : request.where)) {
    if (request.signal.aborted || found.length > request.maxMatches) break;
    if (!wanted(path)) continue;
    if (++looked > maxFiles) {
      throw new ToolProblem(
        `there are more than ${maxFiles} files; narrow it down with path or glob`,
      );
    }
    if (size > maxFileBytes) {
      tooLarge.push(path);
      continue;
    }
    const text = await readText({ root, path }).catch(() => ""); // deleted in the meantime
    if (text.includes("\0")) continue;
    for (const { number, line } of match(text, path)) {
      found.push(`${path}:${number}:${cutText(line, 300)}`);
    }
  }
  return { lines: found.slice(0, request.maxMatches + 1), tooLarge };
}

async function readText({ root, path }: Spot): Promise<string> {
  const file = await openFile(root, path);
  const bytes = await readWhole(file, maxFileBytes).finally(() => file.close());
  return bytes?.toString("utf8") ?? "";
}

async function* walk(root: string, path: string): AsyncGenerator<{ path: string; size: number }> {
  const stat = await lookAt({ root, path });
  if (stat?.isFile()) yield { path, size: Number(stat.size) };
  if (!stat?.isDirectory()) return;
  const names = await withFolder(root, path, (folder) =>
    readdir(folder.path, { encoding: "utf8" }),
  ).catch(() => []); // not readable
  for (const name of names.sort()) {
    if (!skipped.has(name)) yield* walk(root, path === "" ? name : `${path}/${name}`);
  }
}

type Matcher = (text: string, path: string) => { number: number; line: string }[];

function compileMatcher(pattern: string): Matcher {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, "u");
  } catch {
    try {
      expression = new RegExp(pattern); // `u` rejects escapes that are valid without it
    } catch (error) {
      throw new ToolProblem((error as Error).message);
    }
  }
  const context = createContext({ expression, lines: [] as string[], hits: [] as number[] });
  const script = new Script(
    "hits = []; for (let i = 0; i < lines.length && hits.length < 200; i++) if (expression.test(lines[i])) hits.push(i);",
  );
  return (text, path) => {
    const lines = text.split(/\r?\n/);
    context.lines = lines;
    try {
      script.runInContext(context, { timeout: maxMsPerFile });
    } catch {
      throw new ToolProblem(`the pattern takes too long on ${path}; use a simpler one`);
    }
    return (context.hits as number[]).map((at) => ({ number: at + 1, line: lines[at] ?? "" }));
  };
}

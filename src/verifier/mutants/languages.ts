import { posix } from "node:path";

/** Language facts for putting a small fault into a line so that it still compiles. */
export type Language = {
  name: "js" | "ts" | "python" | "go" | "rust" | "ruby" | "java" | "c";
  lineComment: string;
  blockComment: readonly [string, string] | null;
  /** String delimiters; longer ones first. */
  quotes: readonly string[];
  /** Lines that are never changed: imports and type declarations. */
  skip: RegExp;
  /** From this line on the file holds tests. */
  testsFrom: RegExp | null;
  /** Splits an `if` on one line, to be negated: before, the condition, and after it. */
  condition: RegExp;
  not: (condition: string) => string;
  /** Replaces X in `return X`; null: a type would not allow it. */
  nothing: string | null;
  /** Replaces a call that is left out. */
  emptyStatement: string;
  words: boolean;
};

const bang = (condition: string) => `!(${condition})`;
const curly: Omit<Language, "name" | "quotes" | "skip" | "nothing"> = {
  lineComment: "//",
  blockComment: ["/*", "*/"],
  testsFrom: null,
  condition: /^(\s*(?:\}\s*)?(?:else\s+)?if\s*\()(.+)(\)\s*(?:\{.*|[^)]*;)?\s*)$/,
  not: bang,
  emptyStatement: ";",
  words: false,
};

const js: Language = {
  ...curly,
  name: "js",
  quotes: ['"', "'", "`"],
  skip: /^\s*(import\b|export\s+(\*|\{)|(const|let|var)\s+[\w${},\s:]+=\s*(await\s+)?(require|import)\s*\(|["']use \w+["']|@\w)/,
  testsFrom: /^\s*if\s*\(\s*import\.meta\.vitest\b/,
  nothing: "undefined",
};

const languages: Readonly<Record<Language["name"], Language>> = {
  js,
  ts: {
    ...js,
    name: "ts",
    skip: new RegExp(
      `${js.skip.source}|^\\s*(export\\s+)?(declare|interface|abstract|type\\s+\\w+.*=)|^\\s*\\w+\\??:\\s*[\\w<>[\\]|" ]+;$`,
    ),
  },
  python: {
    name: "python",
    lineComment: "#",
    blockComment: null,
    quotes: ['"""', "'''", '"', "'"],
    skip: /^\s*(import|from)\s|^\s*@|^\s*(class|def|async\s+def)\b|__name__/,
    testsFrom: null,
    condition: /^(\s*(?:el)?if\s+)(.+?)(:\s*.*)$/,
    not: (condition) => `not (${condition})`,
    nothing: "None",
    emptyStatement: "pass",
    words: true,
  },
  go: {
    ...curly,
    name: "go",
    quotes: ['"', "`", "'"],
    skip: /^\s*(import|package|type)\b|^\s*"[^"]*"\s*$|^\s*\)?\s*func\b/,
    condition: /^(\s*(?:\}\s*)?(?:else\s+)?if\s+)([^;{]+?)(\s*\{.*)$/,
    nothing: null,
    emptyStatement: "",
  },
  rust: {
    ...curly,
    name: "rust",
    quotes: ['"'],
    skip: /^\s*(pub(\([^)]*\))?\s+)?(use|mod|extern|type|trait|struct|enum|impl|fn|where)\b|^\s*#!?\[/,
    testsFrom: /^\s*#\[cfg\(.*\btest\b.*\)\]/,
    condition: /^(\s*(?:\}\s*)?(?:else\s+)?if\s+)(?!let\b)([^{]+?)(\s*\{.*)$/,
    nothing: null,
  },
  ruby: {
    name: "ruby",
    lineComment: "#",
    blockComment: null,
    quotes: ['"', "'"],
    skip: /^\s*(require|require_relative|load|include|extend|module|class|def|attr_\w+|private|public)\b/,
    testsFrom: null,
    condition: /^(\s*(?:els)?if\s+)(.+?)(\s+then\b.*|\s*)$/,
    not: bang,
    nothing: "nil",
    emptyStatement: "nil",
    words: true,
  },
  java: {
    ...curly,
    name: "java",
    quotes: ['"""', '"', "'"],
    skip: /^\s*(import|package|@)|^\s*(public|private|protected|static|final|abstract|\s)*\b(class|interface|enum|record)\b/,
    nothing: null,
  },
  c: {
    ...curly,
    name: "c",
    quotes: ['"', "'"],
    skip: /^\s*#|^\s*(typedef|using|extern)\b/,
    nothing: null,
  },
};

const byExtension: Readonly<Record<string, Language["name"]>> = {
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "js",
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "ts",
  ".py": "python",
  ".go": "go",
  ".rs": "rust",
  ".rb": "ruby",
  ".java": "java",
  ".kt": "java",
  ".c": "c",
  ".h": "c",
  ".cc": "c",
  ".cpp": "c",
  ".hpp": "c",
};

/** Null for a language without mutants. */
export function languageOf(path: string): Language | null {
  const name = byExtension[posix.extname(path)];
  return name === undefined || path.endsWith(".d.ts") ? null : languages[name];
}

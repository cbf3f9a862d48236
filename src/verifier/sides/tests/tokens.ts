import type { Language } from "../languages.ts";

/**
 * Splits a text into words, strings and marks, without comments and layout, so that two texts
 * compare by meaning. Comments that tools obey are kept, and in Python the indentation. Pure, one
 * pass, and it never throws: text that it does not understand becomes single marks.
 */
export type Token = {
  kind: "word" | "string" | "number" | "mark" | "indent" | "directive";
  text: string;
  start: number;
  end: number;
};

const maxLength = 1024 * 1024;
const word = /[\p{L}_$@][\p{L}\p{N}_$]*/uy;
const number = /\d[\w.]*/y;
const directive =
  /^[#/*!\s]*(@[\w-]+|[\w-]+:|go:|\+build|eslint|istanbul|c8 |v8 |vitest|jest|pragma|pylint|noqa|type:|fmt:|prettier|biome|pytest|doctest|coding|ts-|ts_|tslint|nolint|shellcheck|rubocop|frozen_string|NOLINT|nyc|node:)/i;
const operators =
  /===|!==|==|!=|<=>|<=|>=|=>|->|&&|\|\||\?\?|\?\.|\.\.\.|::|:=|\+=|-=|\*=|\/=|\|=|&=|\*\*|<<|>>|\+\+|--|=~|!~/y;

/** Languages whose comments start with `#`. */
const hash: ReadonlySet<Language> = new Set(["python", "ruby", "perl", "shell", "php"]);
const slash: ReadonlySet<Language> = new Set(["js", "rust", "go", "java", "c", "php"]);

export function tokenize(text: string, language: Language): Token[] {
  const source = text.slice(0, maxLength);
  const tokens: Token[] = [];
  const isHash = hash.has(language);
  const isSlash = slash.has(language);
  const indents = [0];
  const opened: string[] = [];
  let depth = 0;
  let at = 0;
  let lineStart = true;
  const push = (kind: Token["kind"], end: number, as?: string) => {
    tokens.push({ kind, text: as ?? source.slice(at, end), start: at, end });
    at = end;
  };
  const skipTo = (end: number) => {
    const comment = source.slice(at, end);
    if (directive.test(comment.slice(0, 200)) || (at === 0 && comment.startsWith("#!"))) {
      push("directive", end, comment.trim());
    } else at = end;
  };
  const lineEnd = () => {
    const end = source.indexOf("\n", at);
    return end < 0 ? source.length : end;
  };
  while (at < source.length) {
    const char = source[at] ?? "";
    if (char === "\n") {
      if (language === "js") endJavaScriptLine(tokens, at, opened.at(-1) === "(");
      at++;
      lineStart = true;
      continue;
    }
    if (language === "python" && lineStart && depth === 0) {
      let end = at;
      let width = 0;
      for (; source[end] === " " || source[end] === "\t"; end++)
        width += source[end] === "\t" ? 8 : 1;
      const next = source[end];
      if (next !== undefined && next !== "\n" && next !== "\r" && next !== "#") {
        while (width < (indents.at(-1) ?? 0)) indents.pop();
        if (width > (indents.at(-1) ?? 0)) indents.push(width);
        at = end;
        tokens.push({ kind: "indent", text: `\n${indents.length - 1}`, start: at, end: at });
        lineStart = false;
        continue;
      }
      at = end;
      lineStart = false;
      if (next !== "#") continue;
    }
    lineStart = false;
    if (/\s/.test(char) || (char === "\\" && source[at + 1] === "\n")) {
      at++;
      continue;
    }
    if (isSlash && char === "/" && source[at + 1] === "/") {
      skipTo(lineEnd());
      continue;
    }
    if (isSlash && char === "/" && source[at + 1] === "*") {
      const end = source.indexOf("*/", at + 2);
      skipTo(end < 0 ? source.length : end + 2);
      continue;
    }
    if (
      isHash &&
      char === "#" &&
      !(language === "perl" && source[at - 1] === "$") &&
      !(language === "shell" && /[\w${]/.test(source[at - 1] ?? " "))
    ) {
      skipTo(lineEnd());
      continue;
    }
    if (char === '"' || char === "'" || char === "`") {
      const end = stringEnd(source, at, language);
      if (end !== null) {
        push("string", end, plainString(source.slice(at, end), language));
        continue;
      }
      push("mark", at + 1);
      continue;
    }
    if (
      char === "/" &&
      (language === "js" || language === "ruby" || language === "perl") &&
      mayBeginRegex(tokens)
    ) {
      const end = regexEnd(source, at);
      if (end !== null) {
        push("string", end);
        continue;
      }
    }
    word.lastIndex = at;
    const found = word.exec(source)?.[0];
    if (found !== undefined) {
      const quote = source[at + found.length];
      if (
        quote === '"' ||
        quote === "'" ||
        (quote === "#" && language === "rust" && /^b?r$/.test(found))
      ) {
        const end = prefixedEnd(source, at, found, language);
        if (end !== null) {
          push("string", end);
          continue;
        }
      }
      push("word", at + found.length);
      continue;
    }
    number.lastIndex = at;
    const digits = number.exec(source)?.[0];
    if (digits !== undefined) {
      push("number", at + digits.length);
      continue;
    }
    if ("([{".includes(char)) opened.push(char);
    if (")]}".includes(char)) opened.pop();
    if ("([{".includes(char)) depth++;
    if (")]}".includes(char)) depth = Math.max(0, depth - 1);
    operators.lastIndex = at;
    const operator = operators.exec(source)?.[0];
    push("mark", at + (operator?.length ?? 1));
  }
  return tokens;
}

/** A `;` at the end of a line is dropped as redundant; a `return` there returns nothing. */
function endJavaScriptLine(tokens: Token[], at: number, inParentheses: boolean): void {
  const last = tokens.at(-1);
  if (last?.kind === "mark" && last.text === ";" && last.end <= at && !inParentheses) tokens.pop();
  const word = tokens.at(-1);
  if (word?.kind === "word" && /^(return|throw|break|continue|yield)$/.test(word.text)) {
    tokens.push({ kind: "mark", text: endOfLine, start: word.end, end: word.end });
  }
}

const endOfLine = "⏎";

function stringEnd(text: string, start: number, language: Language): number | null {
  const quote = text[start] ?? "";
  if (language === "python" && text.startsWith(quote.repeat(3), start)) {
    return closing(text, start + 3, quote.repeat(3), true);
  }
  if (language === "rust" && quote === "'") {
    const char = /'(\\[^\n]{1,10}?|[^\\'\n])'/y; // else it is a lifetime
    char.lastIndex = start;
    const found = char.exec(text)?.[0];
    return found === undefined ? null : start + found.length;
  }
  if (quote === "`") {
    if (language === "go") return closing(text, start + 1, "`", false);
    return language === "js" ? templateEnd(text, start) : closing(text, start + 1, "`", true);
  }
  const lines =
    language !== "js" &&
    language !== "go" &&
    language !== "c" &&
    language !== "java" &&
    language !== "python";
  return closing(text, start + 1, quote, true, lines);
}

/** The end of a string; null when its line does not end it. */
function closing(
  text: string,
  from: number,
  quote: string,
  escapes: boolean,
  lines = quote.length > 1 || quote === "`",
): number | null {
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === "\\") at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
    else if (!lines && text[at] === "\n") return null;
  }
  return null;
}

function templateEnd(text: string, start: number): number | null {
  const open: string[] = ["`"];
  for (let at = start + 1; at < text.length; at++) {
    const top = open.at(-1);
    if (text[at] === "\\") at++;
    else if (top === "`") {
      if (text[at] === "`") open.pop();
      else if (text[at] === "$" && text[at + 1] === "{") {
        open.push("{");
        at++;
      }
    } else if (text[at] === "`" || text[at] === "{") open.push(text[at] ?? "");
    else if (text[at] === "}") open.pop();
    if (open.length === 0) return at + 1;
    if (open.length > 50) return null;
  }
  return null;
}

function prefixedEnd(
  text: string,
  start: number,
  prefix: string,
  language: Language,
): number | null {
  const at = start + prefix.length;
  if (language === "rust" && /^b?r$/.test(prefix)) {
    const hashes = /#{0,20}"/y;
    hashes.lastIndex = at;
    const found = hashes.exec(text)?.[0];
    if (found === undefined) return null;
    const end = text.indexOf(`"${"#".repeat(found.length - 1)}`, at + found.length);
    return end < 0 ? null : end + found.length;
  }
  if (language === "python" && /^[rbfuRBFU]{1,2}$/.test(prefix))
    return stringEnd(text, at, language);
  if (
    (language === "rust" && prefix === "b") ||
    (language === "c" && /^(L|u8?|U|R)$/.test(prefix))
  ) {
    return stringEnd(text, at, language);
  }
  return null;
}

function mayBeginRegex(tokens: readonly Token[]): boolean {
  const last = tokens.at(-1);
  if (!last) return true;
  if (last.kind === "word")
    return /^(return|typeof|case|in|of|and|or|not|if|unless|when|split|grep|like|unlike)$/.test(
      last.text,
    );
  return last.kind === "mark" && !/^[)\]}]$/.test(last.text);
}

function regexEnd(text: string, start: number): number | null {
  let inClass = false;
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at];
    if (char === "\n") return null;
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) {
      const flags = /[a-z]*/y;
      flags.lastIndex = at + 1;
      return at + 1 + (flags.exec(text)?.[0].length ?? 0);
    }
  }
  return null;
}

/** 'a' and "a" are the same string in JavaScript and Python. */
function plainString(text: string, language: Language): string {
  if ((language === "js" || language === "python") && /^'[^'"\\\n]*'$/.test(text))
    return `"${text.slice(1, -1)}"`;
  return text;
}

/** Texts of tokens for comparing, without commas that only close a list over several lines. */
export function meaningOf(tokens: readonly Token[], language: Language): string[] {
  const out: string[] = [];
  for (const [at, { text, kind }] of tokens.entries()) {
    const last = out.at(-1);
    if (kind === "mark" && /^[)\]}]$/.test(text) && last === "," && canDrop(tokens, at, language))
      out.pop();
    out.push(text);
  }
  return out;
}

/** A comma makes a tuple of one element, and `[,]` is not empty. */
function canDrop(tokens: readonly Token[], close: number, language: Language): boolean {
  const before = tokens[close - 2]?.text ?? "";
  if (/^[,([{]$/.test(before)) return false;
  if (language !== "python" || tokens[close]?.text !== ")") return true;
  let depth = 0;
  for (let at = close - 2; at >= 0 && at > close - 5_000; at--) {
    const text = tokens[at]?.text ?? "";
    if (tokens[at]?.kind !== "mark") continue;
    if (/^[)\]}]$/.test(text)) depth++;
    else if (/^[([{]$/.test(text)) {
      if (depth === 0) return tokens[at - 1]?.kind === "word";
      depth--;
    } else if (text === "," && depth === 0) return true;
  }
  return false;
}

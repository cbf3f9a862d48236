import type { Language } from "./languages.ts";

/**
 * Masks a text: comments become blanks and strings are filled. The result has the text's length, so
 * that offsets agree. Strings are listed because an emptied string is a fault, too.
 */
export type Masked = { code: string; strings: { start: number; end: number }[] };

/** Fills strings: neither a space nor part of a word. */
const someValue = "\u0001";

export function maskText(text: string, language: Language): Masked {
  const strings: Masked["strings"] = [];
  const pieces: string[] = [];
  let codeFrom = 0;
  let at = 0;
  const blank = (start: number, end: number, filler = " ") => {
    pieces.push(text.slice(codeFrom, start), text.slice(start, end).replace(/[^\n]/g, filler));
    codeFrom = end;
    at = end;
  };
  while (at < text.length) {
    if (text.startsWith(language.lineComment, at)) {
      blank(at, orEnd(text.indexOf("\n", at), text));
      continue;
    }
    const [open, close] = language.blockComment ?? [];
    if (open !== undefined && close !== undefined && text.startsWith(open, at)) {
      const end = text.indexOf(close, at + open.length);
      blank(at, end < 0 ? text.length : end + close.length);
      continue;
    }
    const raw = language.name === "rust" ? findRawString(text, at) : null;
    if (raw !== null) {
      strings.push({ start: at, end: raw });
      blank(at, raw, someValue);
      continue;
    }
    const quote = language.quotes.find((each) => text.startsWith(each, at));
    if (quote !== undefined) {
      const end = endOfString(text, at, quote);
      strings.push({ start: at, end });
      blank(at, end, someValue);
      continue;
    }
    const other = language.name === "rust" ? findChar(text, at) : findRegex(text, at, language);
    if (other !== null) blank(at, other, someValue);
    else at++;
  }
  pieces.push(text.slice(codeFrom));
  return { code: pieces.join(""), strings };
}

function orEnd(index: number, text: string): number {
  return index < 0 ? text.length : index;
}

/** An unclosed string of one line ends with its line. */
function endOfString(text: string, start: number, quote: string): number {
  const isLong = quote.length === 3 || quote === "`";
  for (let at = start + quote.length; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text.startsWith(quote, at)) return at + quote.length;
    else if (text[at] === "\n" && !isLong) return at;
  }
  return text.length;
}

/** In Rust `'a'` and `'\n'` are characters; `'a` is a lifetime. */
function findChar(text: string, at: number): number | null {
  if (text[at] !== "'") return null;
  const found = /^'(?:\\[^\n]{1,10}?|[^\\'\n])'/u.exec(text.slice(at, at + 16));
  return found ? at + found[0].length : null;
}

/** `r#"…"#`. */
function findRawString(text: string, at: number): number | null {
  if (text[at] !== "r" || /\w/.test(text[at - 1] ?? "")) return null;
  const [open, hashes = ""] = /^r(#{0,8})"/.exec(text.slice(at, at + 10)) ?? [];
  if (open === undefined) return null;
  const end = text.indexOf(`"${hashes}`, at + open.length);
  return end < 0 ? text.length : end + 1 + hashes.length;
}

/** A slash where a value may start opens a regular expression. */
function findRegex(text: string, at: number, { name }: Language): number | null {
  if (text[at] !== "/" || !["js", "ts", "ruby"].includes(name)) return null;
  const before = /(\S)\s{0,20}$/.exec(text.slice(Math.max(0, at - 22), at))?.[1] ?? "(";
  const isValue = /[(,=:[!&|?{};+\-*%~^<>]/.test(before);
  const isWord = /\b(return|typeof|case|in|of|if|and|or|when|unless)\s{0,20}$/.test(
    text.slice(Math.max(0, at - 30), at),
  );
  if (!isValue && !isWord) return null;
  let inClass = false;
  for (let end = at + 1; end < text.length && text[end] !== "\n"; end++) {
    const char = text[end];
    if (char === "\\") end++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return end + 1;
  }
  return null;
}

import { type Language, languageOf } from "./languages.ts";
import { type Masked, maskText } from "./mask.ts";

/**
 * Makes small faults in the lines that a change added: a bound moved, a condition negated, a call
 * left out. Each mutant holds one fault, so that a survivor names the unwatched line. Pure and
 * deterministic.
 */
export type ChangedSource = {
  path: string;
  /** The change's version of the file. */
  text: string;
  /** Lines that the change added or altered, counted from 1. */
  lines: readonly number[];
};

export type Mutant = {
  path: string;
  line: number;
  /** The replaced text and its replacement, as short as possible. */
  before: string;
  after: string;
  /** The whole file with the fault in it. */
  text: string;
};

type Fault = { start: number; end: number; after: string; before: string };

const maxText = 500_000;
const maxLineLength = 1_000;
const maxLines = 2_000;

/** Returns at most `max` mutants, spread over the files and lines. */
export function makeMutants(sources: readonly ChangedSource[], max: number): Mutant[] {
  const places: { source: ChangedSource; line: number; faults: Fault[] }[] = [];
  for (const source of sources) {
    const language = languageOf(source.path);
    if (!language || source.text.length > maxText) continue;
    for (const [line, faults] of findFaults(source, language))
      places.push({ source, line, faults });
  }
  const chosen: Mutant[] = [];
  for (let round = 0; chosen.length < max; round++) {
    const open = places.filter(({ faults }) => faults.length > round);
    if (open.length === 0) break;
    for (const { faults, line, source } of spread(open, max - chosen.length)) {
      const fault = faults[round];
      if (fault) chosen.push(apply(source, line, fault));
    }
  }
  return chosen;
}

/** Picks at most `room` items at even distances. */
function spread<T>(items: readonly T[], room: number): T[] {
  if (items.length <= room) return [...items];
  return Array.from(
    { length: room },
    (_, at) => items[Math.floor((at * items.length) / room)],
  ).filter((item) => item !== undefined);
}

function apply({ path, text }: ChangedSource, line: number, fault: Fault): Mutant {
  const { after, before, end, start } = fault;
  return { path, line, before, after, text: text.slice(0, start) + after + text.slice(end) };
}

/** Finds the faults of each line, the most telling first. */
function findFaults(source: ChangedSource, language: Language): Map<number, Fault[]> {
  const masked = maskText(source.text, language);
  const wanted = new Set(source.lines);
  const found = new Map<number, Fault[]>();
  let start = 0;
  let number = 0;
  for (const code of masked.code.split("\n")) {
    number++;
    const line = source.text.slice(start, start + code.length);
    if (language.testsFrom?.test(line)) break;
    const isOpen = wanted.has(number) && code.trim() !== "" && code.length <= maxLineLength;
    if (isOpen && !language.skip.test(line) && !onlySays(code)) {
      const faults = faultsOf({ code, line, start }, masked, language);
      if (faults.length > 0) found.set(number, faults);
    }
    start += code.length + 1;
    if (found.size >= maxLines) break;
  }
  return found;
}

type Line = { code: string; line: string; start: number };

function faultsOf(place: Line, masked: Masked, language: Language): Fault[] {
  const swapped = swaps.map(({ pattern, to, when }) =>
    when && !when(language) ? [] : swap(place, pattern, to),
  );
  const all = [
    ...swapped.slice(0, 5),
    turnRound(place, language),
    ...swapped.slice(5),
    leaveOut(place, language),
    returnNothing(place, language),
    moveNumber(place),
    emptyString(place, masked),
  ];
  return all.flat();
}

type Swap = {
  pattern: RegExp;
  to: (found: string) => string;
  when?: (language: Language) => boolean;
};

const opposite: Readonly<Record<string, string>> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "==": "!=",
  "!=": "==",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  and: "or",
  or: "and",
  "is not": "is",
  "not in": "in",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "+=": "-=",
  "-=": "+=",
  "++": "--",
  "--": "++",
  true: "false",
  false: "true",
  True: "False",
  False: "True",
};
const turn = (found: string) => opposite[found] ?? found;

const swaps: readonly Swap[] = [
  // With a space around it or before a number, because it may be a bracket of a type.
  {
    pattern: /(?<=\s)[<>]=?(?=\s)|(?<=[\w)\]])[<>]=?(?=[\d])|(?<=[\w)\]])[<>]=(?=[\w(])/g,
    to: turn,
  },
  { pattern: /(?<![=!<>])[=!]=(?![=>~])/g, to: turn },
  { pattern: /[=!]==/g, to: turn, when: ({ name }) => name === "js" || name === "ts" },
  { pattern: /&&|\|\||\?\?(?!=)/g, to: turn },
  { pattern: /(?<=[\s)])(?:and|or|is not|not in)(?=[\s(])/g, to: turn, when: ({ words }) => words },
  { pattern: /(?<=[\w)\]] )[+\-*/](?= [\w(])/g, to: turn },
  { pattern: /(?<=[\w)\]] )[+-]=(?= )|(?<=[\w)\]])(?:\+\+|--)(?![\w(])/g, to: turn },
  { pattern: /\b(?:true|false|True|False)\b/g, to: turn },
];

function swap({ code, start }: Line, pattern: RegExp, to: Swap["to"]): Fault[] {
  return [...code.matchAll(pattern)].map(({ 0: before, index }) => ({
    ...{ before, after: to(before), start: start + index, end: start + index + before.length },
  }));
}

function turnRound({ code, line, start }: Line, language: Language): Fault[] {
  const [, head = "", condition, tail = ""] = language.condition.exec(code) ?? [];
  if (condition === undefined || !isBalanced(condition)) return [];
  const from = head.length;
  const to = code.length - tail.length;
  const before = line.slice(from, to);
  return [{ before, after: language.not(before), start: start + from, end: start + to }];
}

/** Nobody tests log output. */
function onlySays(code: string): boolean {
  return statement.test(code) && saysOnly.test(code);
}

const complains = /\b(throw|raise|panic|bail|fail|\w*Error|\w*Exception)\b/;
const saysOnly =
  /^\s*(?:await\s+)?(?:this\.|self\.)?(?:console|logger|log|logging|print\w*|puts|debug|warn|fmt\.Print\w*|System\.out|assert\w*|super|expect)\b/;
const statement =
  /^(\s*)((?:await\s+)?[A-Za-z_$][\w$]*(?:(?:\?\.|\.|::|->)[A-Za-z_$][\w$]*)*[!?]?\(.*\)[?]?);?\s*$/;
const keyword =
  /^\s*(if|for|while|switch|return|throw|raise|catch|match|with|elif|function|def|func|yield|new|delete|defer|go|unless|until|when|else|do|case)\b/;

function leaveOut({ code, line, start }: Line, language: Language): Fault[] {
  const [, indent = "", call] = statement.exec(code) ?? [];
  if (call === undefined || keyword.test(code) || !isBalanced(call)) return [];
  // In Rust the last expression of a function, without semicolon, is its value.
  if (language.name === "rust" && !code.trimEnd().endsWith(";")) return [];
  const from = indent.length;
  const before = line.slice(from).trimEnd();
  return [
    {
      before,
      after: language.emptyStatement,
      start: start + from,
      end: start + from + before.length,
    },
  ];
}

function returnNothing({ code, line, start }: Line, { nothing }: Language): Fault[] {
  const [, head = "", value] = /^(.*\breturn\s+)([^;]*[^;\s{([,])\s*;?\s*$/.exec(code) ?? [];
  if (nothing === null || value === undefined || !isBalanced(value)) return [];
  if (/^(undefined|null|None|nil|void 0)$/.test(value.trim())) return [];
  const from = head.length;
  const before = line.slice(from, from + value.length);
  return [{ before, after: nothing, start: start + from, end: start + from + value.length }];
}

function moveNumber({ code, start }: Line): Fault[] {
  return [...code.matchAll(/(?<![\w.$#])\d{1,9}(?![\w.])/g)].map(({ 0: before, index }) => ({
    before,
    after: String(Number(before) + 1),
    start: start + index,
    end: start + index + before.length,
  }));
}

function emptyString({ code, line, start }: Line, { strings }: Masked): Fault[] {
  if (complains.test(code)) return [];
  return strings
    .filter((each) => each.start >= start && each.end <= start + code.length)
    .flatMap((each) => {
      const before = line.slice(each.start - start, each.end - start);
      const quote = /^["'`]/.exec(before)?.[0];
      const isPlain =
        quote !== undefined && before.length > 2 && !before.startsWith(quote.repeat(3));
      // A character is not a string.
      if (!isPlain || (quote === "'" && before.length === 3)) return [];
      return [{ before, after: quote + quote, start: each.start, end: each.end }];
    });
}

function isBalanced(code: string): boolean {
  let depth = 0;
  for (const char of code) {
    if ("([{".includes(char)) depth++;
    else if (")]}".includes(char) && --depth < 0) return false;
  }
  return depth === 0 && code.trim() !== "";
}

/**
 * Whether words that somebody gave ask for a change of a file, by naming it. Pure, and careful: "make
 * test/total.test.js pass" names a file and does not ask to edit it, "do not touch it" asks for the
 * opposite. What is not plain is no acceptance; somebody is asked then. Words are looked at one after
 * the other, so a text of any make costs no more than its length.
 */
const maxText = 100_000;
const maxQuote = 300;
const maxWord = 1_000;

const changing =
  /^(?:re)?(?:updat|chang|edit|writ|renam|mov|remov|delet|add|adjust|extend|generat|replac|adapt|bump|rework|modif|refresh|split|convert|migrat|correct|rewrit|regenerat|drop|creat|merg|tweak|alter|revis|amend|bring|accept|approv|simplif|reformat|skip|disabl|enabl|rebuild|upgrad|downgrad|pin|unskip|loosen|relax|weaken|increas|decreas|swap)(?:e|es|ed|ing|s|y|ies|ied|d|t|ten|ting|ping)?$/;
/** What stands between the verb and the file where the file is something else than what is changed. */
const turning = new Set(
  "so until that because since where when while if unless make makes making pass passes passing green see per against from like as according which who run runs running keep keeps keeping for with without by via using after before than satisfy satisfies satisfied match matches follow follows despite although but not".split(
    " ",
  ),
);
/** What is said of a file behind its name that shall stay as it is. */
const staying = new Set(
  "pass passes passing passed green succeed succeeds fail fails failing failed red work works stays stay remain remains unchanged untouched alone as-is".split(
    " ",
  ),
);
const denying = new Set(
  "not never no without nor neither don't dont doesn't mustn't mustnt shouldn't can't cannot won't avoid leave keep instead except unless nothing".split(
    " ",
  ),
);

/** The sentence of the text that asks to change this file; null: none does, or one forbids such a thing. */
export function quoteThatAsks(
  text: string,
  path: string,
  others: readonly string[],
): string | null {
  const names = namesOf(path, others);
  const sentences = splitSentences(text.slice(0, maxText));
  if (sentences.some((sentence) => forbids(sentence, names))) return null;
  const found = sentences.find((sentence) => asksFor(sentence, names));
  return found === undefined ? null : found.slice(0, maxQuote);
}

/** Whether the words name this file: by its path, or by its own name where no other file of the change has it. */
export function namesPath(text: string, path: string, others: readonly string[]): boolean {
  const names = namesOf(path, others);
  return toWords(text.slice(0, maxText)).some((word) => names.has(word));
}

/** Whether the words deny something, so that a quote of them says the opposite of what it seems to. */
export function denies(text: string): boolean {
  return toWords(text.slice(0, maxText)).some((word) => denying.has(word.toLowerCase()));
}

function namesOf(path: string, others: readonly string[]): ReadonlySet<string> {
  const base = baseOf(path);
  const isPlain = base === path;
  const isTelling = base.includes(".") || /^[A-Z]\w+$/.test(base) || isPlain;
  const isUnique = others.every((other) => other === path || baseOf(other) !== base);
  return new Set([path, `./${path}`, ...(isTelling && isUnique ? [base] : [])]);
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function asksFor(sentence: string, names: ReadonlySet<string>): boolean {
  const words = toWords(sentence);
  if (words.some((word) => denying.has(word.toLowerCase()))) return false;
  return words.some((word, at) => {
    if (!names.has(word)) return false;
    const behind = words.slice(at + 1).map((one) => one.toLowerCase());
    if (behind.some((one) => staying.has(one))) return false;
    for (let back = at - 1; back >= 0; back--) {
      const before = (words[back] ?? "").toLowerCase();
      if (turning.has(before)) return false;
      if (changing.test(before)) return true;
    }
    return false;
  });
}

/** A sentence that denies a change, of this file or of no file in particular. */
function forbids(sentence: string, names: ReadonlySet<string>): boolean {
  const words = toWords(sentence);
  const lower = words.map((word) => word.toLowerCase());
  const denial = lower.findIndex((word) => denying.has(word));
  if (denial < 0) return false;
  const namesIt = words.some((word) => names.has(word));
  const namesAny = words.some((word) => /[\w*]\.\w|\w\/\w/.test(word));
  const touches = lower.some((word) => changing.test(word) || /^touch(?:es|ing|ed)?$/.test(word));
  const isAboutRest = lower.some((word) => /^(?:else|others?|rest|otherwise)$/.test(word));
  return namesIt || (touches && !namesAny && !isAboutRest);
}

/** Sentences end at a full stop with a space behind it, at a line of its own, or at a list's next item. */
function splitSentences(text: string): string[] {
  return text
    .split(/\n|(?<=[.!?;])\s/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

/** Words and paths, without the quotes, brackets and stops around them. */
function toWords(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((word) => word.length <= maxWord)
    .map((word) => word.replace(/^[`'"(<[{*_]+/, "").replace(/[`'")>\]},;:!?*_]+$/, ""))
    .map((word) => (word.endsWith(".") ? word.slice(0, -1) : word))
    .map((word) => word.replace(/[`'")>\]},;:!?*_]+$/, "").replace(/’/g, "'"))
    .filter((word) => word !== "");
}

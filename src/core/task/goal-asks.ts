/**
 * Whether a text asks for a change to a file by naming it. Pure, and conservative: "make
 * test/total.test.js pass" names a file without asking to edit it, "do not touch it" asks for the
 * opposite. Anything unclear is no acceptance; a person is asked instead. Words are scanned one by
 * one, so the cost is linear in the length of any text.
 */
const maxText = 100_000;
const maxQuote = 300;
const maxWord = 1_000;

const changing =
  /^(?:re)?(?:updat|chang|edit|writ|renam|mov|remov|delet|add|adjust|extend|generat|replac|adapt|bump|rework|modif|refresh|split|convert|migrat|correct|rewrit|regenerat|drop|creat|merg|tweak|alter|revis|amend|bring|accept|approv|simplif|reformat|skip|disabl|enabl|rebuild|upgrad|downgrad|pin|unskip|loosen|relax|weaken|increas|decreas|swap)(?:e|es|ed|ing|s|y|ies|ied|d|t|ten|ting|ping)?$/;
/** Between the verb and the file, these mean that the file is not what is to be changed. */
const turning = new Set(
  "so until that because since where when while if unless make makes making pass passes passing green see per against from like as according which who run runs running keep keeps keeping for with without by via using after before than satisfy satisfies satisfied match matches follow follows despite although but not".split(
    " ",
  ),
);
/** After the file's name, these mean that the file is to stay as it is. */
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

/**
 * The sentence that asks to change this file; null if there is none, or if one forbids such a
 * change.
 */
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

/**
 * Whether the text names this file by its path, or by its base name if no other changed file has
 * it.
 */
export function namesPath(text: string, path: string, others: readonly string[]): boolean {
  const names = namesOf(path, others);
  return toWords(text.slice(0, maxText)).some((word) => names.has(word));
}

/**
 * Whether the text contains a denial, so that a quote of it may mean the opposite of what it seems
 * to.
 */
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

/** Whether the sentence denies a change, of this file or of no file in particular. */
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

/** Sentences end at punctuation followed by a space, or at a line break. */
function splitSentences(text: string): string[] {
  return text
    .split(/\n|(?<=[.!?;])\s/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== "");
}

/** Words and paths, without surrounding quotes, brackets and punctuation. */
function toWords(text: string): string[] {
  return text
    .split(/\s+/)
    .filter((word) => word.length <= maxWord)
    .map((word) => word.replace(/^[`'"(<[{*_]+/, "").replace(/[`'")>\]},;:!?*_]+$/, ""))
    .map((word) => (word.endsWith(".") ? word.slice(0, -1) : word))
    .map((word) => word.replace(/[`'")>\]},;:!?*_]+$/, "").replace(/’/g, "'"))
    .filter((word) => word !== "");
}

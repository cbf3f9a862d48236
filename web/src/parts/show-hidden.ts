/** Characters that change how text reads, or that nobody sees. */
const hiddenCharacter =
  "(?![\\t\\n]|\\ufe0f)[\\p{Cc}\\p{Cf}\\p{Default_Ignorable_Code_Point}\\u2028\\u2029]";
const hiddenCharacters = new RegExp(hiddenCharacter, "gu");
/** The same one again and again is one match: a file of zeros is not a mark for each. */
export const hiddenRuns = new RegExp(`(${hiddenCharacter})\\1*`, "gu");

export const nameCharacter = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Text from outside as plain text, for attributes and titles: hidden characters by their names. */
export const showHidden = (text: string): string =>
  text.replaceAll(hiddenCharacters, (character) => `‹${nameCharacter(character)}›`);

/** Characters that change how text reads, or that nobody sees. */
export const hiddenCharacters =
  /(?![\t\n]|\ufe0f)[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

export const nameCharacter = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

/** Text from outside as plain text, for attributes and titles: hidden characters by their names. */
export const showHidden = (text: string): string =>
  text.replaceAll(hiddenCharacters, (character) => `‹${nameCharacter(character)}›`);

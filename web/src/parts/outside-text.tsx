/**
 * Text from outside (agents, files, issues, people): always a text node, with characters that
 * change how text reads, or that nobody sees, shown by their code points.
 */
const hidden = /(?![\t\n]|\ufe0f)[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029]/gu;

export function OutsideText({ text }: { text: string }) {
  const parts: (string | preact.JSX.Element)[] = [];
  let from = 0;
  for (const match of text.matchAll(hidden)) {
    if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
    parts.push(text.slice(from, match.index), <Mark character={match[0]} />);
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}

/** The same as plain text, for attributes and titles. */
export const showHidden = (text: string): string =>
  text.replaceAll(hidden, (character) => `‹${code(character)}›`);

function Mark({ character }: { character: string }) {
  return (
    <mark
      class="hidden-character"
      title="a character that is not visible, or that changes the order of text"
    >
      {code(character)}
    </mark>
  );
}

const code = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;

import { hiddenRuns, nameCharacter } from "./show-hidden.ts";

/**
 * Text from outside (agents, files, issues, people): always a text node, with characters that
 * change how text reads, or that nobody sees, shown by their code points.
 */
export function OutsideText({ text }: { text: string }) {
  const parts: (string | preact.JSX.Element)[] = [];
  let from = 0;
  for (const match of text.matchAll(hiddenRuns)) {
    if (match[0] === "\r" && text[match.index + 1] === "\n") continue;
    parts.push(text.slice(from, match.index), <Mark run={match[0]} />);
    from = match.index + match[0].length;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}

function Mark({ run }: { run: string }) {
  const [character = ""] = run;
  const times = run.length / character.length;
  return (
    <mark
      class="hidden-character"
      title="a character that is not visible, or that changes the order of text"
    >
      {nameCharacter(character)}
      {times > 1 && ` ×${times}`}
    </mark>
  );
}

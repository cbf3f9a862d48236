/**
 * Outside text (issues, pull requests, run output) as a person saw it, without what a page would
 * hide from the reader but show to a model: HTML comments, invisible and direction-changing
 * characters, tag characters and variation selectors (which can smuggle whole sentences), control
 * characters and terminal colours. It is still data: see data-block.ts.
 */
export const maxOutsideBytes = 64 * 1024;

const escapeSequences =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is removed
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]{0,1000}(?:\u0007|\u001b\\))/g;
const unseen = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\p{Cs}\p{Co}]/gu;

/**
 * Clean and cap a text. The cap counts UTF-8 bytes, never splits a character, and leaves a note.
 */
export function cleanOutsideText(text: string, maxBytes: number = maxOutsideBytes): string {
  // Cleaning only shortens; bounding the input first keeps a 25 MB body cheap.
  const looked = text.slice(0, maxBytes * 4);
  const cleaned = withoutComments(
    looked
      .replace(/\r\n?|[\u2028\u2029\u0085]/g, "\n")
      .replace(escapeSequences, "")
      .replace(unseen, (character) => (character === "\n" || character === "\t" ? character : "")),
  );
  return capBytes(cleaned, maxBytes, text.length > looked.length);
}

/**
 * A comment becomes a space, so that the text around it cannot join into a new one. An unclosed
 * comment that starts a line hides the rest of the page, so the rest is removed; elsewhere it is
 * shown.
 */
function withoutComments(text: string): string {
  let result = "";
  let at = 0;
  for (;;) {
    const open = text.indexOf("<!--", at);
    if (open < 0) return result + text.slice(at);
    const close = text.indexOf("-->", open + 4);
    result += text.slice(at, open);
    if (close < 0) {
      // Checked on the result: a comment removed earlier on the line does not keep this one from
      // opening it.
      const line = result.slice(result.lastIndexOf("\n") + 1);
      return /^[\s>*+\-\d.)]*$/.test(line) ? result : result + text.slice(open);
    }
    result += " ";
    at = close + 3;
  }
}

function capBytes(text: string, maxBytes: number, alreadyCut: boolean): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= maxBytes && !alreadyCut) return text;
  const note = `\n[… cut here: only the first ${maxBytes} bytes are shown …]`;
  const room = bytes.subarray(0, Math.max(0, maxBytes - Buffer.byteLength(note)));
  // A streaming decoder holds back an incomplete last character instead of writing U+FFFD.
  return new TextDecoder().decode(room, { stream: true }) + note;
}

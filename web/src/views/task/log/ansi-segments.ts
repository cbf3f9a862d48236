import { AnsiUp } from "ansi_up";

/**
 * A log's text in segments of one look each. Only colours and weight are taken from its escape
 * sequences; every other sequence is left out, and the text stays text. Pure.
 */
export type Segment = { text: string; class: string };

type Colour = { class_name: string } | null;
/** What the parser keeps between packets; it has no name in its types. */
type Parser = {
  /** What is still to be read. */
  _buffer: string;
  append_buffer(text: string): void;
  get_next_packet(): { kind: number; text: string };
  process_ansi(packet: { kind: number; text: string }): void;
  fg: Colour;
  bg: Colour;
  bold: boolean;
  faint: boolean;
  italic: boolean;
  underline: boolean;
};
const kinds = { end: 0, text: 1, incomplete: 2, look: 5, link: 6 };

export function readSegments(text: string): Segment[] {
  const parser = new AnsiUp() as unknown as Parser;
  // A line that a program drew again and again is shown as often as it was drawn.
  parser.append_buffer(text.replace(/\r\n?/g, "\n"));
  const segments: Segment[] = [];
  for (;;) {
    const packet = parser.get_next_packet();
    if (packet.kind === kinds.end) return segments;
    // A sequence that never ends would hide all that comes after it.
    if (packet.kind === kinds.incomplete) parser._buffer = parser._buffer.slice(1);
    else if (packet.kind === kinds.look) parser.process_ansi(packet);
    else if ((packet.kind === kinds.text || packet.kind === kinds.link) && packet.text !== "")
      segments.push({ text: packet.text, class: classOf(parser) });
  }
}

function classOf({ bold, bg, faint, fg, italic, underline }: Parser): string {
  const names = [
    fg && colourName("fg", fg),
    bg && colourName("bg", bg),
    bold && "bold",
    faint && "faint",
    italic && "italic",
    underline && "underline",
  ];
  return names.filter(Boolean).join(" ");
}

/** Only the sixteen named colours, which fit both themes; any other is left out. */
function colourName(ground: string, { class_name }: { class_name: string }): string | null {
  const [, name] = /^ansi-(?:bright-)?(\w+)$/.exec(class_name) ?? [];
  return name === undefined ? null : `${ground}-${name}`;
}

import { memo } from "preact/compat";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { readSegments } from "./ansi-segments.ts";

/** A part of a log: coloured as its program meant, text all the same; what is searched is marked. */
export const LogText = memo(function LogText({ text, find }: { text: string; find: string }) {
  return (
    <div class="log-chunk">
      {readSegments(text).map((segment, index) => (
        <span key={index} class={segment.class}>
          <Found text={segment.text} find={find} />
        </span>
      ))}
    </div>
  );
});

function Found({ text, find }: { text: string; find: string }) {
  if (find === "") return <OutsideText text={text} />;
  const lower = text.toLowerCase();
  const parts: preact.JSX.Element[] = [];
  let from = 0;
  for (let at = lower.indexOf(find); at !== -1; at = lower.indexOf(find, from)) {
    parts.push(
      <OutsideText key={`t${at}`} text={text.slice(from, at)} />,
      <mark key={`m${at}`} class="found">
        <OutsideText text={text.slice(at, at + find.length)} />
      </mark>,
    );
    from = at + find.length;
  }
  parts.push(<OutsideText key="rest" text={text.slice(from)} />);
  return <>{parts}</>;
}

import "./log/ansi.css";
import { LogText } from "./log/log-text.tsx";

/** The end of what a command printed, as text with its colours. */
export function Output({ text, label }: { text: string; label: string }) {
  if (text.trim() === "") return <p class="soft">It printed nothing.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section class="output" tabIndex={0} aria-label={label}>
      <LogText text={text} find="" />
    </section>
  );
}

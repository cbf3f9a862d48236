import { OutsideText } from "../../parts/outside-text.tsx";

/** A link out of the page, only over http(s); anything else is shown as text. */
export function ForgeLink({ href, text }: { href: string | null; text: string }) {
  if (href === null || !/^https?:\/\//i.test(href))
    return (
      <code>
        <OutsideText text={text} />
      </code>
    );
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      <OutsideText text={text} />
    </a>
  );
}

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** A button that shows further choices below it; Escape, a choice and a click elsewhere close it. */
export function Menu({ label, children }: { label: string; children: ComponentChildren }) {
  const details = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = () => details.current?.removeAttribute("open");
  const leave = () => {
    close();
    details.current?.querySelector("summary")?.focus();
  };
  useEffect(() => {
    if (!isOpen) return;
    const press = ({ target }: PointerEvent) => {
      if (target instanceof Node && !details.current?.contains(target)) close();
    };
    addEventListener("pointerdown", press);
    return () => removeEventListener("pointerdown", press);
  }, [isOpen]);
  return (
    <details
      class="menu"
      ref={details}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      onClick={({ target }) => {
        if (target instanceof Element && target.closest(".menu-choices button")) leave();
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !details.current?.open) return;
        event.stopPropagation();
        leave();
      }}
      onFocusOut={({ relatedTarget }) => {
        if (relatedTarget instanceof Node && !details.current?.contains(relatedTarget)) close();
      }}
    >
      <summary class="button plain">{label}</summary>
      <div class="menu-choices">{children}</div>
    </details>
  );
}

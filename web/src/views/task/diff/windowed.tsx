import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/**
 * Draws its content while it is near the window, and keeps its height otherwise. `keep`: it must stay
 * drawn, because somebody writes in it or goes to it.
 */
export function Windowed({
  estimate,
  keep = false,
  children,
}: {
  /** Its height in pixels before it was drawn once. */
  estimate: number;
  keep?: boolean;
  children: () => ComponentChildren;
}) {
  const place = useRef<HTMLDivElement>(null);
  const height = useRef(estimate);
  const [near, setNear] = useState(false);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const entry = entries.at(-1);
        if (!entry) return;
        if (!entry.isIntersecting && entry.boundingClientRect.height > 0)
          height.current = entry.boundingClientRect.height;
        setNear(entry.isIntersecting);
      },
      { rootMargin: "600px 0px" },
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const drawn = near || keep;
  return (
    <div ref={place} style={drawn ? {} : { height: `${height.current}px` }}>
      {drawn && children()}
    </div>
  );
}

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { usePage } from "../data/page-context.ts";
import { Link, usePlace } from "../data/router.tsx";
import { useStore } from "../data/store.ts";
import { Banners } from "./banners.tsx";
import { Boundary } from "./boundary.tsx";
import { Keys } from "./keys.tsx";
import { LinkState } from "./link-state.tsx";

/** What is around every view: where one can go, and whether what is shown is live. */
const places = [
  { href: "/", label: "Inbox" },
  { href: "/tasks", label: "Tasks" },
  { href: "/new", label: "New" },
  { href: "/triggers", label: "Triggers" },
  { href: "/agents", label: "Agents" },
  { href: "/settings", label: "Settings" },
];

export function Shell({ children }: { children: ComponentChildren }) {
  const { path } = usePlace();
  const { live } = usePage();
  const { attention, link } = useStore(live.state);
  const view = viewOf(path);
  const content = useFocusOn(view);
  const isHere = (href: string) =>
    href === "/" ? path === "/" : path === href || path.startsWith(`${href}/`);
  return (
    <div class={`shell ${link === "stale" ? "stale" : ""}`}>
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="top">
        <Link href="/" class="brand">
          <img src="/icon.svg" alt="" width="24" height="24" /> Deputy
        </Link>
        <nav class="places" aria-label="Views">
          {places.map(({ href, label }) => (
            <Link key={href} href={href} aria-current={isHere(href) ? "page" : undefined}>
              {label}
              {href === "/" && attention > 0 && (
                <span class="count">
                  {attention}
                  <span class="unseen"> need you</span>
                </span>
              )}
            </Link>
          ))}
        </nav>
        <LinkState />
        <Keys />
      </header>
      <main id="content" tabIndex={-1} ref={content}>
        <Banners />
        <Boundary key={view}>{children}</Boundary>
      </main>
    </div>
  );
}

/** A task's tabs are one view. */
export const viewOf = (path: string): string => path.split("/").slice(1, 3).join("/");

/** Another view takes the focus, so that a screen reader and Tab begin at its content. */
function useFocusOn(view: string) {
  const content = useRef<HTMLElement>(null);
  const before = useRef(view);
  useEffect(() => {
    if (before.current === view) return;
    before.current = view;
    content.current?.focus({ preventScroll: true });
  }, [view]);
  return content;
}

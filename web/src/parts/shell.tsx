import type { ComponentChildren } from "preact";
import { usePage } from "../data/page-context.ts";
import { Link, usePlace } from "../data/router.tsx";
import { useStore } from "../data/store.ts";
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
      </header>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

/**
 * Where the page is: its path and query are the state of what is shown, so that an address can be
 * kept and shared. Never a secret: the code of `/pair` is in the fragment.
 */
export type Place = { path: string; query: URLSearchParams };

const changed = "deputy:place";

export function readPlace(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Goes to `href` of this page. `replace`: the place before is not kept in the history. */
export function go(href: string, { replace = false } = {}): void {
  history[replace ? "replaceState" : "pushState"](null, "", href);
  dispatchEvent(new Event(changed));
}

/** Sets (or with null removes) parts of the query, in place of the entry in the history. */
export function setQuery(changes: Record<string, string | null>): void {
  const { path, query } = readPlace();
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(text === "" ? path : `${path}?${text}`, { replace: true });
}

export function usePlace(): Place {
  const [place, setPlace] = useState(readPlace);
  useEffect(() => {
    const update = () => setPlace(readPlace());
    addEventListener("popstate", update);
    addEventListener(changed, update);
    return () => {
      removeEventListener("popstate", update);
      removeEventListener(changed, update);
    };
  }, []);
  return place;
}

/** A link within the page; with a modifier key it is the browser's. */
export function Link({
  href,
  children,
  ...rest
}: { href: string; children: ComponentChildren } & Record<string, unknown>) {
  const follow = (event: MouseEvent) => {
    const plain =
      event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!plain) return;
    event.preventDefault();
    go(href);
    scrollTo(0, 0);
  };
  return (
    <a href={href} onClick={follow} {...rest}>
      {children}
    </a>
  );
}

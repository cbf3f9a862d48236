import { useEffect } from "preact/hooks";
import { usePage } from "./page-context.ts";
import { useStore } from "./store.ts";

/** The name of the tab: how many things need you, and what is shown. */
export function useTitle(title: string): void {
  const { attention } = useStore(usePage().live.state);
  useEffect(() => {
    document.title = `${attention > 0 ? `(${attention}) ` : ""}${title} · Deputy`;
  }, [title, attention]);
}

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { AttentionView } from "../../../../src/api/attention.ts";
import { Link } from "../../data/router.tsx";
import { useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { useKeys } from "../../parts/keys.tsx";
import { Empty, Shown } from "../../parts/shown.tsx";
import { groupItems, mayChange, neighbourOf, nextChangeAt } from "./groups.ts";
import { Item } from "./item.tsx";
import "./inbox.css";

/**
 * What needs a person: the daemon's list, settled in place. What was settled here is hidden until the
 * list was read again; if it is still in it, it is shown again.
 */
export default function Inbox() {
  useTitle("Inbox");
  const items = useRef<AttentionView["items"]>([]);
  const list = useResource<AttentionView>("/v1/attention", (change) =>
    mayChange(change, items.current),
  );
  const { data, refresh } = list;
  items.current = data?.items ?? [];
  const [settled, setSettled] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setSettled(new Set()), [data]);
  useReadAgain(items.current, refresh);
  const groups = useMemo(() => groupItems(data?.items ?? [], settled), [data, settled]);
  const place = useRef<HTMLDivElement>(null);

  const settle = (id: string) => {
    const next = neighbourOf(groups, id);
    setSettled((before) => new Set(before).add(id));
    refresh();
    const target = next === null ? "h1" : `[data-item="${CSS.escape(next)}"]`;
    place.current?.querySelector<HTMLElement>(target)?.focus();
  };
  const move = (by: 1 | -1) => {
    const all = [...(place.current?.querySelectorAll<HTMLElement>("[data-item]") ?? [])];
    const at = all.findIndex((item) => item.contains(document.activeElement));
    all[at === -1 ? 0 : at + by]?.focus();
  };
  const keys = useKeys([
    { key: "j", words: "the next item", act: () => move(1) },
    { key: "k", words: "the item before", act: () => move(-1) },
    { key: "o", words: "open its task", act: () => press(".item-title a") },
    {
      key: "e",
      words: "its first answer",
      act: () => press(".item-ways textarea, .item-ways button"),
    },
  ]);

  return (
    <div ref={place} {...keys}>
      <h1 class="view-title" tabIndex={-1}>
        Inbox
      </h1>
      <Shown resource={list} skeleton={4}>
        {({ archived }) => (
          <>
            {groups.length === 0 && (
              <Empty title="Nothing needs you.">
                <p>
                  <Link href="/new" class="button primary">
                    Start a task
                  </Link>
                </p>
              </Empty>
            )}
            {groups.map(({ heading, items: own }) => (
              <section key={heading} class="tier">
                <h2>
                  {heading} <span class="tier-count">{own.length}</span>
                </h2>
                <ol class="cards">
                  {own.map((item) => (
                    <Item
                      key={item.id}
                      item={item}
                      settled={() => settle(item.id)}
                      refused={refresh}
                    />
                  ))}
                </ol>
              </section>
            ))}
            <Archived {...archived} />
          </>
        )}
      </Shown>
    </div>
  );
}

/** The focused item's own link or field. */
function press(selector: string) {
  const item = document.activeElement?.closest("[data-item]");
  const found = item?.querySelector<HTMLElement>(selector);
  if (found instanceof HTMLTextAreaElement) found.focus();
  else found?.click();
}

function Archived({ failed, ready }: { failed: number; ready: number }) {
  if (failed + ready === 0) return null;
  return (
    <p class="hint">
      Quiet for long, and not listed: {ready > 0 && `${ready} to accept`}
      {ready > 0 && failed > 0 && ", "}
      {failed > 0 && `${failed} failed`}. <Link href="/tasks">See all tasks</Link>
    </p>
  );
}

/** What no task's change tells of: an item that expires, a full volume, a broken file. */
function useReadAgain(items: AttentionView["items"], refresh: () => void) {
  const at = nextChangeAt(items, Date.now());
  useEffect(() => {
    const everyMs = 60_000;
    const waitMs = at === null ? everyMs : Math.min(everyMs, at - Date.now() + 1_000);
    const timer = setInterval(
      () => {
        if (document.visibilityState === "visible") refresh();
      },
      Math.max(1_000, waitMs),
    );
    return () => clearInterval(timer);
  }, [at, refresh]);
}

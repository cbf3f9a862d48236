import type { ComponentType } from "preact";
import { lazy, Suspense } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { go, Link } from "../../data/router.tsx";
import { type Resource, useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { Boundary } from "../../parts/boundary.tsx";
import { useKeys } from "../../parts/keys.tsx";
import { showHidden } from "../../parts/show-hidden.ts";
import { Empty, Shown, Skeleton } from "../../parts/shown.tsx";
import { Head } from "./head.tsx";
import "./task.css";
import { taskHref, taskPath } from "./task-path.ts";
import type { Detail, TabProps } from "./types.ts";

/** One task: what it is and waits for at the top, and below one tab, which is loaded when it is shown. */
const tabs: Record<string, { label: string; view: ComponentType<TabProps> }> = {
  story: { label: "Story", view: lazy(() => import("./story/story.tsx")) },
  plan: { label: "Plan", view: lazy(() => import("./plan/plan.tsx")) },
  diff: { label: "Diff", view: lazy(() => import("./diff/diff.tsx")) },
  checks: { label: "Checks", view: lazy(() => import("./checks/checks.tsx")) },
  review: { label: "Review", view: lazy(() => import("./review/review.tsx")) },
  log: { label: "Log", view: lazy(() => import("./log/log.tsx")) },
  cost: { label: "Cost", view: lazy(() => import("./cost/cost.tsx")) },
};
const names = Object.keys(tabs);

export default function TaskView({ id = "", tab = "story" }: { id?: string; tab?: string }) {
  const name = tab in tabs ? tab : null;
  const asked = decodeURIComponent(id);
  const detail: Resource<Detail> = useResource<Detail>(taskPath(asked), (change) =>
    change.tasks.includes(detail.data?.task.id ?? asked),
  );
  const title = detail.data?.task.title;
  useTitle(title === undefined ? "Task" : showHidden(title));

  const bar = useRef<HTMLElement>(null);
  const isShown = detail.data !== null;
  useEffect(() => {
    // On a phone not all tabs fit: the one that is shown is in sight.
    const here = bar.current?.querySelector<HTMLElement>("[aria-current]");
    if (here && bar.current)
      bar.current.scrollLeft = here.offsetLeft - (bar.current.clientWidth - here.offsetWidth) / 2;
  }, [name, isShown]);

  const step = (by: number) => {
    const next = names[names.indexOf(name ?? "story") + by];
    if (next) go(taskHref(asked, next));
  };
  const keys = useKeys([
    { key: "[", words: "the tab before", act: () => step(-1) },
    { key: "]", words: "the next tab", act: () => step(1) },
  ]);

  if (detail.data === null && detail.problem && [400, 404].includes(detail.problem.status))
    return (
      <Empty title={detail.problem.message}>
        <p>
          <Link href="/tasks">See all tasks</Link>
        </p>
      </Empty>
    );
  const View = name === null ? null : tabs[name]?.view;
  return (
    <div class="task" {...keys}>
      <Shown resource={detail} skeleton={5}>
        {(data) => (
          <>
            <Head detail={data} refresh={detail.refresh} />
            <nav class="tabs" aria-label="Parts of the task" ref={bar}>
              {names.map((one) => (
                <Link
                  key={one}
                  href={taskHref(asked, one)}
                  aria-current={one === name ? "page" : undefined}
                >
                  {tabs[one]?.label}
                </Link>
              ))}
            </nav>
            <Boundary key={name} isLine>
              {View ? (
                <Suspense fallback={<Skeleton lines={5} />}>
                  <View detail={data} refresh={detail.refresh} />
                </Suspense>
              ) : (
                <Empty title="A task has no such tab." />
              )}
            </Boundary>
          </>
        )}
      </Shown>
    </div>
  );
}

import type { ComponentChildren } from "preact";
import type { Resource } from "../data/use-resource.ts";

/**
 * A resource, in each of its states: skeletons before it came, its problem in one sentence, and what
 * it holds. What was read before stays while it is read again.
 */
export function Shown<Body>({
  resource: { data, problem, refresh },
  skeleton = 3,
  children,
}: {
  resource: Resource<Body>;
  /** How many lines it will roughly have. */
  skeleton?: number;
  children: (data: Body) => ComponentChildren;
}) {
  if (data === null && problem === null) return <Skeleton lines={skeleton} />;
  return (
    <>
      {problem && (
        <p class="problem" role="alert">
          {problem.message}{" "}
          <button type="button" class="link" onClick={refresh}>
            Try again
          </button>
        </p>
      )}
      {data !== null && children(data)}
    </>
  );
}

export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" aria-busy="true" role="status">
      <span class="unseen">Loading</span>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} class="skeleton-line" />
      ))}
    </div>
  );
}

/** Nothing is here: what that means, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

import { useMemo } from "preact/hooks";
import { go } from "../../../data/router.tsx";
import { showHidden } from "../../../parts/show-hidden.ts";
import { taskHref } from "../task-path.ts";
import type { Subtask } from "../types.ts";
import { layOutGraph, type Node, nodeSize } from "./lay-out-graph.ts";

/** The plan as a picture: what waits for what; each subtask is a link to its log. */
const marks: Record<string, string> = {
  ...{ completed: "✓", failed: "×", waiting: "?", cancelled: "–", superseded: "–" },
  ...{ running: "◐", verifying: "◑", integrating: "◑", recovering: "◒" },
};
const tones: Record<string, string> = {
  ...{ completed: "good", failed: "bad", waiting: "ask" },
  ...{ running: "run", verifying: "run", integrating: "run", recovering: "run" },
};

export function PlanGraph({ taskId, subtasks }: { taskId: string; subtasks: readonly Subtask[] }) {
  const { nodes, edges, width, height } = useMemo(() => layOutGraph(subtasks), [subtasks]);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it
    <section class="plan-graph" tabIndex={0} aria-label="Graph of the plan">
      {/* biome-ignore lint/a11y/useSemanticElements: an svg cannot be a fieldset */}
      <svg
        role="group"
        aria-label={`${subtasks.length} subtasks and what they wait for`}
        width={width}
        height={height}
        viewBox={`0 0 ${width} ${height}`}
      >
        {edges.map(({ from, to, path }) => (
          <path key={`${from} ${to}`} class="edge" d={path} />
        ))}
        {nodes.map((node) => (
          <NodePicture key={node.subtask.key} taskId={taskId} node={node} />
        ))}
      </svg>
    </section>
  );
}

function NodePicture({ taskId, node: { subtask, x, y } }: { taskId: string; node: Node }) {
  const { depends_on, key, state, title } = subtask;
  const href = taskHref(taskId, "log", { subtask: key });
  const waits = depends_on.length === 0 ? "" : `, after ${depends_on.join(", ")}`;
  return (
    <a
      class={`node ${tones[state] ?? "off"}`}
      href={href}
      onClick={(event: MouseEvent) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go(href);
      }}
    >
      <title>{showHidden(`${key}: ${title}, ${state}${waits}`)}</title>
      <rect x={x} y={y} width={nodeSize.width} height={nodeSize.height} rx="8" />
      <text class="node-title" x={x + 12} y={y + 23}>
        {cut(showHidden(title), 25)}
      </text>
      <text class="node-state" x={x + 12} y={y + 43}>
        {`${marks[state] ?? "○"} ${state}`}
      </text>
    </a>
  );
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most - 1)}…`;

import { Graph, layout } from "@dagrejs/dagre";
import type { Subtask } from "../types.ts";

/** The plan as a picture: where each subtask stands, and the lines between. Pure. */
export type Node = { subtask: Subtask; x: number; y: number };
export type Edge = { from: string; to: string; path: string };
export type Picture = { nodes: Node[]; edges: Edge[]; width: number; height: number };

export const nodeSize = { width: 232, height: 56 };
/** Of more nodes nobody reads a picture: the list has them all. */
export const mostNodes = 200;

export function layOutGraph(subtasks: readonly Subtask[]): Picture {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 16, ranksep: 48, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Set(subtasks.map(({ key }) => key));
  for (const { key } of subtasks) graph.setNode(key, { ...nodeSize });
  for (const { key, depends_on } of subtasks)
    for (const on of depends_on) if (known.has(on)) graph.setEdge(on, key);
  layout(graph);
  const nodes = subtasks.map((subtask) => {
    const { x = 0, y = 0 } = graph.node(subtask.key) as { x?: number; y?: number };
    return { subtask, x: x - nodeSize.width / 2, y: y - nodeSize.height / 2 };
  });
  const edges = graph.edges().map((edge: { v: string; w: string }) => {
    const { points = [] } = graph.edge(edge) as { points?: { x: number; y: number }[] };
    return { from: edge.v, to: edge.w, path: toPath(points) };
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { nodes, edges, width, height };
}

const toPath = (points: readonly { x: number; y: number }[]): string =>
  points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${round(x)},${round(y)}`).join(" ");

const round = (value: number): number => Math.round(value * 10) / 10;

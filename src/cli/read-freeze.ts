import { taskListWire } from "../api/task/task-detail.ts";
import { connect } from "./client.ts";
import type { CliIo } from "./io.ts";
import { renderFreeze } from "./render/render-freeze.ts";

/**
 * The line that says why nothing goes on, for a verb after which somebody expects that; empty if
 * Deputy is not frozen. A daemon of an earlier version knows no freeze: its list has none.
 */
export async function readFreeze(io: Pick<CliIo, "env">): Promise<string> {
  const { value } = await connect(io).json(taskListWire, "GET", "/v1/tasks?limit=1");
  return renderFreeze(value.freeze);
}

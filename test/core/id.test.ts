import { expect, test } from "vitest";
import { lastTask, newId, readTaskPrefix } from "../../src/core/base/id.ts";

test("a task is named by its id or a beginning of it, with or without task_", () => {
  const id = newId("task");
  for (const typed of [id, id.slice(5), id.slice(0, 9), id.slice(5, 8)])
    expect(id.startsWith(readTaskPrefix(typed) ?? "none"), typed).toBe(true);
  const others = [
    "",
    "task_",
    "01",
    "sub_01kabc",
    "01kabc%",
    "01k_bc",
    `${id}0`,
    "hello",
    "01KABC",
  ];
  for (const typed of [...others, lastTask]) expect(readTaskPrefix(typed), typed).toBeNull();
});

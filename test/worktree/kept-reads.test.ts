import { expect, test } from "vitest";
import { keepReads } from "../../src/worktree/kept-reads.ts";

test("a value is read once, also by those that ask while it is read", async () => {
  const keep = keepReads<string>((text) => text.length);
  let reads = 0;
  const read = async () => `value ${++reads}`;
  expect(await Promise.all([keep("a", read), keep("a", read)])).toEqual(["value 1", "value 1"]);
  expect(await keep("a", read)).toBe("value 1");
});

test("the least recently used goes first when there is too much; errors are not kept", async () => {
  const keep = keepReads<string>((text) => text.length, 30);
  let reads = 0;
  const read = async () => `${++reads}`.padStart(9); // ten with its key
  for (const key of ["a", "b", "c", "a", "d"]) await keep(key, read);
  expect((await keep("a", read)).trim()).toBe("1");
  expect((await keep("b", read)).trim()).toBe("5");
  await expect(keep("e", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect((await keep("e", read)).trim()).toBe("6");
});

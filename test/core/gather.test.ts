import { expect, test } from "vitest";
import { gather } from "../../src/core/base/gather.ts";

test("what is asked for during a call goes into the next one, in order and up to the limit", async () => {
  const calls: number[][] = [];
  const doors: (() => void)[] = [];
  const double = gather(async (items: number[]) => {
    calls.push(items);
    await new Promise<void>((resolve) => doors.push(resolve));
    return items.map((item) => item * 2);
  }, 3);
  const open = async (count: number) => {
    while (doors.length < count) await new Promise((resolve) => setImmediate(resolve));
    doors[count - 1]?.();
  };
  const answers = [double(1)];
  while (calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
  answers.push(double(2), double(3), double(4), double(5));
  for (const count of [1, 2, 3]) await open(count);
  expect(await Promise.all(answers)).toEqual([2, 4, 6, 8, 10]);
  expect(calls).toEqual([[1], [2, 3, 4], [5]]);
});

test("a call that fails fails for all of it, and the next is made all the same", async () => {
  let calls = 0;
  const ask = gather(async (items: string[]) => {
    if (++calls === 1) throw new Error("no");
    return items;
  }, 10);
  const ends = await Promise.allSettled([ask("a"), ask("b")]);
  expect(ends.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await ask("c")).toBe("c");
});

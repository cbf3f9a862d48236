import { expect, test } from "vitest";
import { judgeMessages } from "../../src/delivery/messages/try-messages.ts";

const styles = [
  ["One", "Two"],
  ["feat: one", "feat: two"],
];
const judge = (output: string) => judgeMessages(".husky/commit-msg", output, styles);

test("the first wording of which the hook takes every message is delivered", () => {
  const taken = "deputy: 0.0=0 0.1=0 1.0=0 1.1=0 before=0\n";
  expect(judge(taken)).toEqual({ style: 0, note: null });
  expect(judge(`type is empty\n${taken.replace("0.1=0", "0.1=1")}`)).toEqual({
    style: 1,
    note: null,
  });
});

test("a hook that refuses all of them is told with its words, one that cannot run is told as that", () => {
  const red = "no ticket\nin it\ndeputy: 0.0=1 0.1=1 1.0=1 1.1=1 before=0\n";
  expect(judge(red)).toEqual({
    style: 0,
    note: ".husky/commit-msg refuses a message of its commits (no ticket in it)",
  });
  const unrun = {
    style: 0,
    note: expect.stringMatching(/were not tried: .husky\/commit-msg did not run/),
  };
  expect(judge(red.replace("before=0", "before=127"))).toEqual(unrun);
  expect(judge("")).toEqual(unrun);
});

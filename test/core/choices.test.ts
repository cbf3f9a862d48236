import { expect, test } from "vitest";
import {
  choicesSchema,
  listChoices,
  pickChoice,
  readChoices,
} from "../../src/core/attention/choices.ts";

test("two to four short lines that differ are choices; anything else is none", () => {
  expect(readChoices([" keep\nboth ", "drop it"])).toEqual(["keep both", "drop it"]);
  const hidden = "a\u202e\u200bb\u001b[31m";
  expect(readChoices([hidden, "c"])).toEqual(["ab", "c"]);
  for (const wrong of [
    undefined,
    "yes",
    [],
    ["one"],
    ["1", "2", "3", "4", "5"],
    ["a", "A"],
    ["a", " "],
    ["a", 2],
    ["a", "x".repeat(61)],
  ])
    expect(readChoices(wrong), JSON.stringify(wrong)).toEqual([]);
  expect(choicesSchema.safeParse(["one"]).error?.issues[0]?.message).toBe("must be 2 to 4");
});

test("an answer is a choice by its words, by its number, or something else", () => {
  const choices = ["Keep both", "Drop it", "3"];
  expect(pickChoice(choices, " keep BOTH ")).toBe("Keep both");
  expect(pickChoice(choices, "2")).toBe("Drop it");
  expect(pickChoice(choices, "3")).toBe("3");
  for (const other of ["0", "4", "22", "keep both, but rename"])
    expect(pickChoice(choices, other)).toBe(other);
  expect(pickChoice([], "1")).toBe("1");
  expect(listChoices(choices)).toBe("1: Keep both · 2: Drop it · 3: 3");
});

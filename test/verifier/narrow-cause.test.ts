import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Flip, narrowCause, type Part } from "../../src/verifier/experiments/narrow-cause.ts";

/** `src/a` is source, `test/a` a judge. */
function parts(...paths: string[]): Part[] {
  return paths.map((path) => ({
    key: path,
    path,
    side: path.startsWith("src/") ? ("source" as const) : ("judge" as const),
  }));
}

/** Answers by a rule, and writes down what it was asked. */
function asking(rule: (paths: string[]) => boolean | Flip) {
  const asked: string[][] = [];
  const flips = async (kept: Part[]): Promise<Flip> => {
    const paths = kept.map(({ path }) => path);
    asked.push(paths);
    const answer = rule(paths);
    return typeof answer === "string" ? answer : answer ? "green" : "red";
  };
  return { asked, flips };
}

const enough = { maxRuns: 100, deadline: Number.POSITIVE_INFINITY };

describe("the smallest part of a change that turns a check green", () => {
  test("the source alone is asked about first, then each of its few files", async () => {
    const { asked, flips } = asking((paths) => paths.includes("src/b"));
    const whole = parts("test/a", "src/a", "src/b", "fixtures/a");
    const found = await narrowCause({ parts: whole, flips, ...enough });
    expect(found.kept.map(({ path }) => path)).toEqual(["src/b"]);
    expect(found).toMatchObject({ smallest: true, runs: 3 });
    expect(asked).toEqual([["src/a", "src/b"], ["src/a"], ["src/b"]]);
  });

  test("what needs source and test is both; what needs no source is the judge alone", async () => {
    const both = asking((paths) => paths.includes("src/a") && paths.includes("test/a"));
    const whole = parts("src/a", "src/b", "test/a", "test/b");
    const found = await narrowCause({ parts: whole, ...both, ...enough });
    expect(found.kept.map(({ path }) => path)).toEqual(["src/a", "test/a"]);
    expect(found.smallest).toBe(true);
    const cheat = asking((paths) => paths.includes("fixtures/x"));
    const judged = await narrowCause({
      parts: parts("src/a", "fixtures/x"),
      ...cheat,
      ...enough,
    });
    expect(judged.kept.map(({ path }) => path)).toEqual(["fixtures/x"]);
  });

  test("one file needs no run, known answers are not asked for, and unknown is not green", async () => {
    const never = asking(() => {
      throw new Error("asked");
    });
    expect(await narrowCause({ parts: parts("src/a"), ...never, ...enough })).toMatchObject({
      smallest: true,
      runs: 0,
    });
    const known = [{ kept: parts("src/a"), answer: "green" as const }];
    const whole = parts("src/a", "test/a");
    const told = await narrowCause({ parts: whole, known, ...never, ...enough });
    expect(told.kept.map(({ path }) => path)).toEqual(["src/a"]);
    const open = asking(() => "unknown");
    const all = await narrowCause({ parts: whole, ...open, ...enough });
    expect(all.kept).toHaveLength(2);
  });

  test("a budget of runs or of time ends the search, and it is not called the smallest", async () => {
    const many = parts(...Array.from({ length: 40 }, (_, index) => `src/${index}`));
    const rule = (paths: string[]) => paths.includes("src/7") && paths.includes("src/31");
    const cut = await narrowCause({ parts: many, ...asking(rule), ...enough, maxRuns: 5 });
    expect(cut).toMatchObject({ smallest: false, runs: 5 });
    expect(rule(cut.kept.map(({ path }) => path))).toBe(true);
    let clock = 0;
    const late = await narrowCause({
      parts: many,
      ...asking(rule),
      maxRuns: 100,
      deadline: 3,
      now: () => clock++,
    });
    expect(late).toMatchObject({ smallest: false, runs: 3 });
  });
});

test("for any rule of 'needs these files' it ends with just them, or within its budget", async () => {
  const sizes = fc.integer({ min: 1, max: 24 });
  const setting = sizes.chain((size) =>
    fc.record({
      judges: fc.array(fc.boolean(), { minLength: size, maxLength: size }),
      needed: fc.subarray([...Array(size).keys()], { minLength: 1 }),
      maxRuns: fc.integer({ min: 0, max: 200 }),
      unknown: fc.boolean(),
    }),
  );
  await fc.assert(
    fc.asyncProperty(setting, async ({ judges, maxRuns, needed, unknown }) => {
      const whole: Part[] = judges.map((judge, at) => ({
        key: `${at}`,
        path: `f${at}`,
        side: judge ? "judge" : "source",
      }));
      const rule = (paths: string[]) => needed.every((at) => paths.includes(`f${at}`));
      const { asked, flips } = asking((paths) =>
        rule(paths) ? true : unknown ? "unknown" : "red",
      );
      const found = await narrowCause({ parts: whole, flips, ...enough, maxRuns });
      const kept = found.kept.map(({ path }) => path);
      expect(rule(kept)).toBe(true);
      expect(found.runs).toBe(asked.length);
      expect(asked.length).toBeLessThanOrEqual(maxRuns);
      expect(new Set(asked.map((paths) => paths.join())).size).toBe(asked.length);
      if (found.smallest) expect(kept).toHaveLength(needed.length);
    }),
    { numRuns: 300 },
  );
});

test("for any rule at all, what it calls the smallest is green and no part of it can go", async () => {
  const setting = fc.record({
    size: fc.integer({ min: 1, max: 7 }),
    salt: fc.integer(),
  });
  await fc.assert(
    fc.asyncProperty(setting, async ({ salt, size }) => {
      const whole = parts(...Array.from({ length: size }, (_, at) => `src/${at}`));
      const rule = (paths: string[]) => {
        if (paths.length === size) return true;
        if (paths.length === 0) return false;
        let hash = salt;
        for (const letter of paths.join()) hash = (hash * 31 + letter.charCodeAt(0)) | 0;
        return (hash & 3) === 0;
      };
      const found = await narrowCause({ parts: whole, ...asking(rule), ...enough });
      const kept = found.kept.map(({ path }) => path);
      expect(found.smallest).toBe(true);
      expect(rule(kept)).toBe(true);
      for (const path of kept) expect(rule(kept.filter((each) => each !== path))).toBe(false);
    }),
    { numRuns: 300 },
  );
});

import { expect, test } from "vitest";
import { makeLanes } from "../../src/triggers/run-lanes.ts";

/** Lanes whose rounds end when the test says so. */
function play() {
  const open = new Map<string, () => void>();
  const began: string[] = [];
  let waiting: string[] = [];
  let heard = () => {};
  const lanes = makeLanes<string>({
    list: async () => waiting,
    nameOf: (name) => name,
    round: (name) => {
      began.push(name);
      heard();
      return new Promise((end) => open.set(name, end));
    },
    log: () => {},
  });
  return {
    lanes,
    began,
    look: (...names: string[]) => {
      waiting = names;
      return lanes.fill();
    },
    end: (name: string) => open.get(name)?.(),
    /** Until so many rounds have begun. */
    until: async (count: number) => {
      while (began.length < count) await new Promise<void>((next) => (heard = next));
    },
  };
}

test("a slow lane holds up no other, and is run again after what came meanwhile", async () => {
  const { began, end, lanes, look, until } = play();
  await look("slow");
  await look("slow", "quick");
  expect(began).toEqual(["slow", "quick"]);
  end("quick");
  await look("slow", "quick");
  await until(3);
  expect(began).toEqual(["slow", "quick", "quick"]);
  end("slow");
  await until(4);
  expect(began.at(-1)).toBe("slow");
  const stopped = lanes.stop();
  for (const name of ["slow", "quick"]) end(name);
  await stopped;
  await look("slow");
  expect(began).toHaveLength(4);
});

test("more lanes than run at once wait for one to end, and none is forgotten", async () => {
  const { began, end, look, until } = play();
  const names = Array.from({ length: 20 }, (_, index) => `lane ${index}`);
  await look(...names);
  expect(began).toHaveLength(16);
  for (let ended = 0; ended < 4; ended++) {
    end(names[ended] ?? "");
    await until(17 + ended);
  }
  expect(began).toEqual(names);
});

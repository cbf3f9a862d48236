import { describe, expect, test } from "vitest";
import { waitFor } from "../support/scratch.ts";
import { withSmallHome } from "../support/small-home.ts";
import { canMount } from "../support/small-volume.ts";
import { until } from "../support/until.ts";

/**
 * A real volume with little free: what runs is finished and delivered, nothing new starts until there is
 * room again. The floor of 64 MB is 6.4 MB. Needs root, to mount it.
 */
const megabyte = 1024 * 1024;

describe.skipIf(!canMount)("a volume has little free", () => {
  const made = withSmallHome({ "README.md": "# Something\n" });
  const { deputy, repository, scratch, repositoryWith, submit } = made;
  const ready = async () => (await deputy.api("GET", "/readyz")).body;
  const untilLow = () =>
    until(async () => (await ready()).low_space.length > 0, "the daemon knows of it");
  const untilItWaits = (id: string) =>
    until(async () => {
      const why = (await deputy.cli(["why", id])).stdout;
      return why.includes(`The volume at ${deputy.home}`) && why;
    }, `${id} waits for space`);
  const waitsFor = async (id: string) =>
    (await deputy.events(id)).filter(({ type }) => type === "stage.parked").length;

  test("what runs ends and is delivered; what is new is accepted and waits; one push; room again: all goes on", async () => {
    const checked = await repositoryWith({
      "README.md": "# Checked\n",
      ".deputy/config.yaml": `checks:\n  - touch ${scratch.at("checks")}; ${waitFor(scratch.at("check-go"))}\n`,
    });
    const inCheck = await submit({
      goal: "Check it",
      repository: checked.path,
      agent: "command:echo ok > done.txt",
    });
    await scratch.until("checks");
    const runs = `touch ${scratch.at("runs")}; ${waitFor(scratch.at("go"))}; echo ok > done.txt`;
    const running = await submit({ goal: "Write it", agent: `command:${runs}` });
    await scratch.until("runs");

    made.home().leave(4 * megabyte);
    await untilLow();
    expect(await ready()).toMatchObject({ ready: true, problems: [] });
    const fresh = await submit({ goal: "Another", agent: "command:echo ok > other.txt" });
    expect(await untilItWaits(fresh)).toMatch(
      /has [34]\.\d MB free and a floor of 6\.4 MB \(min_free_mb\): nothing new starts until 8\.0 MB are free/,
    );
    const doctor = (await deputy.cli(["doctor"])).stdout;
    expect(doctor).toContain("a floor of 6.4 MB");

    // What runs goes on: the check is finished and delivered, the attempt ends and its check waits.
    await scratch.write("check-go");
    expect((await deputy.untilOver(inCheck)).state).toBe("completed");
    await scratch.write("go");
    await deputy.untilEvent(running, ({ type }) => type === "attempt.ended");
    await untilItWaits(running);
    await until(() => made.titles().includes("Deputy starts nothing new: little space"), "a push");

    // Between the floor and a quarter more nothing changes.
    made.home().restore();
    made.home().leave(7 * megabyte);
    expect((await ready()).low_space).toHaveLength(1);
    expect(await waitsFor(fresh)).toBe(1);

    made.home().restore();
    await ready();
    for (const id of [running, fresh]) {
      const task = await deputy.untilOver(id);
      expect(task.state, task.end_detail).toBe("completed");
      expect((await made.show(id)).attempts).toHaveLength(1);
    }
    expect(made.titles().filter((title) => title.includes("little space"))).toHaveLength(1);
    expect(repository.git("branch", "--list", "deputy/*").split("\n")).toHaveLength(2);
  });

  test("a daemon that starts on such a volume starts nothing, and without a floor everything", async () => {
    made.home().leave(4 * megabyte);
    await deputy.stop();
    await deputy.start();
    const id = await submit({ goal: "Third", agent: "command:echo ok > third.txt" });
    await untilItWaits(id);
    await deputy.stop();
    await deputy.start({ DEPUTY_MIN_FREE_MB: "0" });
    expect((await deputy.untilOver(id)).state).toBe("completed");
    expect((await ready()).low_space).toEqual([]);
    made.home().restore();
  });
});

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/** A daemon that dies at every start, before anything is done, comes up frozen; any other goes on. */
let phone: Phone;
beforeAll(async () => {
  phone = await startPhone();
});
afterAll(() => phone?.close());

const quick = (name: string) => ({ goal: name, agent: `command:echo ${name} > ${name}.txt` });

describe("killed before anything is done", () => {
  const { deputy, repository, scratch, show, submit } = withDeputy({
    files: { "README.md": "# Here\n" },
    env: () => phone.env,
  });
  const frozen = async () => (await deputy.api("GET", "/v1/freeze")).body.freeze;
  const killAndStart = async () => {
    await deputy.kill();
    await deputy.start();
  };
  const pushes = () => phone.titles().filter((title) => title.includes("crashed"));
  const begun = () => scratch.read("begun").then((text) => text.trim().split("\n").length);

  test("the third start in five minutes comes up frozen, says so, and pushes once", async () => {
    const agent = await scratch.agent(
      "patient.sh",
      `echo begun >> ${scratch.at("begun")}\n${waitFor(scratch.at("go"))}\necho done > done.txt`,
    );
    const id = await submit({ goal: "Be patient", agent });
    await scratch.until("begun");
    // It was planned: this daemon got something done. The next two only begin an attempt.
    for (const attempt of [2, 3]) {
      await killAndStart();
      await until(async () => (await begun()) === attempt, `attempt ${attempt} has begun`);
      expect(await frozen()).toBeNull();
    }
    await killAndStart();
    expect(await frozen()).toMatchObject({
      cause: "crash_loop",
      reason:
        "it started 3 times within 5 minutes, and each time died before it had finished a stage",
    });
    await until(async () => (await show(id)).subtasks[0].state === "ready", "recovery decided");
    const said =
      /Deputy is frozen since \S+: it started 3 times within 5 minutes, and each time died before/;
    for (const args of [["why", id], ["show", id], ["ls"], ["doctor"]])
      expect((await deputy.cli(args)).stdout, args.join(" ")).toMatch(said);

    // Further crashes are of the same loop.
    await killAndStart();
    await killAndStart();
    await until(() => pushes().length > 0, "it is pushed");
    expect((await show(id)).subtasks[0].state).toBe("ready");
    expect(await begun()).toBe(3);

    await scratch.write("go");
    const thawed = await deputy.cli(["thaw"]);
    expect(thawed.code, thawed.stderr).toBe(0);
    // Starts before the thaw count no more.
    await killAndStart();
    expect(await frozen()).toBeNull();
    expect((await deputy.untilOver(id)).state).toBe("completed");
    await until(
      () => phone.titles().some((title) => title.startsWith("Done")),
      "its end is pushed",
    );
    expect(pushes()).toEqual(["Deputy is frozen: it crashed again and again"]);
  });

  test("one that gets something done between crashes goes on, however often it is killed", async () => {
    for (const name of ["one", "two", "three", "four"]) {
      await killAndStart();
      const task = await deputy.run({ repository: repository.path, ...quick(name) });
      expect(task.state, task.end_detail).toBe("completed");
    }
    expect(await frozen()).toBeNull();
  });

  test("stops in order, starts long ago, and a brake that is switched off freeze nothing", async () => {
    for (let round = 0; round < 3; round++) {
      expect(await deputy.stop()).toBe(0);
      await deputy.start();
    }
    await killAndStart();
    await deputy.kill();
    await deputy.database?.query(
      "update processes set started_at = started_at - interval '6 minutes'",
    );
    await deputy.start();
    await killAndStart();
    expect(await frozen()).toBeNull();
    await deputy.kill();
    await deputy.start({ DEPUTY_CRASH_LOOP_BOOTS: "0" });
    expect(await frozen()).toBeNull();
    await deputy.kill();
    await deputy.start({ DEPUTY_CRASH_LOOP_BOOTS: "10" });
    expect(await frozen()).toBeNull();
    await killAndStart();
    expect(await frozen()).toMatchObject({ cause: "crash_loop" });
    expect((await deputy.cli(["thaw"])).code).toBe(0);
  });

  test("a limit that would freeze every start is refused in one sentence", async () => {
    await deputy.stop();
    const env = { DEPUTY_CRASH_LOOP_BOOTS: "1" };
    const { code, stderr } = await deputy.cli(["up"], { env });
    expect([code, stderr]).toEqual([
      2,
      "deputy: DEPUTY_CRASH_LOOP_BOOTS or crash_loop_boots must be 0, which turns the brake off, or at least 2, not 1.\n",
    ]);
    await deputy.start();
  });
});

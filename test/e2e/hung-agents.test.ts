import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** Agents that hang in silence are found, long before their time limit; slow ones are left alone. */
const stallS = 8;

const { deputy, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  config: `roles: {coder: {stall_minutes: ${stallS / 60}}}\n`,
});

async function story(id: string) {
  const { attempts }: Json = await show(id);
  const events = await deputy.events(id);
  const of = (wanted: string) =>
    events.filter(({ type }) => type === wanted).map(({ message }) => message);
  const ends = attempts.map(({ end_reason }: Json) => end_reason);
  return { ends, decided: of("recovery.decided"), progress: of("attempt.progressed") };
}

const hangs = {
  sleeps: "sleep 1000",
  "waits for its input": "mkfifo never; cat never",
  "is stopped by a signal": "kill -STOP $$",
  "waits for a child that is stopped": "sh -c 'kill -STOP $$' & wait",
  "sleeps in node": `node -e 'setInterval(() => {}, 1e6)'`,
};

test("one that hangs is asked to go on, is stopped, and continues in its files, uncounted", async () => {
  const ids = await Promise.all(
    Object.entries(hangs).map(([goal, hang]) => {
      const first = `echo half > work.txt; ${hang}`;
      // That it was asked is no word of a person, which the next run would be told.
      const told = `! grep "person said" "$DEPUTY_BRIEF_FILE" || exit 3`;
      const agent = `command:if [ -z "$DEPUTY_CONTINUES" ]; then ${first}; fi; ${told}; rm -f never; echo whole >> work.txt`;
      return submit({ goal, agent });
    }),
  );
  for (const id of ids) {
    const task = await deputy.untilOver(id);
    expect(task.state, `${task.goal}: ${task.end_detail}`).toBe("completed");
    const { decided, ends, progress } = await story(id);
    expect(ends, task.goal).toEqual(["stalled", "done"]);
    expect(progress).toContain("No sign of life for 4 s; it is asked to go on");
    expect(decided[0]).toMatch(
      /continues, not counted as an attempt \(it showed no sign of life for 8 s: no output, no processor time, nothing read or written by its (process|\d+ processes), no file changed\)/,
    );
    expect(repository.git("show", `${task.branch}:work.txt`)).toBe("half\nwhole");
  }
});

test("silent work is never stopped: it uses the processor, reads and writes, or changes files", async () => {
  const seconds = stallS + 4;
  const silent = {
    burns: `end=$(($(date +%s) + ${seconds})); while [ $(date +%s) -lt $end ]; do :; done`,
    burnsInChild: `node -e 'const end = Date.now() + ${seconds}000; while (Date.now() < end);'`,
    reads: `node -e 'const fs = require("fs"); setInterval(() => fs.readFileSync("README.md"), 200); setTimeout(() => process.exit(0), ${seconds}000)'`,
    detached: `setsid node -e 'const end = Date.now() + ${seconds}000; while (Date.now() < end);' & wait`,
  };
  const ids = await Promise.all(
    Object.entries(silent).map(([name, line]) =>
      submit({ goal: name, agent: `command:${line}; echo ${name} > ${name}.txt` }),
    ),
  );
  for (const id of ids) {
    const task = await deputy.untilOver(id);
    expect(task.state, `${task.goal}: ${task.end_detail}`).toBe("completed");
    const { ends, progress } = await story(id);
    expect(ends, task.goal).toEqual(["done"]);
    expect(progress.filter((message) => message.includes("sign of life"))).toEqual([]);
  }
});

test("time in which the daemon was stopped is no silence", async () => {
  const agent = await scratch.agent(
    "waits.sh",
    `touch ${scratch.at("began")}; ${waitFor(scratch.at("go"))}; echo done > work.txt`,
  );
  const id = await submit({ goal: "Wait through a stop", agent });
  await scratch.until("began");
  process.kill(deputy.pid(), "SIGSTOP");
  execFileSync("sleep", [String(stallS + 2)]); // the silence itself is what has to pass
  process.kill(deputy.pid(), "SIGCONT");
  await scratch.write("go");
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect((await story(id)).ends).toEqual(["done"]);
});

test("why says what was last seen of it", async () => {
  const line = `node -e 'console.log("here"); const end = Date.now() + 30000; while (Date.now() < end);'`;
  const id = await submit({ goal: "Be looked at", agent: `command:${line}` });
  await expect
    .poll(async () => (await deputy.api("GET", `/v1/tasks/${id}/why`)).body.subtasks[0]?.signs, {
      timeout: 20_000,
    })
    .toMatch(/processor time \d+ s ago.*; last heard \d+ s ago: /);
  const why = (await deputy.api("GET", `/v1/tasks/${id}/why`)).body.subtasks[0];
  expect(why.next).toMatch(
    /; its time limit of \d+ min ends it at about \d{4}-\S+Z, and \d+ s without/,
  );
  await deputy.api("POST", `/v1/tasks/${id}/cancel`);
  await deputy.untilOver(id);
});

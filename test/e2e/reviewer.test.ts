import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import type { Json } from "../support/deputy.ts";
import { answer, finding, found, makeReviewing, type Reviewing } from "../support/reviewing.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/**
 * After green checks somebody else reads the change. What blocks is what can be shown; it closes when
 * it cannot be shown any more, or when a third one finds the answer to it right.
 */
let stage: Reviewing;
beforeAll(async () => {
  stage = await makeReviewing();
});
afterAll(() => stage?.close());

const findings = (receipt: Json) => receipt.reviews[0].findings;
/** The first call says this, every other one that nothing is wrong (any more). */
const firstly = (first: string, then = found()) => `if [ $N = 1 ]; then
${first}
else
${then}
fi`;
const asked = (id: string) =>
  stage.deputy.untilEvent(id, ({ type }) => type === "question.asked").then(({ data }) => data);

describe.concurrent("one reviewer", () => {
  test("a finding with a failing command blocks, and closes once the command passes", async () => {
    const { task, receipt, page } = await stage.play("mended", {
      coder: `grep -q F1 "$DEPUTY_BRIEF_FILE" && echo careful >> work.txt
echo done >> work.txt; echo '{"summary": "coders-own-words"}'`,
      reviewer: firstly(found(finding())),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(2);
    expect(receipt.attempts[0]).toMatchObject({
      verdict: { result: "fail" },
      recovery: { action: "retry", failure: "review_blocked" },
    });
    expect(findings(receipt)).toMatchObject([{ id: "F1", state: "fixed", raised_on_attempt: 1 }]);
    expect(receipt.reviews[0]).toMatchObject({ rounds: 2, reviewers: [{ same_as_coder: false }] });
    expect(receipt.verified).toBe(true);
    expect(page).toContain("fixed in attempt 2: its command passes");
    expect(receipt.not_checked.join("\n")).not.toContain("not reviewed");
    const [first, second] = [
      await stage.brief("mended", "reviewer", 1),
      await stage.brief("mended", "reviewer", 2),
    ];
    expect(first).toContain("`test -s work.txt`: pass");
    expect(first).toContain("+done");
    expect(second).toMatch(
      /F1 \(priority 1\) work\.txt: it is not careful\s+its command: grep -q careful work\.txt\s+fixed in attempt 2/,
    );
    expect(second).toMatch(/Lines that changed since the last round[\s\S]*\n- work\.txt: 2\n/);
    expect(second).toContain("1\t start\n2\t+careful\n3\t+done\n");
    expect(first + second).not.toContain("coders-own-words");
    expect(await stage.brief("mended", "coder", 2)).toMatch(
      /BEGIN OUTSIDE TEXT \w+\nF1 \(priority 1\)/,
    );
  });

  test("evidence that does not hold is a note, whatever its priority", async () => {
    const { task, receipt } = await stage.play("made-up", {
      coder: "echo done >> work.txt",
      reviewer: found(
        finding({ priority: 0, evidence: { kind: "quote", text: "eval(input)" } }),
        finding({ priority: 0, evidence: { kind: "command", command: "grep -q done work.txt" } }),
        finding({ priority: 0, evidence: { kind: "command", command: "no-such-program-here" } }),
        finding({ priority: 2, evidence: { kind: "quote", text: "start\n  done" } }),
      ),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts).toHaveLength(1);
    expect(findings(receipt).map(({ closed, state }: Json) => [state, closed])).toEqual([
      ["note", expect.stringContaining("its evidence does not hold: it is not in work.txt")],
      ["note", expect.stringContaining("its evidence does not hold: it passes")],
      ["note", expect.stringContaining("could not be looked at: it could not start")],
      ["note", expect.stringContaining("priority 2 does not block")],
    ]);
  });

  test("a quote closes when it is gone, not when it went elsewhere", async () => {
    const { task, receipt } = await stage.play("moved", {
      coder: `echo "x = sloppy(1)" > part.txt
case $N in 1) cat part.txt >> work.txt; rm part.txt;; 2) echo more >> work.txt;; 3) rm part.txt; echo fine >> work.txt;; esac`,
      reviewer: firstly(found(finding({ evidence: { kind: "quote", text: "x =  sloppy(1)" } }))),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts.map(({ verdict }: Json) => verdict.result)).toEqual([
      "fail",
      "fail",
      "pass",
    ]);
    expect(findings(receipt)).toMatchObject([{ state: "fixed", raised_on_attempt: 1 }]);
    expect(await stage.brief("moved", "coder", 3)).toContain("is in part.txt now");
  });

  test("git tells a reviewer what changed, and not what the coder said of it", async () => {
    const { task, receipt } = await stage.play("silent", {
      coder: `echo done >> work.txt; echo '{"summary": "coders-own-words"}'`,
      reviewer: `git log --format=%B > "$SCENE.log"; git diff HEAD~1 > "$SCENE.diff"
${found()}`,
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.reviews[0].reviewers).toMatchObject([{ result: "done" }]);
    const told = (file: string) => stage.scratch.read(`silent.${file}`);
    expect(await told("log")).not.toContain("coders-own-words");
    expect(await told("diff")).toContain("+done");
    // What is delivered still says it.
    expect(stage.repository.git("log", "--format=%B", String(task.branch))).toContain(
      "coders-own-words",
    );
  });

  test("an answer that a judge finds right closes a finding, without a change", async () => {
    const { task, receipt, page } = await stage.play("answered", {
      coder: `echo done >> work.txt; echo '{"summary": "REBUTTAL F1: care was not asked for"}'`,
      reviewer: found(finding()),
      judge: answer({
        rulings: [{ finding: "F1", ruling: "falls", why: "the goal says nothing of it" }],
      }),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(findings(receipt)).toMatchObject([{ state: "rebutted", raised_on_attempt: 1 }]);
    expect(page).toContain("a judge agreed: the goal says nothing of it");
    expect(receipt.same_trees).toMatchObject([{ attempt: 1 }]);
    expect(page).toContain("the same tree as that of attempt 1");
    // The tree is the one that was reviewed: there was nothing to review again.
    expect(stage.calls("answered", "reviewer")).toBe(1);
    const told = await stage.brief("answered", "judge", 1);
    expect(told).toMatch(/Against F1\n[\s\S]*BEGIN OUTSIDE TEXT \w+\ncare was not asked for/);
  });

  test("an answer that a judge finds wrong closes nothing", async () => {
    const { task, receipt } = await stage.play("refuted", {
      coder: `[ $N -lt 3 ] || echo careful >> work.txt
echo "$N" >> work.txt; echo '{"summary": "REBUTTAL F1: trust me"}'`,
      reviewer: firstly(found(finding())),
      judge: answer({ rulings: [{ finding: "F1", ruling: "stands", why: "care matters" }] }),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(findings(receipt)).toMatchObject([{ state: "fixed", upheld: "care matters" }]);
    expect(receipt.attempts).toHaveLength(3);
    expect(await stage.brief("refuted", "coder", 3)).toContain(
      "It was doubted, and stands: care matters",
    );
  });

  test("a round without a change ends the loop: a person is asked, and may take it as it is", async () => {
    const id = await stage.submit("unmoved", {
      coder: "echo done >> work.txt",
      reviewer: found(finding()),
    });
    const { question } = await asked(id);
    expect(question).toContain("changed nothing in answer");
    expect(question).toContain("F1 (priority 1) work.txt: it is not careful");
    const why = await stage.deputy.cli(["why", id]);
    expect(why.stdout).toContain("accept");
    const said = await stage.deputy.cli(["answer", id, "accept"]);
    expect(said.code, said.stderr).toBe(0);
    expect((await stage.deputy.untilOver(id)).state).toBe("completed");
    const { receipt, page } = await stage.read(id);
    expect(findings(receipt)).toMatchObject([{ state: "accepted" }]);
    expect(page).toContain("accepted by a person");
    expect(receipt.attempts).toHaveLength(2);
    expect(stage.calls("unmoved", "reviewer")).toBe(1);
  });

  test("three rounds at most, then a person's word goes to the coder", async () => {
    const id = await stage.submit("endless", {
      coder: `if grep -q "as it is in the book" "$DEPUTY_BRIEF_FILE"; then echo careful >> work.txt; fi
echo "$N" >> work.txt`,
      reviewer: found(finding()),
    });
    const { question } = await asked(id);
    expect(question).toContain("3 rounds did not settle them");
    await stage.deputy.cli(["answer", id, "do it as it is in the book"]);
    expect((await stage.deputy.untilOver(id)).state).toBe("completed");
    const { receipt } = await stage.read(id);
    expect(receipt.attempts.map(({ recovery }: Json) => recovery?.action ?? null)).toEqual([
      ...["retry", "retry", "ask"],
      null,
    ]);
    expect(findings(receipt)).toMatchObject([{ state: "fixed" }]);
  });

  test("a model that reviews itself is said to be the same", async () => {
    const dispatch = `command:sh ${stage.scratch.at("dispatch.sh")}`;
    const { receipt, page } = await stage.play("itself", {
      coder: "echo done >> work.txt",
      reviewer: found(),
      task: { agent: dispatch },
    });
    expect(receipt.reviews[0].reviewers).toMatchObject([{ same_as_coder: true, result: "done" }]);
    expect(page).toContain("the same model as the coder's");
    expect(page).toContain("Nothing was found.");
  });

  test("a program is reviewed only where that was asked for", async () => {
    const { task, receipt } = await stage.play("quick", {
      coder: "echo done >> work.txt",
      reviewer: found(finding()),
      task: { assurance: undefined },
    });
    expect(task).toMatchObject({ state: "completed", assurance: null });
    expect(receipt.reviews).toEqual([]);
    expect(receipt.not_checked.join("\n")).toContain("not reviewed");
    expect(stage.calls("quick", "reviewer")).toBe(0);
  });

  test("deputy run takes how far to look, and nothing that it does not know", async () => {
    const { deputy, repository } = stage;
    const run = (level: string) =>
      deputy.cli([
        ...["run", "Nothing", "--repo", repository.path, "--agent", "command:true"],
        ...["--assurance", level, "--json"],
      ]);
    expect(JSON.parse((await run("high")).stdout)).toMatchObject({ assurance: "high" });
    const refused = await run("best");
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).toMatch(/assurance/);
  });
});

describe.concurrent("three reviewers", () => {
  test("do not see each other; what they disagree about is settled by one who took no part", async () => {
    const { task, receipt } = await stage.play("three", {
      coder: "echo done >> work.txt",
      reviewer: `case $N in
1)
${found(finding({ lines: { from: 1, to: 1 } }))}
;;
*)
${answer({ summary: "fine", findings: [], fine: [{ file: "work.txt", lines: { from: 1, to: 2 }, why: "read it" }] })}
;;
esac`,
      judge: answer({ rulings: [{ finding: "F1", ruling: "falls", why: "nobody needs it" }] }),
      task: { assurance: "high" },
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.reviews[0]).toMatchObject({
      assurance: "high",
      reviewers: [{ seat: 1 }, { seat: 2 }, { seat: 3 }],
      findings: [{ state: "overruled", closed: expect.stringContaining("nobody needs it") }],
    });
    expect(stage.calls("three", "judge")).toBe(1);
    expect(await stage.brief("three", "reviewer", 3)).not.toContain("it is not careful");
    expect(await stage.brief("three", "judge", 1)).toContain("found right: read it");
  });

  test("the same finding of two is one; priority 2 blocks", async () => {
    const { task, receipt } = await stage.play("agreed", {
      coder: `grep -q F1 "$DEPUTY_BRIEF_FILE" && echo careful >> work.txt; echo done >> work.txt`,
      reviewer: `if [ $N -le 2 ]; then
${found(finding({ priority: 2 }))}
else
${found()}
fi`,
      task: { assurance: "high" },
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(findings(receipt)).toMatchObject([{ id: "F1", priority: 2, state: "fixed" }]);
    expect(findings(receipt)[0].reviewers).toHaveLength(2);
    expect(stage.calls("agreed", "reviewer")).toBe(6);
  });
});

describe.concurrent("reviewers that do not do their part", () => {
  test("one that crashes leaves the work unreviewed, and that is said", async () => {
    const { task, receipt, page } = await stage.play("crash", {
      coder: "echo done >> work.txt",
      reviewer: "kill -9 $$",
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.reviews[0].reviewers).toMatchObject([{ result: "not_done" }]);
    expect(receipt.not_checked.join("\n")).toMatch(/review by .* was not done: crashed/);
    expect(receipt.not_checked.join("\n")).toContain("The code was not reviewed");
    const told = (await stage.deputy.events(task.id)).map(({ message }) => message);
    expect(told.filter((message) => message.startsWith("Review, round 1"))).toEqual([
      expect.stringMatching(
        /^Review, round 1, was not done; The review by .* was not done: crashed/,
      ),
    ]);
    expect(page).toMatch(/not done: crashed/);
  });

  test("under high assurance it is asked again; what stays unreviewed a person decides, and no attempt is lost", async () => {
    const once = await stage.play("crash-high", {
      coder: "echo done >> work.txt",
      reviewer: `if [ $N = 2 ]; then exit 3; fi
${found()}`,
      task: { assurance: "high" },
    });
    expect(once.task.state, once.task.end_detail).toBe("completed");
    expect(once.receipt.attempts).toHaveLength(1);
    expect(stage.calls("crash-high", "reviewer")).toBe(4);

    const id = await stage.submit("crash-on", {
      coder: "echo done >> work.txt",
      reviewer: "exit 3",
      task: { assurance: "high" },
    });
    for (const [answer, calls] of [
      ["review", 9],
      ["accept", 18],
    ] as const) {
      await until(async () => (await stage.read(id)).task.state === "waiting", "it asks");
      expect(stage.calls("crash-on", "reviewer")).toBe(calls);
      const { stdout } = await stage.deputy.cli(["why", id]);
      expect(stdout).toContain("the review was not done as it was asked for");
      expect((await stage.deputy.cli(["answer", id, answer])).code).toBe(0);
    }
    const over = await stage.deputy.untilOver(id);
    expect(over.state, over.end_detail).toBe("completed");
    const { receipt } = await stage.read(id);
    expect(stage.calls("crash-on", "reviewer")).toBe(18);
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.not_checked.join()).toMatch(/was not done: gave up: exit 3 \(tried 3 times\)/);
  });

  test("a bad answer is asked for once more, then it is none", async () => {
    const { task, receipt } = await stage.play("babble", {
      coder: "echo done >> work.txt",
      reviewer: `if [ $N = 1 ]; then
${answer({ verdict: "LGTM" })}
else
${found()}
fi`,
    });
    expect(task.state).toBe("completed");
    expect(receipt.reviews[0].reviewers).toMatchObject([{ result: "done" }]);
    expect(await stage.brief("babble", "reviewer", 2)).toContain(
      "does not fit the schema: findings",
    );

    const never = await stage.play("babble-on", {
      coder: "echo done >> work.txt",
      reviewer: `head -c 6000000 /dev/zero | tr '\\0' 'x' > big
printf '{"output":{"findings":[],"summary":"'; cat big; printf '"}}\\n'`,
    });
    expect(never.task.state).toBe("completed");
    expect(never.receipt.reviews[0].reviewers[0].detail).toMatch(/asked twice/);
    expect(stage.calls("babble-on", "reviewer")).toBe(2);
  });

  test("one that asks is told to judge by what it has", async () => {
    const { task, receipt } = await stage.play("curious", {
      coder: "echo done >> work.txt",
      reviewer: `if [ $N = 1 ]; then echo '{"question": "Was that meant?"}'; else
${found()}
fi`,
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.reviews[0].reviewers).toMatchObject([{ result: "done" }]);
    expect(await stage.brief("curious", "reviewer", 2)).toContain(
      'it asked instead of answering ("Was that meant?")',
    );
  });

  test("what a reviewer and its commands write is nobody's work, and paths outside are no evidence", async () => {
    const evil = "echo stolen >> work.txt; rm -rf other.txt .git; mkdir x && exit 1";
    const { task, receipt } = await stage.play("hostile", {
      coder: `grep -q "answer to it" "$DEPUTY_BRIEF_FILE" && touch ../never; echo done >> work.txt; echo '{"summary":"REBUTTAL F1: no"}'`,
      reviewer: `echo planted >> work.txt; rm other.txt
${found(
  finding({ evidence: { kind: "command", command: evil }, claim: "x <!-- hidden --> \u0007y" }),
  finding({ file: "../../../../etc/passwd", evidence: { kind: "quote", text: "root:x:0:0" } }),
  finding({ file: "/etc/passwd", evidence: { kind: "quote", text: "root:x:0:0" } }),
  finding({ file: ":(top)work.txt", evidence: { kind: "quote", text: "done" } }),
  finding({
    evidence: { kind: "command", command: "grep -q stolen work.txt && exit 1; test -e other.txt" },
  }),
)}`,
      judge: answer({ rulings: [{ finding: "F1", ruling: "falls", why: "it fails by itself" }] }),
    });
    expect(task.state, task.end_detail).toBe("completed");
    expect(findings(receipt).map(({ state }: Json) => state)).toEqual([
      ...["rebutted", "note", "note", "note", "note"],
    ]);
    expect(findings(receipt)[0].claim).toBe("x   y");
    const { repository } = stage;
    expect(repository.git("show", `${task.branch}:work.txt`)).toBe("start\ndone");
    expect(repository.git("show", `${task.branch}:other.txt`)).toBe("nothing to see");
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  test("cancelling ends a reviewer at work", async () => {
    const { scratch } = stage;
    const id = await stage.submit("endless-reading", {
      coder: "echo done >> work.txt",
      reviewer: `echo $$ > ${scratch.at("reader.pid")}.part; mv ${scratch.at("reader.pid")}.part ${scratch.at("reader.pid")}
${waitFor(scratch.at("never"))}`,
    });
    await scratch.until("reader.pid");
    expect((await stage.deputy.cli(["cancel", id])).code).toBe(0);
    expect((await stage.deputy.untilOver(id)).state).toBe("cancelled");
    const pid = Number(await scratch.read("reader.pid"));
    expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
  });
});

// Last, and alone: it kills the daemon of all of them.
test("a daemon that dies before it could say what the review found asks nobody twice", async () => {
  const { deputy } = stage;
  await deputy.stop();
  await deputy.start({ DEPUTY_FAULT: "verify:reported" });
  const id = await stage.submit("killed", {
    coder: "echo done >> work.txt",
    reviewer: found(finding({ priority: 3 })),
  });
  expect(await deputy.ended()).toBe("SIGKILL");
  await deputy.start();
  expect((await deputy.untilOver(id)).state).toBe("completed");
  const { receipt } = await stage.read(id);
  expect(findings(receipt)).toMatchObject([{ id: "F1", state: "note" }]);
  expect(stage.calls("killed", "reviewer")).toBe(1);
  expect(receipt.attempts).toHaveLength(1);
});

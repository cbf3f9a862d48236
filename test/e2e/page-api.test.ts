import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** What the page reads of a task: its change file by file, its log in parts, comments, money. */
const { deputy, repository, run, scratch } = withDeputy({
  files: {
    "keep.txt": "one\ntwo\nthree\nfour\nfive\n",
    "old name.txt": "This text stays as it is.\n".repeat(20),
    "gone.txt": "gone\n",
    "run.sh": "echo hi\n",
    "package-lock.json": "{}\n",
    ".deputy/config.yaml": "checks: []\n",
  },
  config: "backoff_ms: 1\n",
});

const get = async (path: string) => deputy.api("GET", path);
const script = async (name: string, text: string) =>
  `command:sh ${await scratch.write(name, text)}`;

test("a change file by file: renames, binary, generated and large files, each with its patch", async () => {
  const agent = await script(
    "change.sh",
    `set -e
sed -i s/two/2/ keep.txt
git mv "old name.txt" "näw 名.txt"
rm gone.txt
chmod +x run.sh
echo '{"a": 1}' > package-lock.json
printf 'a\\0b' > blob.bin
yes ${"x".repeat(79)} | head -n 30000 > big.txt
`,
  );
  const task = await run({ goal: "Change much", agent });
  expect(task.state, JSON.stringify(task)).toBe("completed");
  const { body: changes } = await get(`/v1/tasks/${task.id}/changes`);
  expect(changes).toMatchObject({ base: repository.git("rev-parse", "main"), truncated: false });
  const tree = repository.git("rev-parse", `${task.branch}^{tree}`);
  expect(changes.tree).toBe(tree);
  const byPath = Object.fromEntries(changes.files.map((file: Json) => [file.path, file]));
  const plain = { binary: false, generated: false, too_large: false, old_path: null };
  expect(byPath).toEqual({
    "keep.txt": { path: "keep.txt", status: "modified", added: 1, removed: 1, ...plain },
    "näw 名.txt": {
      ...{ path: "näw 名.txt", status: "renamed", added: 0, removed: 0, ...plain },
      old_path: "old name.txt",
    },
    "gone.txt": { path: "gone.txt", status: "deleted", added: 0, removed: 1, ...plain },
    "run.sh": { path: "run.sh", status: "mode", added: 0, removed: 0, ...plain },
    "package-lock.json": {
      ...{ path: "package-lock.json", status: "modified", added: 1, removed: 1, ...plain },
      generated: true,
    },
    "blob.bin": {
      ...{ path: "blob.bin", status: "added", added: null, removed: null, ...plain },
      binary: true,
    },
    "big.txt": { ...byPath["big.txt"], path: "big.txt", status: "added", too_large: true },
  });
  const patch = async (path: string, more = "") =>
    get(`/v1/tasks/${task.id}/changes/file?path=${encodeURIComponent(path)}${more}`);
  expect((await patch("keep.txt")).body).toMatchObject({
    ...{ tree, truncated: false, binary: false },
  });
  expect((await patch("keep.txt")).body.patch).toContain("\n-two\n+2\n");
  expect((await patch("näw 名.txt")).body.patch).toContain("similarity index 100%");
  expect((await patch("blob.bin")).body.binary).toBe(true);
  expect((await patch("big.txt")).body.patch.length).toBeLessThan(1_000);
  expect((await patch("keep.txt", "&attempt=1")).body.patch).toContain("\n-two\n+2\n");
  for (const path of ["nothing.txt", "../../etc/passwd", "/etc/passwd", ":(glob)**"]) {
    const { body, status } = await patch(path);
    expect([status, body.detail]).toEqual([404, `${task.id} did not change ${path}.`]);
  }
  expect((await get(`/v1/tasks/${task.id}/changes?attempt=9`)).status).toBe(404);
});

test("twenty thousand files are listed within bounds", async () => {
  const agent = await script(
    "many.sh",
    "rm keep.txt && mkdir keep.txt many && echo hi > keep.txt/x && cd many && seq 1 20000 | xargs touch && echo hi > 20000\n",
  );
  const task = await run({ goal: "Write many files", agent });
  const { body } = await get(`/v1/tasks/${task.id}/changes`);
  expect(body).toMatchObject({ truncated: true, total: 20_002 });
  expect(body.files).toHaveLength(5_000);
  expect(body.files[2]).toMatchObject({ status: "added", added: null });
  const unlisted = await get(`/v1/tasks/${task.id}/changes/file?path=many/20000`);
  expect(body.files.some(({ path }: Json) => path === "many/9999")).toBe(false);
  expect(unlisted.body.patch).toContain("\n+hi\n");
  // A folder is no file, nor is what is in one that took a file's place that file.
  expect((await get(`/v1/tasks/${task.id}/changes/file?path=many`)).status).toBe(404);
  const replaced = await get(`/v1/tasks/${task.id}/changes/file?path=keep.txt`);
  expect(replaced.body.patch).toContain("deleted file mode");
  expect(replaced.body.patch).not.toContain("keep.txt/x");
});

test("a log is read in parts of whole lines, however long it is", async () => {
  const agent = await script(
    "talk.sh",
    `for i in 1 2 3; do echo "line $i: äöü 名"; done; echo x > x.txt\n`,
  );
  const task = await run({ goal: "Talk", agent });
  const part = async (query: string) =>
    (await get(`/v1/tasks/${task.id}/log?format=json&${query}`)).body;
  const whole = await part("");
  expect(whole).toMatchObject({ from: 0, to: whole.total, ended: true });
  expect(whole.text).toContain("line 3: äöü 名\n");

  const found = await deputy.database?.query<{ log_path: string }>(
    "select log_path from app.attempts where task_id = $1",
    [task.id],
  );
  const path = found?.[0]?.log_path ?? "";
  await truncate(path, 0);
  await appendFile(path, `${"0123456789 äöü 名\n".repeat(20_000)}no newline at its end: 名`);
  const bytes = await readFile(path);
  let text = "";
  for (let from = 0; from < bytes.length; ) {
    const next = await part(`from=${from}&bytes=100000`);
    expect(next.from).toBe(from);
    expect(next.to).toBeGreaterThan(from);
    expect(next.total).toBe(bytes.length);
    text += next.text;
    from = next.to;
  }
  expect(text).toBe(bytes.toString("utf8"));
  const end = await part("from=-100");
  expect(end.text.startsWith("0123456789 äöü 名\n")).toBe(true);
  expect(end).toMatchObject({ to: bytes.length, ended: true });
  expect((await part("from=99999999")).text).toBe("");
  // Far more than may be read at once, and sparse: only what is asked for is read.
  await truncate(path, 1024 ** 3);
  expect(await part("from=0&bytes=64")).toMatchObject({ from: 0, total: 1024 ** 3 });
  expect((await part("from=-1000")).to).toBe(1024 ** 3);
});

test("a batch of comments is one rework, bound to the tree that was shown", async () => {
  const agent = await script(
    "rework.sh",
    `if [ -e b.txt ]; then sed -i s/two/TWO/ b.txt; else printf 'one\\ntwo\\nthree\\nfour\\n' > b.txt; fi\n`,
  );
  const task = await run({ goal: "Write b", agent });
  const path = `/v1/tasks/${task.id}`;
  const review = async (tree: string, ...comments: Json[]) =>
    deputy.api("POST", `${path}/reviews`, { tree, comments });
  const reviewOnce = async (tree: string, ...comments: Json[]) =>
    deputy.api("POST", `${path}/reviews`, { tree, comments }, { "idempotency-key": "once" });
  const list = async () => (await get(`${path}/comments`)).body;
  const { tree } = (await get(`${path}/changes`)).body;
  expect(await list()).toEqual({ tree, comments: [] });

  const about = (line: number, text: string, more = {}) => ({ path: "b.txt", line, text, ...more });
  for (const [comment, status, words] of [
    [about(9, "?"), 422, "b.txt has 4 lines in the change"],
    [about(1, "?", { path: "keep.txt" }), 422, "did not change keep.txt"],
    [about(3, "?", { end_line: 2 }), 400, "must not end before it starts"],
    [about(1, " "), 400, "must not be empty"],
  ] as const) {
    const refused = await review(tree, about(1, "fine"), comment);
    expect([refused.status, refused.body.detail]).toEqual([status, expect.stringContaining(words)]);
  }
  const unknown = await review("a".repeat(40), about(1, "?"));
  expect(unknown.status).toBe(409);
  expect(unknown.body).toMatchObject({ tree, moved: [null] });
  const place = (at: string) =>
    deputy.api("POST", `${path}/comments/place`, {
      tree: at,
      comments: [{ path: "b.txt", line: 2 }],
    });
  expect((await place(tree)).body).toEqual({ tree, moved: [{ line: 2, end_line: 2 }] });
  expect((await place("a".repeat(40))).body).toEqual({ tree, moved: [null] });
  expect((await list()).comments).toEqual([]);

  const sent = await reviewOnce(tree, about(2, "Louder"), about(3, "Why?", { end_line: 4 }));
  expect(sent.status, JSON.stringify(sent.body)).toBe(202);
  expect(sent.body.comments).toMatchObject([{ line: 2 }, { line: 3, end_line: 4 }]);
  await deputy.untilOver(task.id);
  const reworks = (await deputy.events(task.id)).filter(({ type }) => type === "subtask.reworked");
  expect(reworks.map(({ data }) => data.comments.length)).toEqual([2]);

  const after = await list();
  expect(after.tree).not.toBe(tree);
  // Whoever lost the answer asks again, when the work went on because of it.
  const again = await reviewOnce(tree, about(2, "Louder"), about(3, "Why?", { end_line: 4 }));
  expect(again.status, JSON.stringify(again.body)).toBeLessThan(300);
  expect(again.body.comments).toMatchObject([{ text: "Louder" }, { text: "Why?" }]);
  expect((await reviewOnce(tree, about(2, "Other"))).body.detail).toContain("Idempotency-Key");
  expect(after.comments).toMatchObject([
    { text: "Louder", state: "changed", outdated: true, side: "new", line: 2, end_line: 2 },
    { text: "Why?", state: "changed", outdated: false, side: "new", line: 3, end_line: 4 },
  ]);
  for (const { commit } of after.comments) expect(commit).toMatch(/^[0-9a-f]{40}$/);

  // What was seen is what is merged.
  const stale = await deputy.api("POST", `${path}/accept`, { tree });
  expect(stale.status).toBe(409);
  expect(stale.body.detail).toContain("moved on since it was shown, so nothing was merged");

  const late = await review(tree, about(2, "?"), about(3, "?", { end_line: 4 }));
  expect(late.status).toBe(409);
  expect(late.body).toMatchObject({
    ...{ tree: after.tree, moved: [null, { line: 3, end_line: 4 }], code: "conflict" },
    detail: expect.stringContaining("nothing was sent"),
  });

  // One of the command line is in the same list; the agent changes nothing more.
  const { code } = await deputy.cli(["comment", task.id, "b.txt:1", "All right?"]);
  expect(code).toBe(0);
  await deputy.untilOver(task.id);
  const [, , third] = (await list()).comments;
  expect(third).toMatchObject({ text: "All right?", state: "answered", commit: null });

  repository.git("checkout", "--quiet", "--", ".");
  const taken = await deputy.api("POST", `${path}/accept`, { tree: after.tree });
  expect(taken.status, JSON.stringify(taken.body)).toBe(200);
  const low = await deputy.cli(["budget", task.id, "5"]);
  expect([low.code, low.stderr]).toEqual([2, expect.stringContaining("spends nothing any more")]);
  expect((await deputy.cli(["budget", task.id, "much"])).stderr).toContain("no amount in dollars");
});

test("what a task would start with, what there was, and what it cost", async () => {
  const before = (await get("/v1/tasks?limit=200")).body.tasks.length;
  const preview = async (body: Json) =>
    deputy.api("POST", "/v1/tasks/preview", {
      repository: repository.path,
      goal: "Do it",
      ...body,
    });
  const { body, status } = await preview({ agent: "command:true", checks: ["make test"] });
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body).toMatchObject({
    base: { ref: "main", commit: repository.git("rev-parse", "HEAD") },
    checks: [{ command: "make test", source: "caller" }],
    agent: "command:true",
    would_ask_planner: false,
  });
  const planned = await preview({ agent: "command:true", mode: "plan" });
  expect(planned.body).toMatchObject({ would_ask_planner: true, why: "asked for" });
  for (const bad of [{ base: "nowhere" }, { repository: "/nothing/here" }, { gaol: "x" }]) {
    const refused = await preview({ agent: "command:true", ...bad });
    expect([400, 422], JSON.stringify(refused.body)).toContain(refused.status);
  }
  const tasks = (await get("/v1/tasks?limit=200")).body.tasks;
  expect(tasks).toHaveLength(before);

  expect((await get("/v1/repositories")).body).toMatchObject([
    {
      ...{ path_or_url: repository.path, default_branch: "main", tasks: before },
      ...{ name: repository.path.split("/").at(-1), checks: [], setup: [] },
    },
  ]);
  expect((await get(`/v1/tasks/${tasks[0].id}/cost`)).body).toEqual({
    ...{ total_usd: 0, by_role: [], by_model: [], by_attempt: [], orchestration_share: 0 },
  });
});

test("the rules of triggers.yaml, and what came of their events", async () => {
  const read = async () => (await get("/v1/triggers")).body;
  expect(await read()).toMatchObject({ problem: null, rules: [], deliveries: [] });
  const file = join(deputy.home, "triggers.yaml");
  await writeFile(
    file,
    `schedule:\n  - name: nightly\n    cron: 30 2 * * *\n    tz: UTC\n    repository: ${repository.path}\n    goal: Tidy up\n    agent: "command:true"\n`,
  );
  await until(async () => (await read()).rules.length === 1, "the rule is read");
  const { body: fired } = await deputy.api("POST", "/v1/schedules/nightly/run");
  expect(fired.task_id).toMatch(/^task_/);
  const overview = await read();
  expect(overview.rules).toMatchObject([
    {
      ...{ name: "nightly", section: "schedule", summary: "30 2 * * * (UTC)", breaker: null },
      ...{ fired_today: 1, last: [{ task: fired.task_id }] },
    },
  ]);
  expect(overview.deliveries).toMatchObject([
    { id: fired.delivery_id, rule: "nightly", task: fired.task_id },
  ]);
  await writeFile(file, "schedule: nothing\n");
  await until(async () => (await read()).problem !== null, "the mistake is told");
  expect(await read()).toMatchObject({ file, problem: expect.stringContaining("triggers.yaml") });
});

import type { ListedTaskView } from "../../api/task/task.ts";
import { choicesOf, type TaskDetailView, type UnreadableView } from "../../api/task/task-detail.ts";
import type { WhyView } from "../../api/task/why.ts";
import { formatBudget } from "../../core/budget/budget.ts";
import { isRung, rungNames } from "../../core/task/failure.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Colors } from "./colors.ts";
import { renderCost } from "./render-cost.ts";
import { formatDuration, oneLine, plain, renderTable } from "./text.ts";

/** A task for people: the page of `show`, the table of `ls`, the end of `watch`. Pure. */
export function renderList(tasks: readonly ListedTaskView[], now: number, columns: number): string {
  const rows = tasks.map((task) => [
    task.id,
    describeState(task),
    `${formatDuration(now - new Date(task.created_at).getTime())} ago`,
    task.title,
  ]);
  const used = rows.reduce((most, row) => Math.max(most, row.slice(0, 3).join("  ").length), 0);
  const room = Math.max(20, columns - used - 4);
  return renderTable([
    ["ID", "STATE", "CREATED", "TITLE"],
    ...rows.map((row) => [...row.slice(0, 3), oneLine(row[3] ?? "", room)]),
  ]);
}

/** The state, or for delivered work what a person decided on it, or has to. */
function describeState({
  decision,
  nothing_to_do,
  state,
}: Pick<ListedTaskView, "decision" | "nothing_to_do" | "state">): string {
  const words = { open: "your decision", rolled_back: "rolled back" } as Record<string, string>;
  if (nothing_to_do) return "nothing to do";
  return decision == null ? state : (words[decision] ?? decision);
}

/** Rows that cannot be read, each with its id; empty if there are none. */
export function renderUnreadable(rows: readonly UnreadableView[]): string {
  return rows
    .map(
      ({ column, id, problem, table }) =>
        `\n${plain(id)}  unreadable  its column ${column} (table ${table}) ${plain(problem)}`,
    )
    .join("");
}

export function renderDetail(
  detail: TaskDetailView,
  why: WhyView | null,
  now: number,
  colors: Colors,
): string {
  const { task } = detail;
  const end = task.ended_at === null ? now : new Date(task.ended_at).getTime();
  const facts: [string, string | null | undefined][] = [
    ["goal", task.goal === task.title ? null : task.goal],
    ["repository", `${task.repository}${task.base ? ` @ ${task.base}` : ""}`],
    ["agent", task.agent],
    ["checks", listChecks(task)],
    ["services", task.preparation?.services.map(({ name }) => name).join(" · ")],
    ...(task.preparation?.notes ?? []).map((note): [string, string] => ["note", note]),
    ["budget", task.budget && formatBudget(task.budget)],
    // The full question is shown further down.
    ["waits for", why && oneLine(why.waiting_for, 160)],
    ["next", why?.next],
    ["branch", task.branch],
    ["commit", task.delivered_commit],
    ["delivered", task.delivery_url],
    ["accepted", task.accepted_at],
    ["rolled back", task.rolled_back_at],
    ["discarded", task.discarded_at],
    ["proof", describeProof(detail)],
    ["result", task.end_detail],
    ...detail.worktrees
      .filter(({ state }) => state === "active")
      .map(({ path }): [string, string] => ["worktree", path]),
  ];
  const sections = [
    `${colors.bold(task.id)}  ${paintState(task.state, colors)}  ${formatDuration(end - new Date(task.created_at).getTime())}`,
    oneLine(task.title),
    renderTable(facts.flatMap(([name, value]) => (value ? [[`  ${name}`, oneLine(value)]] : []))),
    section("subtasks", renderSubtasks(detail)),
    section("attempts", renderAttempts(detail, now)),
    section("cost", renderCost(detail)),
    section("plan", renderPlans(detail)),
    section("questions", renderQuestions(detail)),
    section("messages", renderMessages(detail)),
    renderNext(detail),
  ];
  return sections.filter((part) => part !== "").join("\n");
}

/** The checks and their sources; before planning, those that the caller asked for. */
function listChecks({ checks, preparation }: ListedTaskView): string | null {
  if (!preparation) return checks.join(" · ") || null;
  if (preparation.checks.length === 0) return "none: nothing is verified";
  return preparation.checks.map(({ command, source }) => `${command} (${source})`).join(" · ");
}

/** Only for delivered work: a failed task gives its reason. */
function describeProof({ proof, task }: TaskDetailView): string | null {
  return proof && task.state === "completed" ? `${proof.headline}: ${proof.detail}` : null;
}

function section(title: string, body: string): string {
  return body === "" ? "" : `\n${title}\n${body}`;
}

function renderSubtasks({ subtasks }: TaskDetailView): string {
  if (subtasks.length < 2) return "";
  return renderTable(
    subtasks.map(({ key, state, title, depends_on }) => [
      `  ${oneLine(key)}`,
      state,
      `${oneLine(title)}${depends_on.length > 0 ? ` (after ${depends_on.join(", ")})` : ""}`,
    ]),
  );
}

function renderAttempts({ attempts, subtasks }: TaskDetailView, now: number): string {
  const keys = new Map(subtasks.map(({ id, key }) => [id, key]));
  const hasOthers = new Set(attempts.map(({ agent }) => agent)).size > 1;
  return renderTable(
    attempts.map((attempt) => {
      const end = attempt.ended_at === null ? now : new Date(attempt.ended_at).getTime();
      const told = [
        hasOthers && `by ${attempt.agent.replace(/:.*/s, "")}`,
        attempt.end_reason?.replaceAll("_", " ") ?? "runs",
        attempt.detail,
        attempt.verdict && `${attempt.verdict.result}: ${attempt.verdict.summary}`,
        attempt.decision && `then ${nameRung(attempt.decision)}`,
      ].filter(Boolean);
      return [
        `  #${attempt.number}`,
        oneLine(keys.get(attempt.subtask_id) ?? ""),
        formatDuration(end - new Date(attempt.started_at).getTime()),
        oneLine(told.join("; ")),
      ];
    }),
  );
}

/** An older daemon names no rung, a newer one perhaps another. */
function nameRung({ action, rung }: { action: string; rung: string | null }): string {
  return rung !== null && isRung(rung) ? rungNames[rung] : action.replaceAll("_", " ");
}

function renderQuestions({ questions }: TaskDetailView): string {
  return renderTable(
    questions.map(({ id, text, answer, ...asked }) => [
      `  ${id}`,
      // An open question is shown in full, line by line: the person decides on it.
      ...(answer === null
        ? [
            `${text
              .split("\n")
              .map((line) => plain(line))
              .join("\n    ")} → open${choicesOf(asked)
              .map((one, index) => `\n      ${index + 1}: ${oneLine(one)}`)
              .join("")}`,
          ]
        : [`${oneLine(text, 160)} → ${oneLine(answer)}`]),
    ]),
  );
}

/** Comments and messages to agents, each with what became of it. */
function renderMessages({ messages }: TaskDetailView): string {
  return renderTable(
    messages.map(({ place, text, state, detail }) => [
      `  ${place === null ? "to the agent" : oneLine(place)}`,
      oneLine(text, 160),
      `${state.replaceAll("_", " ")}: ${oneLine(detail)}`,
    ]),
  );
}

/** Who planned it, what was sent back, and how the plan changed since. */
function renderPlans({ plans }: TaskDetailView): string {
  return plans
    .flatMap(({ state, reason, diff, refused, plan, feedback }) => {
      const by = plan?.planner ? `planned by ${plan.planner.agent} (${plan.why})` : "made";
      const why = reason === "" ? "" : `: ${reason}`;
      switch (state) {
        case "accepted":
          return [`${by}${why}`];
        case "rejected":
          return [`${by}, sent back: ${feedback ?? "no reason was given"}`];
        case "revision":
          return [
            `revised: ${reason}`,
            ...diff.map((line) => `  ${line}`),
            ...refused.map((line) => `  not added: ${line}`),
          ];
        default:
          return [];
      }
    })
    .map((line) => `  ${/^ */.exec(line)?.[0] ?? ""}${oneLine(line)}`)
    .join("\n");
}

/** The checks of the last judged tree, one line each. */
function renderChecks({ subtasks }: TaskDetailView, colors: Colors): string {
  const last = subtasks.map(({ gate_verdict, verdict }) => gate_verdict ?? verdict);
  const seen = new Map<string, string>();
  for (const { check, run, result, reason } of last.flatMap((verdict) => verdict?.checks ?? [])) {
    const mark = result === "pass" ? colors.green("✓") : result === "fail" ? colors.red("✗") : "?";
    seen.set(
      check.command,
      `  ${mark} ${oneLine(check.command)} (${oneLine(reason)}, ${formatDuration(run.duration_ms)})`,
    );
  }
  for (const { blocking, message } of last.flatMap((verdict) => verdict?.findings ?? [])) {
    seen.set(message, `  ${blocking ? colors.red("✗") : "!"} ${oneLine(message)}`);
  }
  return [...seen.values()].join("\n");
}

/** Commands that make sense for the task now. */
function renderNext({ attempts, task, questions }: TaskDetailView): string {
  const open = questions.find(({ answer }) => answer === null);
  const command = (verb: string, what: string) => [`  deputy ${verb} ${task.id}`, what];
  const rows: string[][] = [];
  if (open && !isTaskOver(task.state))
    rows.push([
      `  deputy answer ${task.id} ${choicesOf(open).length > 0 ? "1" : "TEXT"}`,
      choicesOf(open).length > 0
        ? "answer its question: a number, or your words"
        : "answer its question",
    ]);
  switch (task.state) {
    case "completed":
      if (task.branch !== null) rows.push(command("diff", "see the change"));
      rows.push(command("receipt", "see the evidence"));
      if (task.branch === null || task.discarded_at !== null) break;
      if (task.accepted_at !== null && task.rolled_back_at === null) {
        rows.push(command("rollback", "undo it with a revert commit"));
        break;
      }
      // A branch in a remote repository is merged there.
      if (task.rolled_back_at === null && task.repository.startsWith("/"))
        rows.push(command("accept", "merge it into your current branch"));
      rows.push(command("discard", "delete its branch, patch and worktrees"));
      break;
    case "failed":
      if (attempts.length > 0) rows.push(command("log", "see what the last attempt said"));
      rows.push(command("retry", "retry what failed"));
      break;
    case "cancelled":
      if (attempts.length > 0) rows.push(command("log", "see what the last attempt said"));
      break;
    default:
      rows.push(command("watch", "follow it"), command("why", "see what it waits for"));
      rows.push(command("cancel", "stop it"));
  }
  return rows.length === 0 ? "" : `\nnext\n${renderTable(rows)}`;
}

/** The end of a watch: the result if it was not printed yet, the checks, and where the work is. */
export function renderEnd(
  detail: TaskDetailView,
  colors: Colors,
  isSaid: (text: string) => boolean = () => false,
): string {
  const { task } = detail;
  const checks = renderChecks(detail, colors);
  const proof = describeProof(detail);
  return [
    `\n${colors.bold(task.id)}  ${paintState(task.state, colors)}`,
    task.end_detail && !isSaid(task.end_detail) ? `  ${oneLine(task.end_detail)}` : "",
    task.branch ? `branch  ${colors.bold(oneLine(task.branch))}` : "",
    task.delivery_url ? `url     ${oneLine(task.delivery_url)}` : "",
    proof ? `proof   ${oneLine(proof)}` : "",
    checks === "" ? "" : `checks\n${checks}`,
    renderNext(detail),
  ]
    .filter((part) => part !== "")
    .join("\n");
}

function paintState(state: string, colors: Colors): string {
  switch (state) {
    case "completed":
      return colors.green(state);
    case "failed":
    case "cancelled":
      return colors.red(state);
    case "waiting":
      return colors.yellow(state);
    default:
      return colors.cyan(state);
  }
}

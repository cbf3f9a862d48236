import { rungNames } from "../../core/task/failure.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import type { Receipt } from "./receipt.ts";
import { renderEvidence } from "./receipt-evidence.ts";
import { renderPlanAccount } from "./receipt-plan.ts";
import { renderReviews } from "./receipt-review.ts";
import { renderCost } from "./render-cost.ts";

/** The commit that a check ran on. */
const places = {
  attempt: "its commit",
  after_merge: "after merge",
  whole: "as delivered",
} as const;

/** The receipt as Markdown, for a pull request's body and for the file beside the patch. */
export function renderReceipt(receipt: Receipt): string {
  const { task, delivery, plan } = receipt;
  const hasOthers = new Set(receipt.attempts.map(({ agent }) => agent)).size > 1;
  return `${[
    `# Receipt: ${oneLine(task.goal)}`,
    `**${oneLine(receipt.headline, 800)}**: ${oneLine(receipt.verdict, 800)}.`,
    table(
      ["", ""],
      [
        ["Task", `\`${task.id}\` (${task.state})`],
        ["Repository", { own: `\`${task.repository}\`` }],
        [
          "Base",
          task.base
            ? `\`${task.base.commit.slice(0, 12)}\` (${task.base.ref})${task.base.updated_from === null ? "" : `, brought up to date from \`${task.base.updated_from.slice(0, 12)}\``}`
            : "not resolved",
        ],
        [
          "Delivered",
          delivery?.branch
            ? `\`${delivery.branch}\` at \`${delivery.commit?.slice(0, 12)}\`${delivery.signed ? ", signed" : ""}`
            : delivery?.url
              ? "a comment"
              : task.discarded_at
                ? `discarded at ${task.discarded_at}`
                : "nothing",
        ],
        ...(task.accepted_at ? [["Accepted", `at ${task.accepted_at}`]] : []),
        ...(task.rolled_back_at ? [["Rolled back", `at ${task.rolled_back_at}`]] : []),
        ...(delivery?.url ? [["Link", { own: delivery.url }]] : []),
        ...(delivery?.patch ? [["Patch", `\`${delivery.patch}\``]] : []),
        [
          "Files",
          delivery && delivery.files.length > 0
            ? delivery.files
                .slice(0, 20)
                .map((file) => `\`${file}\``)
                .join(", ")
            : "none",
        ],
        ["Time", `${task.created_at} to ${task.ended_at ?? "now"}`],
        ...(task.detail ? [["Result", task.detail]] : []),
        ...(task.logs_removed_at ? [["Logs", `removed at ${task.logs_removed_at}`]] : []),
      ],
    ),
    ...list("Links that lead outside the repository", delivery?.outside_links ?? []),
    ...(receipt.review === null ? [] : ["## Review", makeInert(receipt.review)]),
    "## Plan",
    ...renderPlanAccount(plan).map((line) => oneLine(line, 1_000)),
    table(
      ["Subtask", "Needs", "Agent", "State"],
      plan.subtasks.map(({ key, title, depends_on, agent, state }) => [
        `${key}: ${title}`,
        depends_on.join(", ") || "–",
        `\`${agent}\``,
        state,
      ]),
    ),
    "## Checks",
    receipt.checks.length === 0
      ? "None were run."
      : table(
          ["Check", "On", "Result", "Exit", "Time", "Tests", "Baseline"],
          receipt.checks.map((check) => [
            `\`${check.command}\` (${check.kind})`,
            `${check.subtask}, ${places[check.stage]}`,
            `${check.result}: ${check.reason}`,
            `${check.exit_code ?? check.detail}`,
            seconds(check.duration_ms),
            describeTests(check.tests),
            check.baseline
              ? `${check.baseline.detail}${check.baseline.tests ? `, ${describeTests(check.baseline.tests)}` : ""}`
              : "–",
          ]),
        ),
    ...list(
      "Checked before",
      receipt.same_trees.map(
        ({ attempt, judged_at, subtask }) =>
          `${subtask}: the same tree as that of attempt ${attempt}, checked at ${minute(judged_at)}; nothing was run again`,
      ),
    ),
    ...list("Setup", receipt.setup.map(renderSetup)),
    ...list("Services", renderServices(receipt)),
    ...renderEvidence(receipt).flatMap(({ title, items }) => list(title, items)),
    ...list("Tests that failed before and pass now", [
      ...new Set(receipt.checks.flatMap(({ newly_passing }) => newly_passing)),
    ]),
    ...list(
      "Findings",
      receipt.findings.map(
        ({ rule, message, blocking }) => `${rule}${blocking ? "" : " (a note)"}: ${message}`,
      ),
    ),
    ...renderReviews(receipt.reviews).flatMap(({ title, items }) => list(title, items)),
    "## Attempts",
    table(
      ["Attempt", "Ended", "Verdict", "Recovery"],
      receipt.attempts.map((attempt) => [
        `${attempt.subtask}, attempt ${attempt.number}${hasOthers ? ` (${nameAgent(attempt.agent)})` : ""}`,
        `${attempt.end_reason?.replaceAll("_", " ") ?? "running"}${attempt.detail ? `: ${attempt.detail}` : ""}`,
        attempt.verdict ? `${attempt.verdict.result}: ${attempt.verdict.summary}` : "–",
        attempt.recovery ? rungNames[attempt.recovery.rung] : "–",
      ]),
    ),
    ...list(
      "Messages from people",
      receipt.messages.map(
        ({ detail, place, state, text }) =>
          `${place === null ? "To the agent" : `On ${place}`}: "${oneLine(text)}" – ${state.replaceAll("_", " ")}: ${detail}`,
      ),
    ),
    ...list("Sandbox", describeSandboxes(receipt.attempts)),
    "## Cost",
    ...renderCost(receipt, table),
    ...list("Not checked", receipt.not_checked),
  ].join("\n\n")}\n`;
}

function minute(time: string): string {
  return `${time.slice(0, 16).replace("T", " ")} UTC`;
}

function renderSetup(account: Receipt["setup"][number]): string {
  const { copied, duration_ms, is_again, subtask } = account;
  const took = seconds(duration_ms);
  if (is_again)
    return `${subtask}: run from nothing, ${took}, because the checks did not pass with what an earlier setup made`;
  if (copied === null) return `${subtask}: run from nothing, ${took}`;
  const made = `what it made at ${minute(copied.made_at)} in ${seconds(copied.setup_ms)}`;
  return copied.is_whole
    ? `${subtask}: not run; copied ${made}, ${took}`
    : `${subtask}: run on top of a copy of ${made}, because the change has other inputs for it, ${took}`;
}

/** Each service, with the time that it took before each check. */
function renderServices({ checks, repeat }: Receipt): string[] {
  const ready = checks.flatMap(({ services }) => services ?? []);
  return (repeat?.services ?? []).map(({ name, run }) => {
    const took = ready.filter((one) => one.name === name).map(({ ready_ms }) => ready_ms);
    const when = took.length === 0 ? "never ready" : `ready after ${seconds(Math.max(...took))}`;
    return `\`${name}\` (\`${run}\`): started anew for each run of a check, ${when}`;
  });
}

/** Without a program's arguments. */
function nameAgent(agent: string): string {
  return agent.replace(/:.*/s, "");
}

/** Outside text, or `own`: text of the daemon's that may be a live link. */
type Cell = string | { own: string };

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Text from agents and people stays inside its cell. */
function cell(text: Cell): string {
  return (typeof text === "string" ? oneLine(text, 400) : text.own).replaceAll("|", "\\|");
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0
    ? []
    : [`## ${title}`, items.map((item) => `- ${oneLine(item, 600)}`).join("\n")];
}

function oneLine(text: string, max = 200): string {
  const line = makeInert(text).replace(/\s+/g, " ").trim();
  return line.length > max ? `${line.slice(0, max)}…` : line;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function describeTests(tests: { passed: number; failed: number; skipped: number } | null): string {
  return tests ? `${tests.passed} passed, ${tests.failed} failed, ${tests.skipped} skipped` : "–";
}

/** The sandbox of each attempt, and what its commands were refused. */
function describeSandboxes(attempts: Receipt["attempts"]): string[] {
  return attempts.flatMap(({ number, sandbox, subtask }) => {
    if (!sandbox) return [];
    const refused = sandbox.refused.map(
      ({ by, detail, known, what }) =>
        `${who(by)}${subtask}, attempt ${number}, was refused (${what}, ${known === "enforced" ? "certain" : "by its own words"}): ${detail}`,
    );
    const kept = `${subtask}, attempt ${number}, ran in ${sandbox.provider === "none" ? "no sandbox" : sandbox.provider}`;
    return [sandbox.problem ? `${kept}: ${sandbox.problem}` : kept, ...refused];
  });
}

/** The agent needs no label: the attempt is its own. */
function who(by: "agent" | "setup" | "check" | undefined): string {
  return by === "setup" ? "Setup of " : by === "check" ? "A check of " : "";
}

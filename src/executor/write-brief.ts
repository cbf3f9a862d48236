import { describeService, type Service, servicesVariable } from "../core/settings/service.ts";
import { sparseOf, tellSparse } from "../core/settings/sparse.ts";
import { type Message, placeOf, type Voice, voices } from "../core/task/message.ts";
import type { Subtask, Task } from "../core/task/task.ts";
import { fence, wrapOutsideText } from "../core/text/data-block.ts";
import type { AttemptLimits } from "./job.ts";

type PendingMessage = Pick<Message, "place" | "side" | "text" | "voice">;

/**
 * The brief: everything an agent is told, and nothing else. Pure. Outside text goes in only as a
 * delimited block of data.
 */
export function writeBrief(input: {
  task: Task;
  subtask: Subtask;
  /** How many subtasks the plan has. */
  subtaskCount: number;
  attempt: number;
  /** For a review: the change to read. */
  diff: string | null;
  /** The folders of submodules that are filled. */
  submodules: readonly string[];
  /** A person's messages that no merged attempt had, oldest first. */
  said: readonly PendingMessage[];
  /** With comments: the change they refer to, and whether the worktree holds it. */
  work: { diff: string; isThere: boolean } | null;
  /** Of the repository, where the work changes it; see write-overview.ts. */
  overview: string;
  limits: AttemptLimits;
  /** What the task may still spend, in words; null: there is no limit. */
  budgetLeft: string | null;
}): string {
  const { task, subtask, subtaskCount, attempt, diff, submodules, said, work, overview } = input;
  const { budgetLeft, limits } = input;
  const checks = [...(task.preparation?.checks ?? []), ...subtask.checks];
  const sections = [
    section("Goal", task.goal),
    subtaskCount > 1 || subtask.brief !== ""
      ? section(`Your part: ${subtask.title}`, [
          subtask.brief,
          subtask.writes.length > 0
            ? `Files you are expected to write: ${subtask.writes.join(", ")}`
            : "",
        ])
      : "",
    section("Rules", [
      task.expectsChange
        ? "Work in the current folder, a git worktree of your own. Do not commit, push or switch branches: your changes are committed for you."
        : "This is a review: read, do not change anything. Your summary is what gets delivered.",
      checks.length > 0
        ? `Afterwards these commands are run on your result, in a clean checkout:\n${checks.map(({ command, kind }) => `- \`${command}\`${kind === "acceptance" ? " (must be green)" : ""}`).join("\n")}`
        : "",
      checks.length > 0 ? describeServices(task.preparation?.services ?? []) : "",
      task.expectsChange && task.preparation
        ? tellAboutJudges(task, task.preparation.protectedPaths)
        : "",
      task.expectsChange && limits.isReviewed
        ? "What passes is read by a reviewer, who knows the goal and your change alone."
        : "",
      tellSparse(sparseOf(task.preparation)),
      describeLimits(limits, budgetLeft),
      task.expectsChange && submodules.length > 0
        ? `These folders are submodules, which you may read and build: ${submodules.join(", ")}. What is changed in them is not delivered, and fails the attempt.`
        : "",
    ]),
    overview === "" ? "" : section("The repository", overview),
    ...describeMaterial(task),
    diff === null
      ? ""
      : section(
          "The change to review",
          wrapOutsideText(diff, `${task.origin.subject ?? "the reviewed commit"}, as a diff`),
        ),
    subtask.answers.length > 0
      ? section(
          "Your questions, answered",
          subtask.answers.map(({ question, answer }) => `Q: ${question}\nA: ${answer}`),
        )
      : "",
    ...describeMessages(said, work),
    subtask.feedback || describeStop(subtask)
      ? section(`This is attempt ${attempt}`, [describeStop(subtask), subtask.feedback ?? ""])
      : "",
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

/**
 * The prompt for an agent that continues its own work: why it was interrupted, the answer to its
 * question, or what of its result did not pass. `isRepeated`: an attempt that was told so was
 * interrupted, perhaps before its session had it.
 */
export function writeContinuation(subtask: Subtask, isRepeated: boolean): string {
  const { answers, ending, feedback } = subtask;
  const isRejected = ending?.what === "attempt" && ending.failure === "content_rejected";
  if ((ending?.what === "verdict" || isRejected) && feedback) {
    const said = answers.map(({ question, answer }) => `Q: ${question}\nA: ${answer}`);
    const told =
      said.length > 0 ? `\n\nA person was asked, and answered.\n\n${said.join("\n\n")}` : "";
    return `${feedback}${told}\n`;
  }
  const wasAsked = ending?.what === "attempt" && ending.reason === "needs_input";
  const last = answers.at(-1);
  if (wasAsked && last) {
    return `A person answered your question.\n\nQ: ${last.question}\nA: ${last.answer}\n\nGo on with the work.\n`;
  }
  const why =
    describeStop(subtask) ||
    "You were interrupted by something that had nothing to do with your work.";
  const again =
    isRepeated && feedback ? `\n\nThe work is still to settle this.\n\n${feedback}` : "";
  return `${why} The files in the worktree are as they were after your last recorded step. Look before you repeat anything, then go on with the work.${again}\n`;
}

/** How an agent gets what runs beside the checks. */
function describeServices(services: readonly Service[]): string {
  if (services.length === 0) return "";
  const list = services.map((service) => `- ${describeService(service)}`).join("\n");
  return `Beside them run these services, which do not run where you work:\n${list}\n\n\`"$${servicesVariable}" COMMAND\` starts them, waits until they are ready, runs COMMAND (of several commands: \`sh -c '…'\`) with their ports in its environment, and stops them.`;
}

/** What ends the attempt, so that an agent can divide its work, and what its commands reach. */
function describeLimits(
  { maxTurns, reach, timeoutMs }: AttemptLimits,
  budgetLeft: string | null,
): string {
  const minutes = Math.max(1, Math.round(timeoutMs / 60_000));
  const turns = maxTurns === null ? "" : ` or ${maxTurns} turns (model calls)`;
  const spend = budgetLeft === null ? "" : `, and what is left for the whole task is ${budgetLeft}`;
  const ends = `This attempt ends after ${minutes} min${turns}${spend}. What the files hold by then is kept.`;
  return `${ends} ${describeReach(reach)}`;
}

const maxHosts = 5;

function describeReach(reach: AttemptLimits["reach"]): string {
  if (reach === "open") return "Commands have the network of this machine.";
  if (reach.length === 0) return "Commands have no network.";
  const more = reach.length - maxHosts;
  const hosts = reach.slice(0, maxHosts).join(", ") + (more > 0 ? ` and ${more} more` : "");
  return `Commands reach these hosts alone: ${hosts}.`;
}

/** Why the previous attempt did not finish, if its program was killed or hung; else empty. */
function describeStop({ ending }: Subtask): string {
  if (ending?.what !== "attempt") return "";
  if (ending.failure === "hung")
    return `The program in which you worked was stopped, because ${ending.detail}. Do not wait again for what it waited for: a command that never ends needs a time limit, or has to run in the background.`;
  if (ending.failure !== "killed") return "";
  const isMemory = / of memory/.test(ending.detail);
  const advice = isMemory
    ? "Use less memory at a time: smaller pieces, fewer processes at once."
    : "It may have been that memory ran out, or somebody who ended a process too many.";
  return `The program in which you worked was ended from outside: ${ending.detail}. ${advice}`;
}

function describeMessages(
  said: readonly PendingMessage[],
  work: { diff: string; isThere: boolean } | null,
): string[] {
  const comments = said.filter(({ place }) => place !== null);
  const words = said.filter(({ place }) => place === null);
  const where = work?.isThere
    ? "The worktree holds the work so far. As a diff it is:"
    : "The last attempt's change was not taken, so nothing of it is in the worktree. As a diff it was:";
  return [
    ...(words.length > 0
      ? [
          section(
            "What a person said meanwhile",
            words.map(({ text }) => text),
          ),
        ]
      : []),
    ...(comments.length > 0
      ? [
          section("Comments on the work", [
            `${tellWhoSpoke(comments)} Change it so that each of these comments is met; leave the rest as it is. Where one asks something and nothing has to change, answer it in your summary.`,
            ...comments.map(
              (comment) =>
                `${onPlace[comment.voice ?? "person"]} ${placeOf(comment)}:\n\n${comment.text}`,
            ),
            work ? `${where}\n\n${fence(work.diff)}` : "",
          ]),
        ]
      : []),
  ];
}

const onPlace: Record<Voice, string> = {
  person: "On",
  checks: "Failed checks, on",
  review: "A review, on",
  base: "Since the work was checked, about",
};

/** What speaks is no person where checks failed or a branch moved, and is not to be taken for one. */
function tellWhoSpoke(comments: readonly PendingMessage[]): string {
  const said = new Set(comments.map(({ voice = "person" }) => voice));
  return voices
    .filter((voice) => said.has(voice))
    .map((voice) => whoSpoke[voice])
    .join(" ");
}

const whoSpoke: Record<Voice, string> = {
  person: "A person has looked at the work.",
  checks: "Checks on the forge failed on the work.",
  review: "The work was reviewed on the forge.",
  base: "The branch that the work is for has moved.",
};

/** The task's material: attachments, and outside text as a delimited block of data. */
export function describeMaterial({ attachments, origin }: Task): string[] {
  return [
    ...attachments.map(({ name, content }) => section(`Attachment: ${name}`, fence(content))),
    ...(origin.outsideText
      ? [
          section(
            "Material from outside",
            wrapOutsideText(origin.outsideText, origin.subject ?? origin.source),
          ),
        ]
      : []),
  ];
}

export function section(title: string, body: string | readonly string[]): string {
  const text = (typeof body === "string" ? [body] : body)
    .filter((part) => part !== "")
    .join("\n\n");
  return `# ${title}\n\n${text}`;
}

/** Judge files may change if the task asks for it; any other change to them goes to a person. */
function tellAboutJudges(
  { allow, allowTestChanges }: Task,
  protectedPaths: readonly string[],
): string {
  const allowed = allow.length > 0 ? ` These may change: ${allow.join(", ")}.` : "";
  const others = allowTestChanges
    ? ""
    : "tests, fixtures, snapshots, what the check commands run and how, and also ";
  return `Change only where the task asks for it: ${others}${protectedPaths.join(", ")}. Each such change is looked at, and one that nobody asked for waits for a person. Never delete, skip or weaken a test to make a check pass: the checks are run with the old tests, too.${allowed}`;
}

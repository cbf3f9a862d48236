import { useId } from "preact/hooks";
import { send } from "../../data/api.ts";
import { useMayAct } from "../../data/page-context.ts";
import { useDraft } from "../../data/use-draft.ts";
import { Button } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";
import { taskPath } from "./task-path.ts";
import type { Detail, Question } from "./types.ts";

/** An open question, answered where it stands; the answer counts only for the text that is shown. */
export function AskedQuestion({
  question,
  detail: { task, subtasks },
  refresh,
}: {
  question: Question;
  detail: Detail;
  refresh: () => void;
}) {
  const [words, setWords, clear] = useDraft(`answer:question:${question.id}`, "");
  const field = useId();
  const mayAct = useMayAct();
  const part = subtasks.find(({ id }) => id === question.subtask_id);
  const answer = async (text: string) => {
    await send("POST", taskPath(task.id, "/answer"), {
      ...{ answer: text, question_id: question.id, hash: question.hash },
    });
    clear();
    refresh();
    return `Answered: ${text.slice(0, 80)}`;
  };
  const takesWords =
    question.options.some((option) => option.answer === null) ||
    ["question", "review", "judges"].includes(question.kind);
  const confirmOf = (risk: string, label: string) =>
    risk === "high" && question.kind !== "pause" ? { confirm: `Really ${label}?` } : {};

  return (
    <section class="card asked" aria-label={`A ${kindNames[question.kind] ?? question.kind}`}>
      <p class="ask-kind">
        {kindNames[question.kind] ?? question.kind}
        {part && subtasks.length > 1 && (
          <>
            {" "}
            about <OutsideText text={part.key} />
          </>
        )}
        <span class="soft">
          {" "}
          · asked <Time at={question.asked_at} />
        </span>
      </p>
      <div class="ask-text">
        <OutsideText text={question.text} />
      </div>
      <div class="actions">
        {question.options.map((option, index) =>
          option.answer === null ? null : (
            <Button
              key={option.answer}
              kind={index === 0 ? "primary" : "plain"}
              act={() => answer(option.answer ?? "")}
              {...confirmOf(option.risk, option.label)}
            >
              {capitalise(option.label)}
            </Button>
          ),
        )}
      </div>
      {takesWords && mayAct && (
        <form class="words" onSubmit={(event) => event.preventDefault()}>
          <label for={field}>{wordsLabels[question.kind] ?? "Or answer in your own words"}</label>
          <textarea
            id={field}
            value={words}
            maxLength={64_000}
            onInput={(event) => setWords(event.currentTarget.value)}
          />
          <div class="actions">
            <Button
              kind={question.options.length === 0 ? "primary" : "plain"}
              act={() => answer(words)}
              disabled={words.trim() === ""}
            >
              {question.kind === "plan" ? "Send back" : "Send the answer"}
            </Button>
          </div>
        </form>
      )}
    </section>
  );
}

const kindNames: Record<string, string> = {
  question: "Question",
  approval: "Approval",
  plan: "Plan to approve",
  review: "Review to settle",
  judges: "Changed tests to accept",
  pause: "Pause",
  budget: "Request for budget",
  permission: "Request for a permission",
  stuck: "Request for help",
};

const wordsLabels: Record<string, string> = {
  question: "Your answer",
  plan: "Or send it back with what should change",
  budget: "Or grant another amount, like $5",
  stuck: "Or say what it should do",
};

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

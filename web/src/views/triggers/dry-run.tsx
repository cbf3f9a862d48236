import { useState } from "preact/hooks";
import { send } from "../../data/api.ts";
import { useMayAct } from "../../data/page-context.ts";
import { useDraft } from "../../data/use-draft.ts";
import { Button } from "../../parts/button.tsx";
import { Field, SelectField, TextField } from "../../parts/field.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { readPayload } from "./payload.ts";
import type { Rule } from "./trigger-view.ts";

/** Their events are tried by a payload, not by the name of a rule. */
const forges = ["github", "gitea", "gitlab"];

/** Shows what an event would start, and starts nothing. */
export function DryRun({ rules }: { rules: readonly Rule[] }) {
  const [rule, setRule] = useState("");
  const [event, setEvent] = useState("");
  const [text, setText] = useDraft("dry-run", "");
  const [result, setResult] = useState<unknown>(null);
  const [problem, setProblem] = useState<string | null>(null);
  if (!useMayAct()) return <p class="hint">A device that may only look tries nothing.</p>;
  const others = rules.filter(({ section }) => !forges.includes(section));

  const run = async () => {
    setProblem(null);
    setResult(null);
    const body = rule === "" ? readPayload(text, event) : { rule, ...(text !== "" && { text }) };
    if (typeof body === "string") setProblem(body);
    else setResult(await send<unknown>("POST", "/v1/triggers/test", body));
    return null;
  };

  return (
    <div class="card dry-run">
      <div class="field-row">
        <SelectField
          label="Of"
          value={rule}
          set={setRule}
          options={[
            ["", "an event of GitHub"],
            ...others.map(({ name, section }) => [name, `${name} (${section})`] as const),
          ]}
        />
        {rule === "" && (
          <TextField
            label="Event"
            value={event}
            set={setEvent}
            autocapitalize="off"
            placeholder="guessed from the payload"
          />
        )}
      </div>
      <Field
        label={rule === "" ? "Payload" : "What would come"}
        problem={problem}
        hint={
          rule === ""
            ? "The JSON that GitHub shows under Recent Deliveries of its webhook."
            : "The body of a hook's request, or the text of a file; empty: nothing."
        }
      >
        {(own) => (
          <textarea
            {...own}
            class="code"
            rows={6}
            spellcheck={false}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        )}
      </Field>
      <div class="actions">
        <Button kind="primary" act={run} refused={setProblem}>
          Try it
        </Button>
        <span class="hint">Nothing is started.</span>
      </div>
      <div role="status">{result !== null && <Result result={result} />}</div>
    </div>
  );
}

/** The answer has its own shape for each kind of rule: shown as it is, by lines. */
function Result({ result }: { result: unknown }) {
  const lines = typeof result === "object" && result !== null ? Object.entries(result) : [];
  return (
    <dl class="dry-result">
      {lines.map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll("_", " ")}</dt>
          <dd>
            <OutsideText
              text={typeof value === "string" ? value : JSON.stringify(value, null, 2)}
            />
          </dd>
        </div>
      ))}
    </dl>
  );
}

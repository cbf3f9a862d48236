import { SelectField, TextField, Tick } from "../../parts/field.tsx";
import type { PartProps } from "./place.tsx";

/** How it is planned, proven, delivered, and what it may take. */
export function Details({ fields, set, problemOf }: PartProps) {
  return (
    <>
      <div class="field-row">
        <SelectField
          label="Plan"
          value={fields.mode}
          set={(mode) => set({ mode })}
          problem={problemOf("mode")}
          options={[
            ["", "If the goal is worth splitting"],
            ["direct", "None: one piece of work"],
            ["plan", "Always split it first"],
          ]}
        />
        <SelectField
          label="Review"
          value={fields.assurance}
          set={(assurance) => set({ assurance })}
          problem={problemOf("assurance")}
          options={[
            ["", "As configured"],
            ["quick", "Quick: checks alone"],
            ["standard", "Standard: one reviewer"],
            ["high", "High: three reviewers"],
          ]}
        />
        <TextField
          label="Budget in dollars"
          value={fields.usd}
          set={(usd) => set({ usd })}
          inputMode="decimal"
          placeholder="as configured"
          problem={problemOf("usd")}
        />
      </div>
      <Tick
        label="Ask me before the plan runs"
        checked={fields.approval}
        set={(approval) => set({ approval })}
      />
      <details class="more-fields" open={isOpened(problemOf)}>
        <summary>More</summary>
        <div class="field-row">
          <SelectField
            label="Deliver as"
            value={fields.deliver}
            set={(deliver) => set({ deliver })}
            problem={problemOf("deliver")}
            options={[
              ["", "As configured"],
              ["branch", "A branch"],
              ["pr", "A draft pull request"],
            ]}
          />
          <SelectField
            label="What checks prove"
            value={fields.proof}
            set={(proof) => set({ proof })}
            problem={problemOf("proof")}
            options={[
              ["", "As configured"],
              ["quick", "Quick"],
              ["standard", "Standard"],
              ["full", "Full"],
            ]}
          />
          <SelectField
            label="When it is stuck"
            value={fields.whenStuck}
            set={(whenStuck) => set({ whenStuck })}
            problem={problemOf("whenStuck")}
            options={[
              ["", "As configured"],
              ["ask", "Ask me"],
              ["fail", "Fail"],
            ]}
          />
        </div>
        <div class="field-row">
          <TextField
            label="Minutes for one attempt"
            value={fields.timeout}
            set={(timeout) => set({ timeout })}
            inputMode="decimal"
            placeholder="as configured"
            problem={problemOf("timeout")}
          />
          <TextField
            label="Budget in minutes of work"
            value={fields.minutes}
            set={(minutes) => set({ minutes })}
            inputMode="decimal"
            problem={problemOf("minutes")}
          />
          <TextField
            label="Budget in tokens"
            value={fields.tokens}
            set={(tokens) => set({ tokens })}
            inputMode="numeric"
            problem={problemOf("tokens")}
          />
        </div>
        <Tick
          label="The tests themselves are expected to change"
          checked={fields.allowTestChanges}
          set={(allowTestChanges) => set({ allowTestChanges })}
        />
        <Tick
          label="Take the checkout's uncommitted changes along"
          checked={fields.includeUncommitted}
          set={(includeUncommitted) => set({ includeUncommitted })}
        />
        <Tick
          label="Run setup and checks of the base anew"
          checked={fields.fresh}
          set={(fresh) => set({ fresh })}
        />
      </details>
    </>
  );
}

/** A refusal of a field in here has to be seen. */
const isOpened = (problemOf: PartProps["problemOf"]): boolean | undefined =>
  (["deliver", "proof", "whenStuck", "timeout", "minutes", "tokens"] as const).some(
    (field) => problemOf(field) !== null,
  ) || undefined;

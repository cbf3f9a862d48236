import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError } from "../data/api.ts";
import { useMayAct, usePage } from "../data/page-context.ts";

export type ButtonProps = {
  children: ComponentChildren;
  /** What it does; while it runs the button is busy. Its returned sentence is shown. */
  act: () => Promise<string | null>;
  kind?: "primary" | "plain" | "danger";
  /** Asks once more with this question before it acts. */
  confirm?: string;
  disabled?: boolean;
  /** For a button without words. */
  label?: string;
};

/**
 * A button that acts on the daemon: busy while it does, and a refusal is shown as the daemon's
 * sentence. A device that may only view gets no such button.
 */
export function Button({
  children,
  act,
  kind = "plain",
  confirm,
  disabled = false,
  label,
}: ButtonProps) {
  const { say } = usePage();
  const mayAct = useMayAct();
  const [state, setState] = useState<"idle" | "asking" | "busy">("idle");
  const running = useRef(false);
  if (!mayAct) return null;

  const run = async () => {
    if (running.current) return; // two clicks are one
    running.current = true;
    setState("busy");
    try {
      const sentence = await act();
      if (sentence) say(sentence, "good");
    } catch (error) {
      say(error instanceof ApiError ? error.message : `The page failed: ${String(error)}`, "bad");
    } finally {
      running.current = false;
      setState("idle");
    }
  };

  if (state === "asking") {
    return (
      <span class="confirm">
        <span>{confirm}</span>
        <button
          type="button"
          class={`button ${kind}`}
          onClick={run}
          ref={(button) => button?.focus()}
        >
          Yes
        </button>
        <button type="button" class="button plain" onClick={() => setState("idle")}>
          No
        </button>
      </span>
    );
  }
  return (
    <button
      type="button"
      class={`button ${kind}`}
      aria-label={label}
      aria-busy={state === "busy"}
      disabled={disabled || state === "busy"}
      onClick={() => (confirm ? setState("asking") : run())}
    >
      {children}
    </button>
  );
}

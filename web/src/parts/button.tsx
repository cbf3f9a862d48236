import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../data/api.ts";
import { useMayAct, usePage } from "../data/page-context.ts";

export type ButtonProps = {
  children: ComponentChildren;
  /** What it does; while it runs the button is busy. Its returned sentence is shown. */
  act: () => Promise<string | null>;
  kind?: "primary" | "plain" | "danger";
  /** Asks once more with this question before it acts. */
  confirm?: string | undefined;
  disabled?: boolean;
  /** For a button without words. */
  label?: string;
  /** Shows a refusal; by default it is a toast. */
  refused?: (sentence: string) => void;
};

/**
 * A button that acts on the daemon: busy while it does, and a refusal is shown as the daemon's
 * sentence. A device that may only view gets no such button. The focus stays on it through question
 * and answer.
 */
export function Button(props: ButtonProps) {
  const { children, act, kind = "plain", confirm, disabled = false, label } = props;
  const { say } = usePage();
  const mayAct = useMayAct();
  const [state, setState] = useState<"idle" | "asking" | "busy">("idle");
  const running = useRef(false);
  const place = useRef<HTMLButtonElement>(null);
  const refocus = useRef(false);
  useEffect(() => {
    if (state === "asking" || refocus.current) place.current?.focus();
    refocus.current = state === "asking";
  }, [state]);
  if (!mayAct) return null;

  const run = async () => {
    if (running.current || disabled) return; // two clicks are one
    running.current = true;
    setState("busy");
    try {
      const sentence = await act();
      if (sentence) say(sentence, "good");
    } catch (error) {
      const sentence = tellError(error);
      if (props.refused) props.refused(sentence);
      else say(sentence, "bad");
    } finally {
      running.current = false;
      setState("idle");
    }
  };

  if (state === "asking") {
    const back = () => setState("idle");
    return (
      // biome-ignore lint/a11y/useSemanticElements: a fieldset would be drawn as a box of its own
      <span
        class="confirm"
        role="group"
        aria-label={confirm}
        onKeyDown={(event) => event.key === "Escape" && back()}
      >
        <span>{confirm}</span>
        <button type="button" class={`button ${kind}`} onClick={run} ref={place}>
          Yes
        </button>
        <button type="button" class="button plain" onClick={back}>
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
      aria-disabled={disabled || state === "busy"}
      onClick={() => (confirm && !disabled ? setState("asking") : run())}
      ref={place}
    >
      {children}
    </button>
  );
}

/** The daemon's sentence, or that the page itself failed. */
export const tellError = (error: unknown): string =>
  error instanceof ApiError ? error.message : `The page failed: ${String(error)}`;

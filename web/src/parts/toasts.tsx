import { type Store, useStore } from "../data/store.ts";

export type Toast = { id: number; sentence: string; tone: "good" | "bad" };

/** Sentences about what was just done, or refused; a refusal stays until it is closed. */
export function Toasts({ toasts }: { toasts: Store<readonly Toast[]> }) {
  const shown = useStore(toasts);
  const close = (id: number) => toasts.set(toasts.get().filter((toast) => toast.id !== id));
  return (
    <div class="toasts" aria-live="polite">
      {shown.map(({ id, sentence, tone }) => (
        <div key={id} class={`toast ${tone}`}>
          <span>{sentence}</span>
          <button type="button" class="link" aria-label="Close" onClick={() => close(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}

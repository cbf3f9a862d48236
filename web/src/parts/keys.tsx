import { useEffect, useRef, useState } from "preact/hooks";
import { go } from "../data/router.tsx";

/**
 * Keys: `g` and a letter go somewhere, `?` lists them all. A view adds its own with `useKeys`. None
 * acts while somebody types.
 */
const places: Record<string, [href: string, words: string]> = {
  i: ["/", "the inbox"],
  t: ["/tasks", "tasks"],
  n: ["/new", "a new task"],
  r: ["/triggers", "triggers"],
  a: ["/agents", "agents"],
  s: ["/settings", "settings"],
};

type Binding = { key: string; words: string };

export function Keys() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [own, setOwn] = useState<readonly Binding[]>([]);
  const open = () => {
    setOwn([...document.querySelectorAll<HTMLElement>("[data-keys]")].flatMap(readBindings));
    dialog.current?.showModal();
  };
  useEffect(() => {
    let afterG = false;
    const press = (event: KeyboardEvent) => {
      if (isField(event.target) || dialog.current?.open) return;
      if (event.ctrlKey || event.metaKey || event.altKey) return; // the browser's own
      const place = places[event.key];
      if (afterG && place) go(place[0]);
      afterG = event.key === "g" && !afterG;
      if (event.key === "?") open();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return (
    <>
      <button type="button" class="keys-open" aria-label="Keys" title="Keys: ?" onClick={open}>
        <kbd>?</kbd>
      </button>
      <dialog ref={dialog} class="keys" aria-label="Keys">
        <h2>Keys</h2>
        <dl>
          {Object.entries(places).map(([key, [, words]]) => (
            <div key={key}>
              <dt>
                <kbd>g</kbd> <kbd>{key}</kbd>
              </dt>
              <dd>go to {words}</dd>
            </div>
          ))}
          {own.map(({ key, words }) => (
            <div key={key}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{words}</dd>
            </div>
          ))}
          <div>
            <dt>
              <kbd>?</kbd>
            </dt>
            <dd>this list</dd>
          </div>
        </dl>
        <form method="dialog">
          <button type="submit" class="button plain">
            Close
          </button>
        </form>
      </dialog>
    </>
  );
}

/**
 * The keys of a view: the returned attributes go on its outermost element, where the list of keys
 * finds their words.
 */
export function useKeys(bindings: readonly (Binding & { act: () => void })[]): {
  "data-keys": string;
} {
  const current = useRef(bindings);
  current.current = bindings;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (isField(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
      if (document.querySelector("dialog[open]")) return;
      const binding = current.current.find(({ key }) => key === event.key);
      if (!binding) return;
      event.preventDefault();
      binding.act();
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
  return { "data-keys": JSON.stringify(bindings.map(({ key, words }) => ({ key, words }))) };
}

const readBindings = (element: HTMLElement): Binding[] =>
  JSON.parse(element.dataset.keys ?? "[]") as Binding[];

/** Whether keys are for what is typed or chosen there; a box that is ticked takes no letters. */
export const isField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.matches("textarea, select, input:not([type=checkbox], [type=radio])"));

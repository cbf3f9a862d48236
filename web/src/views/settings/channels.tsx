import { useCallback, useState } from "preact/hooks";
import type { z } from "zod";
import type { pressWire, testedPushWire } from "../../../../src/api/phone.ts";
import { read, send } from "../../data/api.ts";
import { usePoll } from "../../data/use-poll.ts";
import { Button, tellError } from "../../parts/button.tsx";

/** A push on each channel that is configured, and its button on the way back. */
type Tested = z.infer<typeof testedPushWire>;

/** How long the page looks for the button, and how often. */
const patienceMs = 180_000;
const lookMs = 2_000;

export function Channels() {
  const [tested, setTested] = useState<Tested | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const run = async () => {
    setProblem(null);
    setTested(null);
    setTested(await send<Tested>("POST", "/v1/notify/test"));
    return null;
  };
  return (
    <div class="card setting">
      <h3>Channels</h3>
      <p>A test push shows that your phone rings, and that its button comes back.</p>
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      {tested && (
        <ul class="channels" role="status">
          {tested.channels.map(({ name, problem: why }) => (
            <li key={name}>
              <span class={`state ${why === null ? "good" : "bad"}`}>
                <span aria-hidden="true">{why === null ? "✓" : "×"}</span> {name}
              </span>{" "}
              {why ?? "took it"}
            </li>
          ))}
          {tested.no_button && <li>{tested.no_button}</li>}
          {tested.id && (
            <li>
              <Press key={tested.id} id={tested.id} />
            </li>
          )}
        </ul>
      )}
      <Button act={run} refused={setProblem}>
        Send a test push
      </Button>
    </div>
  );
}

/** Looks for the button until it was pressed, or for some minutes. */
function Press({ id }: { id: string }) {
  const [words, setWords] = useState("Press the button of the push: waiting for it…");
  const [startedAt] = useState(() => Date.now());
  const look = useCallback(
    async (signal: AbortSignal) => {
      try {
        const path = `/v1/notify/test/${id}`;
        const { pressed_at } = await read<z.infer<typeof pressWire>>(path, signal);
        if (pressed_at === null && Date.now() - startedAt <= patienceMs) return true;
        setWords(
          pressed_at === null
            ? "Its button has not come back within three minutes."
            : "Its button came back: answers from there arrive.",
        );
      } catch (error) {
        setWords(tellError(error));
      }
      return false;
    },
    [id, startedAt],
  );
  usePoll(look, lookMs);
  return <>{words}</>;
}

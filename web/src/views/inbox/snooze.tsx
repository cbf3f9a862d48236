import type { AttentionItemView } from "../../../../src/api/attention.ts";
import { send } from "../../data/api.ts";
import { Button } from "../../parts/button.tsx";
import { Menu } from "../../parts/menu.tsx";
import { minutesUntilMorning } from "./later.ts";

/** Puts an item off: it is at the end of the list until then, and rings again after that. */
export function Snooze({
  item: { snoozed_until, task },
  settled,
  refused,
}: {
  item: AttentionItemView;
  settled: () => void;
  refused: (sentence: string) => void;
}) {
  if (!task) return null;
  const put = async (minutes: number) => {
    const { detail } = await send<{ detail: string }>("POST", `/v1/tasks/${task.id}/snooze`, {
      minutes,
    });
    settled();
    return detail;
  };
  const choices: [words: string, minutes: () => number][] = [
    ["For 1 hour", () => 60],
    ["For 4 hours", () => 240],
    ["Until tomorrow, 9:00", () => minutesUntilMorning(new Date())],
    ["For a week", () => 7 * 24 * 60],
  ];
  return (
    <Menu label="Later">
      {choices.map(([words, minutes]) => (
        <Button key={words} act={() => put(minutes())} refused={refused}>
          {words}
        </Button>
      ))}
      {snoozed_until && (
        <Button act={() => put(0)} refused={refused}>
          Not later: now
        </Button>
      )}
    </Menu>
  );
}

import { Link } from "../../data/router.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";
import type { Delivery } from "./trigger-view.ts";

/** What came in last, and what became of it. */
export function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }) {
  if (deliveries.length === 0) return <p class="soft">Nothing has come in yet.</p>;
  return (
    <ul class="rows deliveries">
      {deliveries.map((delivery, index) => {
        const read = (name: string) =>
          typeof delivery[name] === "string" ? (delivery[name] as string) : null;
        const at = read("at");
        const task = read("task");
        return (
          <li key={read("id") ?? index} class="delivery">
            <span>
              {[read("source"), read("event"), read("subject")]
                .filter((word) => word !== null)
                .map((word, position) => (
                  <span key={word}>
                    {position > 0 && " · "}
                    <OutsideText text={word} />
                  </span>
                ))}
            </span>
            <span>
              <OutsideText text={read("result") ?? "still open"} />{" "}
              {task && <Link href={`/tasks/${task}`}>its task</Link>}
            </span>
            {at && (
              <span class="soft">
                <Time at={at} />
              </span>
            )}
          </li>
        );
      })}
    </ul>
  );
}

import { Link } from "../../data/router.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";
import type { Delivery } from "./trigger-view.ts";

/** What came in last, and what became of it. */
export function Deliveries({ deliveries }: { deliveries: readonly Delivery[] }) {
  if (deliveries.length === 0) return <p class="soft">Nothing has come in yet.</p>;
  return (
    <ul class="deliveries">
      {deliveries.map(({ action, at, event, id, result, rule, source, task }) => (
        <li key={id} class="delivery">
          <span>
            <OutsideText
              text={[source, action === null ? event : `${event} ${action}`].join(" · ")}
            />{" "}
            {rule !== null && (
              <span class="chip">
                <OutsideText text={rule} />
              </span>
            )}
          </span>
          <span>
            <OutsideText text={result ?? "still open"} />{" "}
            {task && <Link href={`/tasks/${task}`}>its task</Link>}
          </span>
          <span class="soft">
            <Time at={at} />
          </span>
        </li>
      ))}
    </ul>
  );
}

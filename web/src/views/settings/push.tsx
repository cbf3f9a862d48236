import { useEffect, useState } from "preact/hooks";
import { explainNoPush, hasPush, switchOff, switchOn } from "../../data/push.ts";
import { useResource } from "../../data/use-resource.ts";
import { Button, tellError } from "../../parts/button.tsx";

/** Pushes to this very browser, without another app; or in one sentence why there can be none. */
type Seen = { isOn: boolean; refusal: string | null };

export function Push() {
  const [seen, setSeen] = useState<Seen | null>(null);
  // Before the browser asks the person anything: a daemon without Web Push has no key.
  const key = useResource<{ public_key: string }>("/v1/push/key");
  const look = async () => {
    const isOn = await hasPush().catch(() => false); // a browser that cannot tell has none
    setSeen({ isOn, refusal: explainNoPush() });
  };
  useEffect(() => void look(), []);
  const turn = async (way: () => Promise<string>) => {
    try {
      return await way();
    } finally {
      await look(); // a refusal may be for good
    }
  };
  const impossible = seen?.refusal ?? (key.problem && tellError(key.problem));
  const isOn = seen?.isOn ?? false;
  return (
    <div class="card setting push">
      <h3>On this device</h3>
      <p>
        {impossible ??
          (isOn
            ? "This browser shows a notification when something needs you."
            : "This browser can show a notification when something needs you, also while Deputy is closed.")}
      </p>
      {(impossible === null || isOn) && (
        <Button
          kind={isOn ? "plain" : "primary"}
          act={() => turn(isOn ? switchOff : switchOn)}
          disabled={seen === null || (key.data === null && !isOn)}
        >
          {isOn ? "Switch off" : "Switch on"}
        </Button>
      )}
    </div>
  );
}

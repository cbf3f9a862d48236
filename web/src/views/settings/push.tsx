import { useEffect, useState } from "preact/hooks";
import { explainNoPush, hasPush, switchOff, switchOn } from "../../data/push.ts";
import { Button } from "../../parts/button.tsx";

/** Pushes to this very browser, without another app. */
export function Push() {
  const [isOn, setOn] = useState<boolean | null>(null);
  const look = () => hasPush().then(setOn, () => setOn(false));
  useEffect(() => void look(), []);
  const impossible = explainNoPush();
  const turn = async (way: () => Promise<string>) => {
    const sentence = await way();
    await look();
    return sentence;
  };
  return (
    <div class="card setting">
      <h3>On this device</h3>
      {impossible !== null ? (
        <p>{impossible}</p>
      ) : (
        <>
          <p>
            {isOn
              ? "This browser shows a notification when something needs you."
              : "This browser can show a notification when something needs you, also while Deputy is closed."}
          </p>
          <Button
            kind={isOn ? "plain" : "primary"}
            act={() => turn(isOn ? switchOff : switchOn)}
            disabled={isOn === null}
          >
            {isOn ? "Switch off" : "Switch on"}
          </Button>
        </>
      )}
    </div>
  );
}

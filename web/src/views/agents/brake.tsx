import { useState } from "preact/hooks";
import type { z } from "zod";
import type { frozenWire } from "../../../../src/api/freeze.ts";
import { send } from "../../data/api.ts";
import { useMayAct } from "../../data/page-context.ts";
import { useResource } from "../../data/use-resource.ts";
import { Button } from "../../parts/button.tsx";
import { TextField } from "../../parts/field.tsx";
import { Shown } from "../../parts/shown.tsx";

/** Stops all spending, and lets it start again. */
type Frozen = z.infer<typeof frozenWire>;

export function Brake() {
  const frozen = useResource<Frozen>("/v1/freeze", ({ attention }) => attention);
  const [reason, setReason] = useState("");
  const mayAct = useMayAct();
  const act = async (path: string, body?: object) => {
    const { detail } = await send<Frozen>("POST", path, body);
    setReason("");
    frozen.refresh();
    return detail;
  };
  return (
    <Shown resource={frozen} skeleton={1}>
      {({ detail, freeze }) => (
        <div class="card brake">
          <p>{detail}</p>
          {mayAct && freeze === null && (
            <>
              <TextField
                label="Reason"
                value={reason}
                set={setReason}
                maxLength={500}
                hint="Shown wherever Deputy says that nothing starts. Running work is parked; nothing is lost."
              />
              <Button
                kind="danger"
                confirm="Stop everything?"
                act={() => act("/v1/freeze", reason.trim() === "" ? {} : { reason: reason.trim() })}
              >
                Freeze
              </Button>
            </>
          )}
          {freeze !== null && (
            <Button
              kind="primary"
              confirm="Let everything start again?"
              act={() => act("/v1/thaw")}
            >
              Thaw
            </Button>
          )}
        </div>
      )}
    </Shown>
  );
}

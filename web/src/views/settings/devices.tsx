import { useState } from "preact/hooks";
import type { z } from "zod";
import type { deviceWire } from "../../../../src/api/session.ts";
import { send } from "../../data/api.ts";
import { useMayAct } from "../../data/page-context.ts";
import type { Resource } from "../../data/use-resource.ts";
import { Button } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Shown } from "../../parts/shown.tsx";
import { Time } from "../../parts/time.tsx";

/** Browsers that are signed in: what each may, and how it is sent away. */
type Device = z.infer<typeof deviceWire>;

export type DeviceList = { devices: Device[] };

export function Devices({ list }: { list: Resource<DeviceList> }) {
  return (
    <Shown resource={list} skeleton={2}>
      {({ devices }) => (
        <ul class="cards devices">
          {devices.map((device) => (
            <DeviceCard key={device.id} device={device} changed={list.refresh} />
          ))}
        </ul>
      )}
    </Shown>
  );
}

function DeviceCard({ device, changed }: { device: Device; changed: () => void }) {
  const { current, id, name, paired_at, push, scope, seen_at } = device;
  const mayAct = useMayAct();
  const [isRenaming, setRenaming] = useState(false);
  const change = async (body: { name?: string; scope?: string }, sentence: string) => {
    await send("PATCH", `/v1/devices/${id}`, body);
    changed();
    return sentence;
  };
  return (
    <li class="card device">
      <div class="device-head">
        <h3>
          <OutsideText text={name} />
        </h3>
        {current && <span class="state run">this one</span>}
        <span class="chip">{scope === "act" ? "may act" : "may look"}</span>
        {push && <span class="chip">gets pushes</span>}
      </div>
      <p class="soft">
        <Time at={paired_at} prefix="paired " />, <Time at={seen_at} prefix="seen " />
      </p>
      {mayAct && isRenaming && (
        <Rename
          name={name}
          save={(next) => change({ name: next }, `It is called ${next} now.`)}
          close={() => setRenaming(false)}
        />
      )}
      <div class="actions">
        {mayAct && !isRenaming && (
          <button type="button" class="button plain" onClick={() => setRenaming(true)}>
            Rename<span class="unseen"> {name}</span>
          </button>
        )}
        {!current && (
          <>
            <Button
              act={() =>
                scope === "act"
                  ? change({ scope: "view" }, `${name} may only look now.`)
                  : change({ scope: "act" }, `${name} may act now.`)
              }
              confirm={scope === "act" ? undefined : "Let it do all that you may?"}
            >
              {scope === "act" ? "Let it only look" : "Let it act"}
            </Button>
            <Button
              kind="danger"
              confirm={`Sign ${name} out?`}
              act={async () => {
                await send("DELETE", `/v1/devices/${id}`);
                changed();
                return `${name} is signed out.`;
              }}
            >
              Revoke
            </Button>
          </>
        )}
      </div>
    </li>
  );
}

function Rename({
  name,
  save,
  close,
}: {
  name: string;
  save: (name: string) => Promise<string>;
  close: () => void;
}) {
  const [text, setText] = useState(name);
  return (
    <div class="device-rename">
      <label>
        <span class="unseen">New name of {name}</span>
        <input
          value={text}
          maxLength={60}
          ref={(input) => {
            if (input && !input.dataset.seen) {
              input.dataset.seen = "yes";
              input.focus();
            }
          }}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onKeyDown={(event) => event.key === "Escape" && close()}
        />
      </label>
      <Button
        kind="primary"
        act={async () => {
          const sentence = await save(text);
          close();
          return sentence;
        }}
      >
        Save
      </Button>
      <button type="button" class="button plain" onClick={close}>
        Cancel
      </button>
    </div>
  );
}

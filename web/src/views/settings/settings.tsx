import { useMayAct, usePage } from "../../data/page-context.ts";
import { useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { Channels } from "./channels.tsx";
import { type DeviceList, Devices } from "./devices.tsx";
import { PairAnother } from "./pair-another.tsx";
import { Push } from "./push.tsx";
import { SignOut } from "./sign-out.tsx";
import "./settings.css";

/** Who may come in, and where Deputy rings. */
export default function Settings() {
  useTitle("Settings");
  const { session } = usePage();
  const mayAct = useMayAct();
  const devices = useResource<DeviceList>("/v1/devices");
  return (
    <>
      <h1 class="view-title">Settings</h1>
      <h2 class="section-title">Devices</h2>
      {!mayAct && <p class="hint">This device may only look.</p>}
      <Devices list={devices} />
      {mayAct && <PairAnother paired={devices.refresh} />}
      {mayAct && (
        <>
          <h2 class="section-title">Pushes</h2>
          <Push />
          <Channels />
        </>
      )}
      <h2 class="section-title">This browser</h2>
      <div class="card setting">
        <p>
          Signed in as {session.device.name}, to Deputy {session.version}.
        </p>
        <SignOut />
      </div>
    </>
  );
}

import { lazy, Suspense } from "preact/compat";
import { useCallback, useState } from "preact/hooks";
import type { z } from "zod";
import type { pairingStateWire, pairingWire } from "../../../../src/api/session.ts";
import { read, send } from "../../data/api.ts";
import { usePoll } from "../../data/use-poll.ts";
import { Button } from "../../parts/button.tsx";
import { SelectField } from "../../parts/field.tsx";
import { useNow } from "../../parts/time.tsx";
import { formatAge } from "../../parts/words.ts";

/** A code, and an address as a QR, that let one more device in; each is used once and soon over. */
type Pairing = z.infer<typeof pairingWire>;
type Waiting = z.infer<typeof pairingStateWire>;

const Qr = lazy(() => import("./qr.tsx"));

export function PairAnother({ paired }: { paired: () => void }) {
  const [scope, setScope] = useState("act");
  const [pairing, setPairing] = useState<Pairing | null>(null);
  const isUsed = useIsUsed(pairing, paired);
  const open = async () => {
    setPairing(await send<Pairing>("POST", "/v1/pairing", { scope }));
    return null;
  };
  return (
    <div class="card setting">
      <h3>Pair another device</h3>
      <SelectField
        label="What it may"
        value={scope}
        set={(next) => {
          setScope(next);
          setPairing(null);
        }}
        options={[
          ["act", "All that you may"],
          ["view", "Only look"],
        ]}
      />
      {pairing && (isUsed ? <p role="status">It is paired.</p> : <Code pairing={pairing} />)}
      <Button kind={pairing ? "plain" : "primary"} act={open}>
        {pairing ? "Another code" : "Show a code"}
      </Button>
    </div>
  );
}

function Code({ pairing: { code, expires_at, link, url } }: { pairing: Pairing }) {
  const leftMs = Date.parse(expires_at) - useNow(1_000);
  if (leftMs <= 0) return <p class="problem">This code is over.</p>;
  const address = url ?? new URL(link, location.href).href;
  return (
    <div class="pair-code">
      <Suspense fallback={<div class="qr" />}>
        <Qr text={address} />
      </Suspense>
      <div>
        <p>Scan this with the device, or open Deputy there and type</p>
        <p class="pair-digits">{code}</p>
        <p class="soft">For one device, for {formatAge(leftMs)}.</p>
        {url === null && /^(localhost|127\.|\[::1\])/.test(location.hostname) && (
          <p class="hint">
            This address works on this machine alone. A phone needs one of its own: set{" "}
            <code>public_url</code>.
          </p>
        )}
      </div>
    </div>
  );
}

/** Whether the code that is shown has let its device in; looked for while it is shown. */
function useIsUsed(pairing: Pairing | null, paired: () => void): boolean {
  const [used, setUsed] = useState<string | null>(null);
  const code = pairing?.code ?? null;
  const endsAt = pairing ? Date.parse(pairing.expires_at) : 0;
  const look = useCallback(
    async (signal: AbortSignal) => {
      // A look that fails is one that is made again.
      const waits = await read<Waiting>("/v1/pairing", signal).catch(() => null);
      if (Date.now() >= endsAt) return false;
      if (waits?.expires_at !== null) return true;
      setUsed(code);
      paired();
      return false;
    },
    [code, endsAt, paired],
  );
  usePoll(code === null ? null : look, 2_000);
  return code !== null && used === code;
}

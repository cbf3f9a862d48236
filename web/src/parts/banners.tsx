import { useEffect, useState } from "preact/hooks";
import type { z } from "zod";
import type { frozenWire } from "../../../src/api/freeze.ts";
import { read, send } from "../data/api.ts";
import { type Session, usePage } from "../data/page-context.ts";
import { useStore } from "../data/store.ts";
import { useResource } from "../data/use-resource.ts";
import { Button } from "./button.tsx";
import { OutsideText } from "./outside-text.tsx";
import { Time } from "./time.tsx";

/** What is true of all of Deputy, above every view: it is frozen, or another one than this page's. */
export function Banners() {
  return (
    <>
      <Unheard />
      <Updated />
      <FrozenBanner />
    </>
  );
}

/** The daemon answers, and its stream never said a word. */
function Unheard() {
  const { live } = usePage();
  const { heardAt, link } = useStore(live.state);
  if (link !== "stale" || heardAt !== null) return null;
  return (
    <div class="banner ask" role="status">
      No news comes in, so what is shown may be old: Deputy does not answer, or a proxy in between
      holds its stream back.
    </div>
  );
}

/** A freeze, and a thaw, change what needs a person. */
function FrozenBanner() {
  const { data, refresh } = useResource<z.infer<typeof frozenWire>>(
    "/v1/freeze",
    ({ attention }) => attention,
  );
  if (!data?.freeze) return null;
  const { reason, since } = data.freeze;
  return (
    <div class="banner ask" role="status">
      <span>
        Deputy is frozen: nothing starts{reason === null ? "" : ", because: "}
        {reason !== null && <OutsideText text={reason} />} (<Time at={since} />)
      </span>
      <Button
        confirm="Let everything start again?"
        act={async () => {
          const { detail } = await send<{ detail: string }>("POST", "/v1/thaw");
          refresh();
          return detail;
        }}
      >
        Thaw
      </Button>
    </div>
  );
}

/** Looked at whenever the stream was opened anew: a daemon that was updated was started again. */
function Updated() {
  const { live, session } = usePage();
  const [now, setNow] = useState<Session>(session);
  const { link } = useStore(live.state);
  useEffect(() => {
    // What goes wrong is said by the stream's own state.
    if (link === "live") read<Session>("/v1/session").then(setNow, () => {});
  }, [link]);
  if (now.build === session.build && now.version === session.version) return null;
  return (
    <div class="banner run" role="status">
      <span>Deputy was updated to {now.version}; this page is of an earlier one.</span>
      <button type="button" class="button primary" onClick={() => location.reload()}>
        Reload this page
      </button>
    </div>
  );
}

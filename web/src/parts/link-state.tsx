import { usePage } from "../data/page-context.ts";
import { useStore } from "../data/store.ts";
import { useNow } from "./time.tsx";
import { formatAge } from "./words.ts";

/** Whether what is shown is what is: live, or stale and since when. */
export function LinkState() {
  const { live } = usePage();
  const { link, heardAt, frozen } = useStore(live.state);
  const now = useNow(5_000);
  const words = {
    connecting: "connecting",
    live: frozen ? "frozen" : "live",
    stale: heardAt === null ? "not live" : `stale since ${formatAge(now - heardAt)}`,
    signed_out: "signed out",
  }[link];
  return (
    <span
      class={`link-state ${link}`}
      role="status"
      title={heardAt === null ? "" : `last heard ${new Date(heardAt).toLocaleTimeString()}`}
    >
      {words}
    </span>
  );
}

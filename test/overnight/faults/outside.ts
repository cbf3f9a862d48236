import { setTimeout as sleep } from "node:timers/promises";
import { canMount, mountSmallVolume } from "../../support/small-volume.ts";
import { until } from "../../support/until.ts";
import type { Fault } from "../fault.ts";

/** The phone and the disk. */
export const outsideFaults: Fault[] = [
  {
    name: "the phone's server is down",
    layer: "network",
    what: "ntfy answers 503 until every task is over",
    inject: async (world) => {
      world.phone.refuse(503);
      await world.letGo();
      await until(() => world.phone.refused() > 0, "a push was refused");
      world.phone.refuse(null);
      return `${world.phone.refused()} pushes refused with 503`;
    },
  },
  {
    name: "the disk fills up",
    layer: "disk",
    what: "the volume of the home is full for three seconds while agents work",
    missing: () => (canMount ? null : "only root can make a small volume"),
    inject: async (world) => {
      await world.untilAtWork();
      const volume = mountSmallVolume(`${world.deputy.home}/logs`, "size=4m");
      try {
        volume.fill();
        await world.letGo();
        await sleep(3_000); // being full is the fault
        const { status } = await world.deputy.api("GET", "/readyz");
        return `the logs' volume was full, /readyz answered ${status}`;
      } finally {
        volume.restore();
        await sleep(2_000);
        volume.unmount();
      }
    },
  },
];

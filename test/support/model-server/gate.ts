import type { ServerResponse } from "node:http";
import type { ModelRequest } from "./records.ts";

export type Gate = ReturnType<typeof makeGate>;

/** Keeps replies back until they are let go; stalled ones wait here too. */
export function makeGate() {
  let holds: ((request: ModelRequest) => boolean) | null = null;
  const waiting = new Set<() => void>();
  const wait = (response: ServerResponse) =>
    new Promise<void>((resolve) => {
      const go = () => {
        waiting.delete(go);
        response.off("close", go);
        resolve();
      };
      waiting.add(go);
      response.once("close", go);
      if (response.destroyed) go();
    });
  return {
    /** From now on the replies to these requests wait. */
    hold(fits: (request: ModelRequest) => boolean = () => true): void {
      holds = fits;
    },
    /** Let everything go that waits, and hold nothing more. */
    release(): void {
      holds = null;
      for (const go of [...waiting]) go();
    },
    /** At once, unless it is held. */
    async pass(request: ModelRequest, response: ServerResponse): Promise<void> {
      if (holds?.(request)) await wait(response);
    },
    wait,
  };
}

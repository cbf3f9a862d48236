import type { Config } from "../config/config.ts";
import { makePrepare } from "../planner/plan-stage.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../worktree/mirror/transport.ts";

/** What a later base says about setup and checks, read in the same way as when a task is planned. */
export function makePrepareAgain({
  authHeader,
  config,
  mirrors,
}: {
  config: Config;
  mirrors: Mirrors;
  authHeader: AuthHeader;
}) {
  return makePrepare({ config, mirrors, authHeader });
}

import type { Config } from "../config/config.ts";
import { makePrepare } from "../planner/plan-stage.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { makeAuthHeader } from "./github-access.ts";

/** What a later base says about setup and checks, read in the same way as when a task is planned. */
export function makePrepareAgain({ config, mirrors }: { config: Config; mirrors: Mirrors }) {
  return makePrepare({ config, mirrors, authHeader: makeAuthHeader(config) });
}

import { DeputyError } from "../../../core/base/error.ts";
import type { Account } from "../github-trust.ts";
import type { InboxDeps } from "../inbox-deps.ts";

/** Whether a person may write, as GitHub says now; what it does not tell counts as no. */
export async function mayWriteNow(
  deps: Pick<InboxDeps, "hasWriteAccess" | "log">,
  repository: string,
  by: Account,
): Promise<boolean> {
  if (deps.hasWriteAccess === null) return false;
  try {
    return await deps.hasWriteAccess(repository, by);
  } catch (error) {
    const isHidden =
      error instanceof DeputyError && (error.code === "forbidden" || error.code === "not_found");
    if (!isHidden) throw error;
    deps.log("warn", { err: error }, `Whether ${by.login} may write is not known`);
    return false;
  }
}

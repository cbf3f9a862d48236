import { DeputyError } from "../../core/base/error.ts";
import { type OtherForge, type Place, parsePlace } from "../../core/forge/place.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { Forge } from "../github/forge.ts";
import { upsertComment } from "./make-pull-forge.ts";
import type { Commented, EventApi } from "./pull-forge.ts";

/** What is asked of a forge about its events; of GitHub reviews besides, see delivery/github/forge.ts. */
export type EventForge = Pick<
  Forge,
  | "acknowledgeComment"
  | "findOwnLogin"
  | "hasWriteAccess"
  | "listChecks"
  | "readCheckFailure"
  | "readPullRequest"
  | "upsertComment"
>;

/** Gitea, Forgejo or GitLab, by the rules for comments that hold on GitHub. Outgoing text is redacted. */
export function makeEventForge(kind: OtherForge, api: EventApi, redact: Redact): EventForge {
  const read = (target: string): Place => {
    const place = parsePlace(target);
    if (place?.forge === kind) return place;
    throw new DeputyError("unprocessable", `"${target}" is no issue or pull request on ${kind}.`);
  };
  const on = ({ isPull, number }: Place): Commented => ({ number, isPull });
  let login: string | null = null;
  return {
    upsertComment({ body, known, target, taskId }) {
      const place = read(target);
      return upsertComment(api, place.repository, on(place), taskId, redact(body), known);
    },
    async hasWriteAccess(repository, { id, login }) {
      if (id == null) return false;
      try {
        return await api.mayWrite(repository, { id, login });
      } catch (error) {
        // As with a token that may not ask: nobody is trusted, and a person decides.
        if (!(error instanceof DeputyError) || error.code !== "unauthorized") throw error;
        throw new DeputyError("forbidden", error.message);
      }
    },
    async findOwnLogin() {
      login ??= (await api.account())?.login ?? null;
      return login;
    },
    acknowledgeComment: (target, commentId) => {
      const place = read(target);
      return api.acknowledge(place.repository, on(place), commentId);
    },
    readPullRequest: (target) => {
      const { number, repository } = read(target);
      return api.readPull(repository, number);
    },
    listChecks: (repository, commit) => api.listChecks(repository, commit),
    readCheckFailure: (repository, run) => api.readFailure(repository, run),
  };
}

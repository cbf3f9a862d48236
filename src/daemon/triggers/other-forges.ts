import { z } from "zod";
import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { OtherForge } from "../../core/forge/place.ts";
import type { Redact } from "../../core/text/redact.ts";
import { countComments } from "../../delivery/forges/count-comments.ts";
import { makeEventForge } from "../../delivery/forges/event-forge.ts";
import { findProject } from "../../delivery/forges/forge-url.ts";
import { type ForgeSettings, openApi, openClient } from "../../delivery/forges/open-forges.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { forgeDoors } from "../../triggers/forges/forge-door.ts";
import { giteaPull } from "../../triggers/forges/gitea-shapes.ts";
import { gitlabPull } from "../../triggers/forges/gitlab-shapes.ts";
import { type AskForge, lookAtGitea } from "../../triggers/forges/look-gitea.ts";
import { lookAtGitlab } from "../../triggers/forges/look-gitlab.ts";
import type { InboxDeps } from "../../triggers/github/inbox-deps.ts";
import type { LookDeps } from "../../triggers/reconcile/reconcile.ts";
import type { Log } from "../home/log.ts";
import { makeGithubCommands } from "./github-commands.ts";
import { makeOwnPulls } from "./own-pulls.ts";

/** What processing the deliveries of a forge beside GitHub needs of it, and of nothing else. */
export type OfForge = Pick<
  InboxDeps,
  "forge" | "hasWriteAccess" | "commands" | "own" | "wasLabelled"
> & {
  kind: OtherForge;
  /** Null: without a token. */
  look: LookDeps | null;
};

export function connectForge(
  deps: {
    db: Db;
    config: Config;
    intake: AdvanceDeps;
    log: Log;
    redact: Redact;
    update: (taskId: string) => Promise<{ detail: string }>;
  },
  settings: ForgeSettings,
): OfForge {
  const { kind, url } = settings;
  const api = openApi(settings, deps.redact);
  const client = openClient(settings, deps.redact);
  if (api === null || client === null)
    return {
      ...{ kind, forge: kind, look: null },
      ...{ hasWriteAccess: null, commands: null, own: null, wasLabelled: null },
    };
  const { makeLook, showPull } = readers[kind];
  const found = makeLook((path) => client(`read ${path.split("?", 1)[0]}`, { path }, z.unknown()));
  const look: LookDeps = {
    ...found,
    poll: (...given) => orSay(kind, () => found.poll(...given)),
    read: (...given) => orSay(kind, () => found.read(...given)),
    listLabelled: (...given) => orSay(kind, () => found.listLabelled(...given)),
  };
  const asked = countComments(deps.db, makeEventForge(kind, api, deps.redact));
  const forge = {
    ...asked,
    readPullRequest: (target: string) =>
      orSay(kind, async () => showPull(await asked.readPullRequest(target))),
  };
  const isHere = ({ repository }: { repository: string }, project: string) =>
    findProject(repository, url)?.toLowerCase() === project.toLowerCase();
  return {
    ...{ kind, forge: kind, look },
    hasWriteAccess: (repository, account) => forge.hasWriteAccess(repository, account),
    commands: makeGithubCommands({ appSlug: null, ...deps, forge }),
    own: makeOwnPulls({ ...deps, forge, isHere }),
    wasLabelled: async (place, label, since) => {
      const name = label.toLowerCase();
      const set = await look.listLabelled(place);
      return set.some((one) => one.label.toLowerCase() === name && one.at >= since);
    },
  };
}

/** An answer of another shape is told in a sentence; another version of the forge may be right again. */
async function orSay<Found>(kind: OtherForge, read: () => Promise<Found>): Promise<Found> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const field = error.issues[0]?.path.join(".") || "the whole";
    throw new DeputyError(
      "unavailable",
      `${forgeDoors[kind].name} answered something else than expected at ${field}.`,
    );
  }
}

const readers: Record<
  OtherForge,
  { makeLook: (ask: AskForge) => LookDeps; showPull: (raw: unknown) => unknown }
> = {
  gitea: { makeLook: lookAtGitea, showPull: giteaPull },
  gitlab: { makeLook: lookAtGitlab, showPull: gitlabPull },
};

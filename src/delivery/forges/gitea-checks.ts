import { z } from "zod";
import type { ForgeClient } from "./forge-client.ts";
import type { EventApi } from "./pull-forge.ts";

/** What a Gitea's commit statuses say: its Actions set them, and so does every CI outside. */
const statusSchema = z.object({
  id: z.number(),
  context: z.string(),
  status: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
});

/** Logs of Actions have no address that a status leads to, so none is read. */
export function giteaChecks(ask: ForgeClient): Pick<EventApi, "listChecks" | "readFailure"> {
  return {
    async listChecks(project, commit) {
      const path = `/repos/${project}/commits/${commit}/status`;
      const schema = z.object({ statuses: z.array(statusSchema).nullish() });
      const doing = `read the checks of ${project}@${commit.slice(0, 10)}`;
      const { statuses } = await ask(doing, { path }, schema);
      return (statuses ?? []).map(({ context, description, id, status, target_url }) => ({
        ...{ id, name: context, isCompleted: status !== "pending", hasLog: false },
        hasFailed: status === "failure" || status === "error",
        words: [description, target_url].filter(Boolean).join("\n"),
      }));
    },
    readFailure: async () => ({ annotations: [], log: "" }),
  };
}

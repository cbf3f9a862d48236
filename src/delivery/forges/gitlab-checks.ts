import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import type { ForgeClient } from "./forge-client.ts";
import type { EventApi } from "./pull-forge.ts";

/** The jobs of a commit's pipelines, and what other programs say of it, each as it ran last. */
const statusSchema = z.object({
  id: z.number(),
  name: z.string(),
  status: z.string(),
  allow_failure: z.boolean().nullish(),
  description: z.string().nullish(),
});
const running = ["created", "waiting_for_resource", "preparing", "pending", "running", "scheduled"];

const pageSize = 100;
const maxPages = 10;

export function gitlabChecks(ask: ForgeClient): Pick<EventApi, "listChecks" | "readFailure"> {
  const at = (project: string, rest: string) => `/projects/${encodeURIComponent(project)}${rest}`;
  return {
    async listChecks(project, commit) {
      const doing = `read the checks of ${project}@${commit.slice(0, 10)}`;
      const all = [];
      for (let page = 1; page <= maxPages; page++) {
        const query = `per_page=${pageSize}&page=${page}`;
        const path = at(project, `/repository/commits/${commit}/statuses?${query}`);
        const some = await ask(doing, { path }, z.array(statusSchema));
        all.push(...some);
        if (some.length < pageSize) break;
      }
      return all.map(({ allow_failure, description, id, name, status }) => ({
        ...{ id, name, isCompleted: !running.includes(status) },
        hasFailed: status === "failed" && allow_failure !== true,
        // A job is a status of the same id; what other programs said has none.
        hasLog: true,
        words: description ?? "",
      }));
    },
    async readFailure(project, { id }) {
      const path = at(project, `/jobs/${id}/trace`);
      try {
        const doing = `read the log of a job of ${project}`;
        const log = await ask(doing, { path, isLog: true }, z.string().nullable());
        return { annotations: [], log: log ?? "" };
      } catch (error) {
        if (!(error instanceof DeputyError)) throw error;
        if (error.code !== "not_found" && error.code !== "forbidden") throw error;
        return { annotations: [], log: "(GitLab does not show its log)" };
      }
    },
  };
}

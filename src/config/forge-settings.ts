import { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import { readSecret } from "./read-environment.ts";

/** The forges beside GitHub, one of a kind. */
export const forgeSchemas = {
  gitea: z.strictObject({ url: z.url() }).optional(),
  gitlab: z.strictObject({ url: z.url() }).optional(),
};

export function readForges(
  file: z.infer<z.ZodObject<typeof forgeSchemas>>,
  env: NodeJS.ProcessEnv,
) {
  return [
    findForge("gitea", env.GITEA_URL || file.gitea?.url, readSecret(env, "GITEA_TOKEN")),
    findForge("gitlab", env.GITLAB_URL || file.gitlab?.url, readSecret(env, "GITLAB_TOKEN")),
  ].flat();
}

/** A forge whose address is known; a token alone is for gitlab.com. */
function findForge(kind: "gitea" | "gitlab", address: string | undefined, token: string | null) {
  const text = address ?? (kind === "gitlab" && token !== null ? "https://gitlab.com" : null);
  if (text === null && token === null) return [];
  const variable = kind === "gitea" ? "GITEA_URL" : "GITLAB_URL";
  const url = text !== null && URL.canParse(text) ? new URL(text) : null;
  if (url && /^https?:$/.test(url.protocol) && url.username + url.password === "")
    return [{ kind, url: url.href, token }];
  throw new DeputyError(
    "invalid_input",
    `${variable} (or url of ${kind} in config.yaml) must be the forge's address: an http or https URL without a login.`,
  );
}

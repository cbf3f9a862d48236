import { z } from "zod";
import { readSecret, requireAddress } from "./read-environment.ts";

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
  return [
    {
      kind,
      url: requireAddress(`${variable} (or ${kind}: url in config.yaml)`, text ?? ""),
      token,
    },
  ];
}

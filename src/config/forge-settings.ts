import { z } from "zod";
import type { OtherForge } from "../core/forge/place.ts";
import { readSecret, requireAddress } from "./read-environment.ts";

/** The forges beside GitHub, one of a kind. */
export const forgeSchemas = {
  gitea: z.strictObject({ url: z.url() }).optional(),
  gitlab: z.strictObject({ url: z.url() }).optional(),
};

/** Several while one is replaced: separated by a comma. */
export function readWebhookSecrets(env: NodeJS.ProcessEnv, name: string): string[] {
  const secrets = readSecret(env, name)?.split(",") ?? [];
  return secrets.map((secret) => secret.trim()).filter(Boolean);
}

export function readForges(
  file: z.infer<z.ZodObject<typeof forgeSchemas>>,
  env: NodeJS.ProcessEnv,
) {
  return [
    findForge("gitea", env.GITEA_URL || file.gitea?.url, env),
    findForge("gitlab", env.GITLAB_URL || file.gitlab?.url, env),
  ].flat();
}

/** A forge whose address is known; a token or a secret alone is for gitlab.com. */
function findForge(kind: OtherForge, address: string | undefined, env: NodeJS.ProcessEnv) {
  const name = kind.toUpperCase();
  const token = readSecret(env, `${name}_TOKEN`);
  const webhookSecrets = readWebhookSecrets(env, `${name}_WEBHOOK_SECRET`);
  const isUsed = token !== null || webhookSecrets.length > 0;
  const text = address ?? (kind === "gitlab" && isUsed ? "https://gitlab.com" : null);
  if (text === null && !isUsed) return [];
  const variable = `${name}_URL`;
  return [
    {
      kind,
      url: requireAddress(`${variable} (or ${kind}: url in config.yaml)`, text ?? ""),
      ...{ token, webhookSecrets },
    },
  ];
}

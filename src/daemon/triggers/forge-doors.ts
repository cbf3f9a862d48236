import type { Config } from "../../config/config.ts";
import type { OtherForge } from "../../core/forge/place.ts";
import { type ForgePost, forgeDoors } from "../../triggers/forges/forge-door.ts";
import { receiveForge } from "../../triggers/forges/receive-forge.ts";
import type { Receiving } from "../../triggers/github/receive-github.ts";

/** For so long a refusal is shown to a person who looks. */
const shownMs = 60 * 60_000;

/** Where webhooks of forges beside GitHub come in, and what a person should know about refused ones. */
export function makeDoors(forges: Config["forges"], keeping: Omit<Receiving, "secrets">) {
  /** The last that was refused since one was taken: a wrong secret refuses all of them. */
  const refused = new Map<OtherForge, Date>();
  return {
    async receive(forge: OtherForge, post: ForgePost) {
      const secrets = forges.find(({ kind }) => kind === forge)?.webhookSecrets ?? [];
      const answer = await receiveForge({ ...keeping, secrets, forge }, post);
      if (answer.status === 202) refused.delete(forge);
      // Anybody may knock; what looks like the forge's own is worth a look.
      if (answer.status === 401 && forgeDoors[forge].eventOf(post)) refused.set(forge, new Date());
      return answer;
    },
    problems: (): string[] =>
      [...refused]
        .filter(([, at]) => Date.now() - at.getTime() < shownMs)
        .map(
          ([forge, at]) =>
            `A webhook to /hooks/${forge} was refused at ${at.toISOString()}, because its secret is not that of ${forge.toUpperCase()}_WEBHOOK_SECRET: give both the same.`,
        ),
  };
}

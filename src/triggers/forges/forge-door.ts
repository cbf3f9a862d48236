import { createHash, createHmac, hash, timingSafeEqual } from "node:crypto";
import type { OtherForge } from "../../core/forge/place.ts";
import { isSignedByGithub } from "../github/github-signature.ts";

/**
 * How each forge proves that a webhook is its own, what it calls the event, and by what a delivery is
 * known again. Every secret is tried in constant time, so that two may be valid while one is replaced.
 */
export type ForgePost = { header(name: string): string | undefined; rawBody: Buffer };

export type ForgeDoor = {
  /** Its name for people. */
  name: string;
  /** Where its proof is, for the one whom it refuses. */
  proof: string;
  isGenuine(post: ForgePost, secrets: readonly string[]): boolean;
  eventOf(post: ForgePost): string | undefined;
  idOf(post: ForgePost): string | undefined;
};

export const forgeDoors: Record<OtherForge, ForgeDoor> = {
  gitea: {
    name: "Gitea",
    proof: "The signature in X-Gitea-Signature (or X-Forgejo-Signature, X-Hub-Signature-256)",
    isGenuine: ({ header, rawBody }, secrets) => {
      // Where there are several they are the same: a wrong one is not made good by a right one.
      const bare = header("x-forgejo-signature") ?? header("x-gitea-signature");
      const given = bare === undefined ? header("x-hub-signature-256") : `sha256=${bare}`;
      return isSignedByGithub(rawBody, given, secrets);
    },
    eventOf: ({ header }) => header("x-forgejo-event") ?? header("x-gitea-event"),
    idOf: ({ header }) => header("x-forgejo-delivery") ?? header("x-gitea-delivery"),
  },
  gitlab: {
    name: "GitLab",
    proof: "The secret in X-Gitlab-Token, or the signature in webhook-signature,",
    isGenuine: (post, secrets) => {
      const isSigned = isSignedByGitlab(post, secrets);
      return isToken(post.header("x-gitlab-token"), secrets) || isSigned;
    },
    eventOf: ({ header }) => header("x-gitlab-event"),
    idOf: ({ header, rawBody }) => {
      const id = header("webhook-id") ?? header("idempotency-key");
      if (id !== undefined) return id;
      // Before 17.4 a repetition is known by its body; events that follow from one another share the UUID.
      const event = header("x-gitlab-event-uuid");
      const body = createHash("sha256").update(rawBody).digest("hex").slice(0, 32);
      return event === undefined ? body : `${event}.${body}`;
    },
  },
};

/** In a time that tells nothing about the secrets, their lengths included. */
function isToken(given: string | undefined, secrets: readonly string[]): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  const found = digest(given ?? "");
  let matches = false;
  for (const secret of secrets)
    if (timingSafeEqual(digest(secret), found) && secret !== "") matches = true;
  return matches;
}

/**
 * A signing token as Standard Webhooks has it: `whsec_` and a key in base64, over id, time and body. The
 * time is not judged, because what is sent again later is known by the id, which is signed as well.
 */
function isSignedByGitlab({ header, rawBody }: ForgePost, secrets: readonly string[]): boolean {
  const signed = `${header("webhook-id") ?? ""}.${header("webhook-timestamp") ?? ""}.`;
  const given = (header("webhook-signature") ?? "")
    .split(" ")
    .flatMap((one) => /^v1,([A-Za-z0-9+/]{43}=)$/.exec(one)?.[1] ?? [])
    .map((text) => Buffer.from(text, "base64"));
  let matches = false;
  for (const secret of secrets) {
    const [, key] = /^whsec_(.+)$/.exec(secret) ?? [];
    if (key === undefined) continue;
    const hmac = createHmac("sha256", Buffer.from(key, "base64")).update(signed).update(rawBody);
    const expected = hmac.digest();
    for (const one of given) if (timingSafeEqual(one, expected)) matches = true;
  }
  return matches;
}

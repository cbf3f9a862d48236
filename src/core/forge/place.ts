/**
 * An issue or a pull request of a forge, as one word in our rows: `acme/app#7` on GitHub, with the
 * forge before it elsewhere (`gitea:acme/app#7`), and `!` for a merge request of GitLab, which counts
 * those apart from issues. Pure.
 */
export const forgeKinds = ["github", "gitea", "gitlab"] as const;
export type ForgeKind = (typeof forgeKinds)[number];
/** Those that have an address of their own. */
export type OtherForge = Exclude<ForgeKind, "github">;

export type Place = {
  forge: ForgeKind;
  /** `owner/name`; of GitLab, with all its groups. */
  repository: string;
  number: number;
  isPull: boolean;
};

export function writePlace({ forge, isPull, number, repository }: Place): string {
  const mark = isPull && forge === "gitlab" ? "!" : "#";
  return `${repositoryWord(forge, repository)}${mark}${number}`;
}

/** A repository as one word, which says its forge. */
export function repositoryWord(forge: ForgeKind, repository: string): string {
  return forge === "github" ? repository : `${forge}:${repository}`;
}

/** Null: it is none. Whether a place is a pull request shows on GitLab alone. */
export function parsePlace(place: string): Place | null {
  const [, forge = "github", repository = "", mark, number] =
    /^(?:(gitea|gitlab):)?([\w.-]+(?:\/[\w.-]+)+)([#!])(\d{1,12})$/.exec(place) ?? [];
  if (number === undefined || repository.split("/").some((part) => /^\.{1,2}$/.test(part)))
    return null;
  return {
    ...{ forge: forge as ForgeKind, repository },
    ...{ number: Number(number), isPull: mark === "!" },
  };
}

/** The number of the pull request that a URL of ours ends with, on any forge; null: it is of none. */
export function numberOfPull(url: string | null): number | null {
  const [, number] = /\/(?:pulls?|merge_requests)\/(\d{1,12})$/.exec(url ?? "") ?? [];
  return number === undefined ? null : Number(number);
}

/** What a task is about: a place, or `repository@commit`. */
export function subjectOf(forge: ForgeKind, place: string): string {
  return forge === "github" ? `github:${place}` : place;
}

/** A subject or a place as people on its forge read it. */
export function withoutForge(word: string): string {
  return word.replace(/^(?:github|gitea|gitlab):/, "");
}

/** The key of what a delivery does; the ids of forges beside GitHub have their forge in front already. */
export function keyOfDelivery(forge: ForgeKind, deliveryId: string): string {
  return forge === "github" ? `github:${deliveryId}` : deliveryId;
}

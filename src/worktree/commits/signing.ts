import { DeputyError } from "../../core/base/error.ts";
import type { Repository } from "../mirror/repository-url.ts";
import { inspectSource } from "../mirror/source-repository.ts";

/**
 * Signing with the key of the daemon's user, as their own git would: with their configuration, and
 * that of their checkout where the repository is on this machine. Keys and agents are reached by git
 * alone, in the daemon, never in a box.
 */
export type Signing = {
  /** What the checkout's configuration says, beside the user's own. */
  config: Readonly<Record<string, string>>;
  signal: AbortSignal;
};

/** A dialog that asks for a passphrase may be open for as long. */
const patienceMs = 60_000;

export async function openSigning(repository: Repository): Promise<Signing> {
  const signal = AbortSignal.timeout(patienceMs);
  if (repository.kind === "remote") return { config: {}, signal };
  const { git } = await inspectSource(repository.url);
  const args = ["config", "-z", "--get-regexp", "^(user\\.signingkey|gpg\\..*)$"];
  const entries = (await git.ask(args)).stdout.toString("utf8").split("\0").filter(Boolean);
  const config = entries.map((entry): [string, string] => {
    const end = entry.indexOf("\n");
    // A key without a value is true.
    return end < 0 ? [entry, "true"] : [entry.slice(0, end), entry.slice(end + 1)];
  });
  return { config: Object.fromEntries(config), signal };
}

/** What a person has to mend before anything is delivered: nothing unsigned goes out instead. */
export function refuseUnsigned(said: string): DeputyError {
  const lines = said.split("\n").map((line) => line.trim().replace(/^(?:error|fatal): /, ""));
  const why = lines.filter((line) => line !== "" && line !== "failed to write commit object");
  const reason = why
    .slice(0, 3)
    .join(" ")
    .replace(/[.:?\s]+$/, "");
  return new DeputyError(
    "unprocessable",
    `git could not sign the commits (${reason.slice(0, 400) || "it said nothing"}): see that the daemon's user can sign (user.signingkey, gpg.format, an unlocked agent), or set commits.sign to false.`,
  );
}

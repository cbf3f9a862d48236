import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Role } from "../../core/budget/usage.ts";
import { type AgentEnd, type AgentRun, endWith } from "../agent.ts";
import type { Cli } from "./cli.ts";

/**
 * The login for a run of a third-party program: a private copy of the user's, in the run's scratch
 * folder, read-only in its box and deleted afterwards. The copy has no refresh token. That token
 * can be used once, and a program that used it in the box, without access to the user's file, would
 * log the user out. So an expired login needs a person, whose own program refreshes it.
 */
export type LentLogin = {
  /** Null: the user has none, which the program reports itself. */
  path: string | null;
  /** Why the user's login cannot be used, as a clause. */
  problem: string | null;
};

export async function lendLogin(
  cli: Pick<Cli, "name" | "loginFile" | "lend">,
  { userHome, model }: { userHome: string; model: string | null },
  run: Pick<AgentRun, "scratch">,
): Promise<LentLogin> {
  const own = join(userHome, cli.loginFile);
  const text = await readFile(own, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return { path: null, problem: null };
  const unusable = (why: string) => ({ path: null, problem: `the login of ${cli.name} ${why}` });
  const lendable = cli.lend(parse(text), model);
  if (lendable === null) return unusable(`in ${own} cannot be read`);
  const { login, expiresAt } = lendable;
  if (expiresAt !== null && expiresAt.getTime() <= Date.now())
    return unusable(`expired at ${expiresAt.toISOString()}`);
  const folder = join(run.scratch, "login");
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o700 });
  const path = join(folder, basename(cli.loginFile));
  await writeFile(path, JSON.stringify(login), { mode: 0o400, flag: "wx" });
  return { path, problem: null };
}

export function adviseLogIn({ name, logIn }: Pick<Cli, "name" | "logIn">): string {
  return `start \`${name}\` once as the daemon's user, which renews its login, or run \`${logIn}\``;
}

/** A coder's run waits for a person to fix it; other roles fail with the same advice. */
export function askToMend(
  what: "login" | "credit",
  cli: Pick<Cli, "name" | "logIn">,
  role: Role,
  problem: string,
): AgentEnd {
  const advice = what === "login" ? adviseLogIn(cli) : "add credit to its account, or to its plan";
  if (role !== "coder") return endWith("gave_up", "agent_unavailable", `${problem}: ${advice}`);
  const question = `${problem[0]?.toUpperCase()}${problem.slice(1)}: ${advice}. Then answer "yes", and the work goes on.`;
  return endWith("needs_input", "question", problem, { question });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // reported as a login that cannot be read
  }
}

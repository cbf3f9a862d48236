import { type Command, InvalidArgumentError } from "commander";
import type { Actions } from "../actions.ts";
import type { ExitCode } from "../io.ts";
import type { Json } from "./commands-look.ts";

type ConnectVerb = Json & { org?: string; name?: string; repo?: string[]; wait: number };

/** The verbs for Deputy's GitHub App: connect, status, disconnect. */
export function addGithubVerbs(
  program: Command,
  actions: Pick<Actions, "connectGithub" | "githubStatus" | "disconnectGithub">,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  const json = ["--json", "print JSON for programs"] as const;
  const github = program.command("github").description("as whom Deputy works on GitHub");
  github
    .command("connect")
    .description("make a GitHub App of your own for Deputy, and keep its key")
    .option("--org <name>", "the organisation that it is to belong to; you, when left out", login)
    .option("--name <name>", "what the App is called", appName)
    .option("--repo <owner/name>", "where you mean to install it (repeatable)", collect)
    .option("--wait <minutes>", "how long to wait for you", minutes, 30)
    .option(...json)
    .action(({ json, name, org, repo, wait }: ConnectVerb) =>
      end(
        actions.connectGithub({
          ...{ json: json === true, org: org ?? null, name: name ?? null },
          ...{ repositories: repo ?? [], waitMinutes: wait },
        }),
      ),
    );
  github
    .command("status")
    .description("say as whom Deputy works on GitHub, where, and what is missing")
    .option(...json)
    .action((options: Json) => end(actions.githubStatus({ json: options.json === true })));
  github
    .command("disconnect")
    .description("forget the key of Deputy's GitHub App")
    .option(...json)
    .action((options: Json) => end(actions.disconnectGithub({ json: options.json === true })));
}

function login(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9-]{0,98}$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the login of an organisation.");
}

function appName(text: string): string {
  if (text.trim() !== "" && text.length <= 34) return text;
  throw new InvalidArgumentError("It must have 1 to 34 characters.");
}

function minutes(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 60) return value;
  throw new InvalidArgumentError("It must be a number above 0, of at most 60.");
}

function collect(value: string, earlier: string[] = []): string[] {
  if (/^[\w.-]+\/[\w.-]+$/.test(value)) return [...earlier, value];
  throw new InvalidArgumentError("It must be owner/name.");
}

import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { scrubbedEnvironment } from "../../core/base/child-environment.ts";
import { makeTempFolder } from "../../sandbox/files/temp.ts";
import { runCommand } from "../../sandbox/process/run-command.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import type { PostResult } from "../post.ts";
import type { Channel, SendOptions } from "./channel.ts";

/**
 * The program `apprise`, where it is installed, for every service that Deputy does not speak itself. Its
 * addresses have passwords in them: they are in a file of our own that only we may read, for as long as
 * the program runs, and never among its arguments. The body is its stdin, and `text` as input format lets
 * it escape the markup of each service. It tells one result for all of its addresses, so one that fails
 * makes all of them ring again.
 */
export function appriseChannel({ urls }: NonNullable<NotifierConfig["apprise"]>): Channel {
  return {
    name: "apprise",
    send: async ({ body, clickUrl, payload, priority, title }, options) => {
      const type =
        payload.type === "task.completed" ? "success" : priority >= 4 ? "warning" : "info";
      const text = [body, clickUrl].filter((part) => part !== null && part !== "").join("\n");
      const folder = await makeTempFolder("apprise");
      try {
        const list = join(folder, "addresses.conf");
        await writeFile(list, `${urls.join("\n")}\n`, { mode: 0o600 });
        const args = [`--config=${list}`, "--input-format=text", `--notification-type=${type}`];
        return await run([...args, `--title=${title}`], text || title, options);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
    examine: async (options) => {
      const result = await run(["--version"], "", options);
      return result.kind === "refused" ? result.error : null;
    },
  };
}

async function run(args: string[], input: string, options: SendOptions): Promise<PostResult> {
  const { endedBy, exitCode, output } = await runCommand({
    argv: ["apprise", ...args],
    cwd: "/",
    env: scrubbedEnvironment(),
    input,
    ...options,
  });
  if (endedBy === "exit" && exitCode === 0) return { kind: "taken" };
  if (endedBy === "abort") return { kind: "aborted" };
  const said = output
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, 200);
  const error = {
    not_started: "the program apprise does not start: install it",
    timeout: `apprise did not end within ${options.timeoutMs / 1000} s`,
    exit: `apprise ended with ${exitCode}${said ? `: ${said}` : ""}`,
  }[endedBy];
  return { kind: "refused", hope: "unlikely", error, retryAfterMs: null };
}

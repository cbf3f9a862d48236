import { cliNames } from "../../core/settings/agent-name.ts";
import type { AgentRun } from "../agent.ts";
import type { Gateway } from "../gateway/open-gateway.ts";
import type { AcpOptions } from "../programs/acp.ts";
import { claude } from "../programs/claude.ts";
import { codex } from "../programs/codex.ts";
import { opencode } from "../programs/opencode.ts";
import { adviseLogIn, lendLogin } from "./lend-login.ts";
import { homeOf, makeHome } from "./make-home.ts";

/**
 * Prepares the home of an ACP program and returns its environment. A program that we know gets its
 * own config; any other gets the gateway's address and key in the usual variables.
 */
export async function prepareAcpHome(
  command: string,
  options: AcpOptions & { openai: Gateway | null; anthropic: Gateway | null },
  run: AgentRun,
): Promise<Record<string, string>> {
  const { openai, anthropic, model, userHome } = options;
  const name = cliNames.find((known) => new RegExp(`(?:^|[\\s/])${known}(?:\\s|$)`).test(command));
  const cli = name ? { codex, claude, opencode }[name] : null;
  const gateway = cli?.protocol === "anthropic" ? anthropic : openai;
  const setup = { ...run, outputSchema: null, model, gateway, home: homeOf(run.sessionFolder) };
  // The program chooses the model then.
  const lent = cli && !gateway ? await lendLogin(cli, { userHome, model: null }, run) : null;
  if (cli && lent?.problem) throw new Error(`${lent.problem}: ${adviseLogIn(cli)}`);
  await makeHome(run.sessionFolder, {
    files: cli?.files(setup) ?? {},
    login: cli ? { file: cli.loginFile, lent: lent?.path ?? null } : null,
  });
  return {
    ...(openai ? { OPENAI_BASE_URL: openai.baseUrl, OPENAI_API_KEY: openai.key } : {}),
    ...(anthropic
      ? { ANTHROPIC_BASE_URL: anthropic.baseUrl, ANTHROPIC_API_KEY: anthropic.key }
      : {}),
    ...cli?.command(setup, { message: "", resume: null }).env,
  };
}

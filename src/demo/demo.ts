import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pairingWire } from "../api/session.ts";
import { taskWire } from "../api/task/task.ts";
import { taskDetailWire } from "../api/task/task-detail.ts";
import { connect } from "../cli/client.ts";
import { type CliIo, type ExitCode, exitCodes, processIo } from "../cli/io.ts";
import { watchTask } from "../cli/verbs/commands-watch.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { startDaemon } from "../daemon/daemon.ts";
import { openLog } from "../daemon/home/log.ts";
import { makeTempFolder } from "../sandbox/files/temp.ts";
import { runCommand } from "../sandbox/process/run-command.ts";
import { removeEmbeddedPostgres } from "../store/postgres/embedded.ts";
import { fingerprintCheckout } from "../worktree/checkout/fingerprint.ts";
import { commitAll } from "../worktree/commits/commit-all.ts";
import { makeDemoRepository } from "./demo-repository.ts";
import { demoScenario } from "./scenario.ts";
import { type ScriptedModel, startScriptedModel } from "./scripted-model.ts";

/**
 * `deputy demo`: the whole workflow on a generated repository. Everything is real except, when no
 * key is set, the model: a daemon of its own with its own database, a failing test, an agent,
 * checks, a branch, a receipt. It ends by showing that the checkout was not touched.
 */
export async function runDemo({ json }: { json: boolean }): Promise<ExitCode> {
  const startedAt = performance.now();
  const root = await makeTempFolder("demo");
  const home = join(root, "home");
  await mkdir(home, { mode: 0o700 });
  const say = (text: string) => process.stdout.write(json ? "" : `${text}\n`);
  const usesRealModel = Boolean(process.env.OPENAI_API_KEY || process.env.OPENAI_API_KEY_FILE);
  const model = usesRealModel ? null : await startScriptedModel(demoScenario);
  // A demo never touches a daemon, database or phone of yours.
  const env = withoutOwnSettings(process.env, {
    DEPUTY_HOME: home,
    DEPUTY_PORT: "0",
    DEPUTY_LOG_LEVEL: "warn",
  });
  // The scripted model cannot review.
  const read = useModel(loadConfig(env), model);
  const config: Config = model ? { ...read, assurance: "quick" } : read;
  try {
    say(introduce(config, usesRealModel));
    const repository = await makeDemoRepository(join(root, "invoices"), commitAll);
    say(
      `\nThe repository: ${repository.folder} (${await describeTests(repository.folder, repository.check)})`,
    );
    const before = await fingerprintCheckout(repository.folder);

    say("\nStarting the daemon with its embedded PostgreSQL …");
    const daemon = await startDaemon(config, openLog(config.logLevel, config.secrets));
    say(
      `The daemon is up at ${daemon.url} after ${seconds(startedAt)}.\n\n$ deputy run "${repository.goal}" --check '${repository.check}' --watch`,
    );
    try {
      const io: CliIo = {
        ...processIo(),
        env: { ...env, DEPUTY_HOME: home, DEPUTY_CLIENT: "demo" },
      };
      const client = connect(io);
      const body = {
        goal: repository.goal,
        repository: repository.folder,
        checks: [repository.check],
      };
      const { value: task } = await client.json(taskWire, "POST", "/v1/tasks", { body });
      const code = await watchTask(io, task.id, { json });
      const after = await fingerprintCheckout(repository.folder);
      const receipt = await client.text(`/v1/tasks/${task.id}/receipt`, "text/markdown");
      const { branch } = (await client.json(taskDetailWire, "GET", `/v1/tasks/${task.id}`)).value
        .task;
      const changed = Object.keys(after).filter((aspect) => after[aspect] !== before[aspect]);
      say(`\n${"─".repeat(80)}\n${receipt}${"─".repeat(80)}\n`);
      say(describeCheckout(before, changed));
      const ok = code === exitCodes.ok && changed.length === 0;
      if (branch)
        say(
          `\nThe branch waits for you:\n${await runShown(repository.folder, ["git", "log", "--oneline", "--stat", `main..${branch}`])}`,
        );
      say(
        `All of it took ${seconds(startedAt)}. The folder ${root} is yours to look at, and to delete.`,
      );
      if (json)
        process.stdout.write(
          `${JSON.stringify({ ok, task: task.id, repository: repository.folder, untouched: changed.length === 0 })}\n`,
        );
      if (!json) await showPage(io, daemon.url);
      return ok ? exitCodes.ok : exitCodes.taskFailed;
    } finally {
      await daemon.stop("the demo is over");
    }
  } finally {
    await model?.close();
    await removeEmbeddedPostgres(home);
  }
}

/** Leaves the daemon up for a person who looks at the page, until Ctrl-C; nobody else waits. */
async function showPage(io: CliIo, url: string): Promise<void> {
  const isSeen = io.stdout.isTTY === true && process.stdin.isTTY === true;
  if (!isSeen) {
    io.stdout.write(
      `Its page was at ${url}; in a terminal the demo keeps it open. For your own repositories: deputy up, then deputy open.\n`,
    );
    return;
  }
  const { value } = await connect(io).json(pairingWire, "POST", "/v1/pairing", { body: {} });
  io.stdout.write(
    `\nLook at it in the page, until Ctrl-C ends the demo (the address works once):\n${url}${value.link}\n`,
  );
  await new Promise<void>((resolve) => io.onInterrupt(resolve));
}

function introduce(config: Config, usesRealModel: boolean): string {
  const who = usesRealModel
    ? `The agent is a real model: ${config.model.name}${config.model.baseUrl ? ` at ${config.model.baseUrl}` : ""}.`
    : "No OPENAI_API_KEY is set, so the model is a SCRIPTED one: a local server that speaks the OpenAI protocol and plays a\nfixed part. Its first fix is wrong on purpose. Everything else is real: the agent loop, git, the tests, the checks.";
  return `Deputy demo: hand off a failing test, get back a verified branch.\n\n${who}`;
}

/** Without a key the scripted model replaces the real one; the agent does not notice. */
function useModel(config: Config, scripted: ScriptedModel | null): Config {
  if (!scripted) return config;
  return {
    ...config,
    model: { apiKey: "scripted", baseUrl: scripted.baseUrl, name: "scripted-model" },
  };
}

function withoutOwnSettings(
  env: NodeJS.ProcessEnv,
  own: Record<string, string>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => !/^(DEPUTY_(?!MODEL$)|DATABASE_URL$|REDIS_URL$|GITHUB_)/.test(name),
  );
  return { ...Object.fromEntries(kept), ...own };
}

/** The state of the tests, from a run of them: the demo's claim that one is red is checked too. */
async function describeTests(folder: string, check: string): Promise<string> {
  const { exitCode, output } = await runCommand({
    argv: ["sh", "-c", check],
    cwd: folder,
    env: scrubbedEnvironment({ CI: "1" }),
    timeoutMs: 60_000,
  });
  const count = (word: string) =>
    /\d+/.exec(new RegExp(`^# ${word} \\d+`, "m").exec(output)?.[0] ?? "")?.[0] ?? "?";
  return `\`${check}\`: ${count("pass")} tests pass, ${count("fail")} fails, exit ${exitCode}`;
}

async function runShown(folder: string, argv: readonly [string, ...string[]]): Promise<string> {
  const { output } = await runCommand({
    argv,
    cwd: folder,
    env: scrubbedEnvironment({ GIT_PAGER: "cat" }),
    timeoutMs: 10_000,
  });
  return `$ ${argv.join(" ")}\n${output.trimEnd()}`;
}

function describeCheckout(before: Record<string, string>, changed: readonly string[]): string {
  const aspects = Object.keys(before);
  return changed.length === 0
    ? `Your checkout is untouched: ${aspects.join(", ")} are the same, byte for byte, as before.`
    : `Your checkout was CHANGED in: ${changed.join(", ")}. That is a bug.`;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

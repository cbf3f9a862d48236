import type { Command } from "commander";
import { z } from "zod";
import { resetWire } from "../../api/schedules.ts";
import { connect } from "../client.ts";
import { CliError, type CliIo, type ExitCode, exitCodes } from "../io.ts";
import { readTextFile } from "../read-input.ts";
import { oneLine, plain } from "../render/text.ts";
import type { Json } from "./commands-look.ts";
import { listSchedules, runSchedule, steerSchedule } from "./commands-schedule.ts";

/** The verbs for events that become tasks: trigger test, and schedule. */
export function addTriggerVerbs(
  program: Command,
  io: CliIo,
  end: (work: Promise<ExitCode>) => Promise<void>,
): void {
  const json = ["--json", "print JSON for programs"] as const;
  const trigger = program.command("trigger").description("events that become tasks");
  trigger
    .command("test")
    .description("show what an event would start, and start nothing")
    .argument("[file]", "a JSON file with the payload of a forge's webhook, or what --rule takes")
    .option("--event <name>", "what X-GitHub-Event would say; guessed when left out")
    .option("--forge <name>", "github, gitea or gitlab; guessed when left out")
    .option("--rule <name>", "try this rule of another section: when, or for what, it fires")
    .option(...json)
    .action((file: string | undefined, options: TestOptions) =>
      end(testTrigger(io, file, options)),
    );
  trigger
    .command("reset")
    .description("close the breaker of a rule, which opened because of too many events")
    .argument("<name>", "the rule's name")
    .option(...json)
    .action((name: string, options: Json) => end(resetTrigger(io, name, options)));
  const schedule = program.command("schedule").description("tasks that the clock starts");
  schedule
    .command("ls")
    .description("list schedules, and when each fires next")
    .option(...json)
    .action((options: Json) => end(listSchedules(io, options)));
  schedule
    .command("run")
    .description("have a schedule fire now")
    .argument("<name>", "the rule's name")
    .option(...json)
    .action((name: string, options: Json) => end(runSchedule(io, name, options)));
  for (const [verb, description] of [
    ["pause", "keep a schedule from firing"],
    ["resume", "let a paused schedule fire again; what passed meanwhile stays undone"],
  ] as const)
    schedule
      .command(verb)
      .description(description)
      .argument("<name>", "the rule's name")
      .option(...json)
      .action((name: string, options: Json) => end(steerSchedule(io, name, verb, options)));
}

type TestOptions = Json & { event?: string; forge?: string; rule?: string };

async function testTrigger(
  io: CliIo,
  file: string | undefined,
  { event, forge, json, rule }: TestOptions,
): Promise<ExitCode> {
  const text = file === undefined ? undefined : await readTextFile(file, io.cwd);
  const body =
    rule === undefined
      ? {
          ...(event !== undefined && { event }),
          ...(forge !== undefined && { forge }),
          payload: parsePayload(file, text),
        }
      : { rule, ...(text !== undefined && { text }) };
  const { raw } = await connect(io).json(z.unknown(), "POST", "/v1/triggers/test", { body });
  io.stdout.write(`${json ? JSON.stringify(raw) : plain(JSON.stringify(raw, null, 2))}\n`);
  return exitCodes.ok;
}

async function resetTrigger(io: CliIo, name: string, { json }: Json): Promise<ExitCode> {
  const path = `/v1/triggers/${encodeURIComponent(name)}/reset`;
  const { raw, value } = await connect(io).json(resetWire, "POST", path);
  io.stdout.write(`${json ? JSON.stringify(raw) : oneLine(value.detail)}\n`);
  return exitCodes.ok;
}

function parsePayload(file: string | undefined, text: string | undefined): unknown {
  if (text === undefined) {
    const message = "name a file with the payload of a forge's webhook, or a rule with --rule.";
    throw new CliError(exitCodes.usage, message);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CliError(exitCodes.usage, `${file} is not valid JSON: ${(error as Error).message}.`);
  }
}

import { z } from "zod";
import { cleanText, cutText, firstLine } from "../../../core/text/clean-text.ts";
import type { AgentEvent } from "../../agent.ts";
import type { ToolCall, ToolSpec } from "../model/model.ts";
import { readArguments } from "./tool-arguments.ts";

/**
 * A tool is a name, a schema and a function. Any failure, such as an unknown name, invalid
 * arguments or a full disk, becomes an answer to the model, never an exception. After the schema
 * check the arguments are typed.
 */
export type Tool = ToolSpec & {
  /**
   * `reads`: may run concurrently and again. `changes` (the default): may have changed files, or
   * anything else, if its result is lost. `talks`: changes nothing but this conversation.
   */
  effect?: "reads" | "changes" | "talks";
  /** Validates the arguments. Throws a ToolProblem if they are invalid. */
  prepare(value: unknown): { about: string; run(): Promise<ToolAnswer> };
};

export type ToolAnswer = {
  ok: boolean;
  /** Sent to the model. */
  text: string;
  /** All files that can have changed, from the worktree's root; default: any. */
  changed?: readonly string[];
  /** Set by the tools that end the attempt. */
  end?: ToolEnd;
};

export type ToolEnd =
  | { kind: "finished"; summary: string | null; output?: unknown; nothingToDo?: boolean }
  | { kind: "asked"; question: string; choices: string[] }
  | { kind: "failed"; detail: string };

/** A mistake of the model; the message is its answer. */
export class ToolProblem extends Error {}

export function defineTool<Schema extends z.ZodType>(definition: {
  name: string;
  description: string;
  effect: NonNullable<Tool["effect"]>;
  input: Schema;
  /** A short description of the call, for people. */
  about: (input: z.infer<Schema>) => string;
  run: (input: z.infer<Schema>) => Promise<ToolAnswer>;
}): Tool {
  return {
    name: definition.name,
    description: definition.description,
    effect: definition.effect,
    parameters: toParameters(definition.input),
    prepare(value) {
      const parsed = definition.input.safeParse(value);
      if (!parsed.success) {
        const issues = parsed.error.issues.map(
          (issue) => `${issue.path.join(".") || "arguments"}: ${issue.message}`,
        );
        throw new ToolProblem(`the arguments do not fit: ${issues.join("; ")}`);
      }
      return {
        about: firstLine(definition.about(parsed.data), 200),
        run: () => definition.run(parsed.data),
      };
    },
  };
}

/** Converts to JSON schema without limits: they cost tokens, and violations are reported. */
function toParameters(input: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...parameters } = z.toJSONSchema(input, {
    override({ jsonSchema }) {
      for (const key of ["minimum", "maximum", "exclusiveMinimum", "minLength", "maxLength"]) {
        delete jsonSchema[key as keyof typeof jsonSchema];
      }
    },
  });
  return parameters;
}

/** Runs one call of the model. Never throws; emits the call and its result. */
export async function callTool(
  tools: readonly Tool[],
  call: ToolCall,
  emit: (event: AgentEvent) => void,
): Promise<{ text: string; end: ToolEnd | null; changed: readonly string[] | null }> {
  const name = cutText(cleanText(call.name), 64);
  let called = false;
  let answer: ToolAnswer;
  try {
    const tool = tools.find((candidate) => candidate.name === call.name);
    if (!tool) {
      const names = tools.map((candidate) => candidate.name).join(", ");
      throw new ToolProblem(`there is no tool "${name}"; the tools are ${names}`);
    }
    const read = readArguments(call.arguments);
    if (!read.ok) {
      throw new ToolProblem(`${read.problem}. Nothing was run; send the whole call again`);
    }
    const { about, run } = tool.prepare(read.value);
    emit({ kind: "tool_call", tool: name, summary: about });
    called = true;
    answer = await run();
  } catch (error) {
    answer = { ok: false, text: inWords(name, error) };
  }
  const text = cleanText(answer.text);
  if (!called) emit({ kind: "tool_call", tool: name, summary: "(a call that cannot be run)" });
  emit({ kind: "tool_result", tool: name, ok: answer.ok, summary: firstLine(text, 200) });
  return { text, end: answer.end ?? null, changed: answer.changed ?? null };
}

function inWords(name: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof ToolProblem ? `Error: ${message}` : `Error: ${name} failed: ${message}`;
}

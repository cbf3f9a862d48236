import { z } from "zod";
import { readSkillBody, type Skill } from "../skills.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

/** Returns the body of a skill that the prompt names. */
export function makeSkillTool(skills: readonly Skill[]): Tool {
  return defineTool({
    name: "skill",
    effect: "reads",
    description: "Read a skill.",
    input: z.strictObject({ name: z.string() }),
    about: ({ name }) => name,
    async run({ name }) {
      const skill = skills.find((candidate) => candidate.name === name);
      if (!skill) {
        const names = skills.map((candidate) => candidate.name).join(", ");
        throw new ToolProblem(`there is no skill "${name}"; the skills are ${names}`);
      }
      const body = await readSkillBody(skill);
      if (body === null) throw new ToolProblem(`the skill "${name}" is gone`);
      return { ok: true, text: body };
    },
  });
}

import type { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import { explainIssue } from "../core/base/explain-issue.ts";

/** zod's error for a part of a request, as a sentence and its field. */
export function toInputError(error: z.core.$ZodError, part: string): DeputyError {
  const { clause, field } = explainIssue(error, `the ${part}`);
  const sentence = `${clause.charAt(0).toUpperCase()}${clause.slice(1)}.`;
  return new DeputyError("invalid_input", sentence, field === "" ? {} : { field });
}

import { type ErrorAnswer, errorAnswer } from "./error-answer.ts";
import type { Json, Scenario, Seen, Wire } from "./scenario.ts";

/** What the real services do not let in. */

/** Null when the request is as it should be. */
export function findRefusal({ lacks = [] }: Scenario, wire: Wire, seen: Seen): ErrorAnswer | null {
  if (!seen.model) return wrongRequest(wire, "you must provide a model parameter");
  if (!seen.user) return wrongRequest(wire, "the conversation has no message of the user");
  if (seen.schema && lacks.includes("structured_output")) {
    return wrongRequest(wire, "'response_format' of type 'json_schema' is not supported here");
  }
  return seen.flaw === null ? null : wrongRequest(wire, seen.flaw);
}

/** It goes on from a response that was never given, or not kept. */
export function unknownResponse(wire: Wire, given: Json): ErrorAnswer {
  const message = `Previous response with id '${given.previous_response_id}' not found.`;
  return wrongRequest(wire, message, "previous_response_not_found");
}

function wrongRequest(wire: Wire, message: string, code: string | null = null): ErrorAnswer {
  return errorAnswer(wire, 400, { type: "invalid_request_error", message, code });
}

export function wrongKey(wire: Wire): ErrorAnswer {
  return wire === "messages"
    ? errorAnswer(wire, 401, { type: "authentication_error", message: "invalid x-api-key" })
    : errorAnswer(wire, 401, {
        type: "invalid_request_error",
        code: "invalid_api_key",
        message: "Incorrect API key provided.",
      });
}

import type { Reply } from "./compose-reply.ts";
import { asObjects, asText } from "./json.ts";
import type { Json } from "./scenario.ts";
import { outputOf } from "./wire-responses.ts";

/** The conversations that the Responses API keeps, for requests that name the response before. */
export function makeResponseStore() {
  const stored = new Map<string, Json[]>();
  return {
    /** The request with all that came before; null when the response it names is not known. */
    expand(body: Json): Json | null {
      const previous = asText(body.previous_response_id);
      if (!previous) return body;
      const before = stored.get(previous);
      return before ? { ...body, input: [...before, ...inputOf(body)] } : null;
    },
    keep(body: Json, reply: Reply): void {
      if (body.store === false) return;
      stored.set(`resp_${reply.key}`, [...inputOf(body), ...outputOf(reply, body)]);
    },
  };
}

function inputOf(body: Json): Json[] {
  return typeof body.input === "string"
    ? [{ type: "message", role: "user", content: body.input }]
    : asObjects(body.input);
}

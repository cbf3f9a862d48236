/** A model server and its key, which stays in this process. */
export type Provider = {
  protocol: Protocol;
  apiKey: string;
  /** OpenAI's ends with `/v1`, Anthropic's does not, as clients expect. Null: the default. */
  baseUrl: string | null;
};

export type Protocol = "openai" | "anthropic";

type Route = { method: string; path: string; isCall: boolean };

/** The only requests a program may make: paths below the base URL that it gets. */
export const routes: Record<Protocol, readonly Route[]> = {
  openai: [
    { method: "POST", path: "/responses", isCall: true },
    { method: "POST", path: "/chat/completions", isCall: true },
    { method: "GET", path: "/models", isCall: false },
  ],
  anthropic: [
    { method: "POST", path: "/v1/messages", isCall: true },
    { method: "POST", path: "/v1/messages/count_tokens", isCall: false },
    { method: "GET", path: "/v1/models", isCall: false },
    { method: "HEAD", path: "/", isCall: false },
  ],
};

export function upstreamUrl({ protocol, baseUrl }: Provider): string {
  const own = protocol === "openai" ? "https://api.openai.com/v1" : "https://api.anthropic.com";
  return (baseUrl ?? own).replace(/\/+$/, "");
}

export function authHeaders({ protocol, apiKey }: Provider): Record<string, string> {
  return protocol === "openai"
    ? { authorization: `Bearer ${apiKey}` }
    : { "x-api-key": apiKey, "anthropic-version": "2023-06-01" };
}

/** The variable for the key, for messages that say what to check. */
export function keyVariable(protocol: Protocol): string {
  return protocol === "openai" ? "OPENAI_API_KEY" : "ANTHROPIC_API_KEY";
}

/** Formats an error for the provider's clients. */
export function errorBody(protocol: Protocol, type: string, message: string): string {
  return JSON.stringify(
    protocol === "openai"
      ? { error: { message, type, code: type, param: null } }
      : { type: "error", error: { type, message } },
  );
}

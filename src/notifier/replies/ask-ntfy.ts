import { readText } from "../../core/base/read-until.ts";

/** An ntfy server, and the token that it knows the daemon by, if any. */
export type NtfyServer = { url: string; token: string | null };

/** Its root, to which messages are published as JSON. */
export function rootOf({ url }: NtfyServer): string {
  return url.endsWith("/") ? url : `${url}/`;
}

/**
 * One request to an ntfy server, with its status and the start of its body. Redirects are not
 * followed, and whatever keeps an answer from coming is thrown. `anonymous`: as a phone sends it.
 */
export async function askNtfy(
  server: NtfyServer,
  request: { method: string; path: string; body?: object; anonymous?: boolean },
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<{ status: number; text: string }> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const response = await fetch(rootOf(server) + request.path, {
    method: request.method,
    headers: {
      "user-agent": "deputy",
      ...(request.body ? { "content-type": "application/json" } : {}),
      ...authorization(request.anonymous ? { ...server, token: null } : server),
    },
    ...(request.body ? { body: JSON.stringify(request.body) } : {}),
    redirect: "manual",
    signal,
  });
  return { status: response.status, text: await readText(response, maxText, signal) };
}

export function authorization({ token }: NtfyServer): Record<string, string> {
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

const maxText = 256 * 1024;

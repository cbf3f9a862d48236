import { causeOf } from "../post.ts";
import type { SendOptions } from "./channel.ts";

/**
 * One GET that only looks. `problem`: a clause without the address, which may be a secret; null: the
 * server took it. Redirects are not followed.
 */
export async function look(
  url: string,
  { signal, timeoutMs }: SendOptions,
): Promise<{ status: number | null; problem: string | null }> {
  try {
    const response = await fetch(url, {
      headers: { "user-agent": "deputy" },
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    const { ok, status } = response;
    return { status, problem: ok ? null : `it answered ${status}` };
  } catch (error) {
    return { status: null, problem: causeOf(error) };
  }
}

import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from "@modelcontextprotocol/client";
import { firstLine } from "../../core/text/clean-text.ts";

/** A failure of a tool server; the message is a clause about it: `has hung up`. */
export class ServerTrouble extends Error {}

/** Formats an error of the SDK or the system as such a clause. */
export function explainTrouble(error: unknown, timeoutMs: number): string {
  if (error instanceof SdkHttpError) return `answers HTTP ${error.status ?? "wrongly"}`;
  if (error instanceof SdkError) {
    if (error.code === SdkErrorCode.RequestTimeout) return slow(timeoutMs);
    if (error.code === SdkErrorCode.ConnectionClosed) return "has hung up";
  }
  if (error instanceof ProtocolError) return `refuses: ${firstLine(error.message, 500)}`;
  const { name, code, message } = deepestCause(error);
  if (name === "TimeoutError") return slow(timeoutMs);
  if (code !== undefined) return `does not answer (${code})`;
  return `cannot be used: ${firstLine(message, 500)}`;
}

/** The root cause is the system's error: `fetch failed` explains nothing. */
function deepestCause(error: unknown): Error & { code?: string } {
  const { cause } = error as Error;
  return cause instanceof Error ? deepestCause(cause) : (error as Error);
}

function slow(timeoutMs: number): string {
  return `does not answer within ${timeoutMs / 1_000} s`;
}

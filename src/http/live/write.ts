import type { ServerResponse } from "node:http";

/** Writes and waits until the socket accepted it. False if the client is gone or does not read. */
export async function write(
  response: ServerResponse,
  text: string,
  { drainTimeoutMs }: { drainTimeoutMs: number },
): Promise<boolean> {
  if (response.destroyed || !response.writable) return false;
  return response.write(text) || drained(response, drainTimeoutMs);
}

/** True once the socket took what was written; a client that does not read is dropped. */
export async function drained(response: ServerResponse, drainTimeoutMs: number): Promise<boolean> {
  if (response.destroyed) return false;
  return new Promise((resolve) => {
    const settle = (taken: boolean) => {
      clearTimeout(timer);
      response.off("drain", onDrain);
      response.off("close", onClose);
      resolve(taken);
    };
    const onDrain = () => settle(true);
    const onClose = () => settle(false);
    const timer = setTimeout(() => {
      response.destroy();
      settle(false);
    }, drainTimeoutMs);
    response.once("drain", onDrain);
    response.once("close", onClose);
  });
}

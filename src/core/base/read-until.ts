/**
 * The chunks of a fetched body until the signal fires; then the connection is released. Passing the
 * signal to `fetch` is not enough: once the response has started, fetch holds only weak references
 * to what an abort would end, and garbage collection may drop them while the body is read. Throws
 * what the body throws, except after an abort, which the caller can see from the signal.
 */
export async function* readUntil(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {}); // rejects if the body already failed
  signal.addEventListener("abort", cancel, { once: true });
  try {
    while (!signal.aborted) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", cancel);
    cancel();
  }
}

/**
 * The beginning of a response's text, of at least `max` characters where it has so many; what comes after
 * is not read. Throws as `readUntil` does.
 */
export async function readText(
  { body }: Response,
  max: number,
  signal: AbortSignal,
): Promise<string> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of body ? readUntil(body, signal) : []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length >= max) break;
  }
  return text;
}

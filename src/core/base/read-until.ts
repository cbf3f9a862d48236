/**
 * The chunks of a body that was fetched, up to the signal; then its connection is let go of. To give
 * the signal to `fetch` is not enough: once the answer has begun, fetch keeps weak references alone
 * of what an abort would end, and the next garbage collection takes them while the body is read.
 * Throws what the body throws, but for what the signal caused: whoever must know asks the signal.
 */
export async function* readUntil(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const cancel = () => void reader.cancel().catch(() => {}); // a body that broke off has ended
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

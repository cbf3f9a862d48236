/** The body of a delivery: a JSON object in UTF-8, not nested without end. Null: it is none. */
export function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null; // not UTF-8 or not JSON: the caller responds 400
  }
}

/** GitHub's payloads have about ten levels; writing thousands would exhaust the stack. */
export const maxDepth = 100;

export function isDeeperThan(value: object, levels: number): boolean {
  let layer: unknown[] = [value];
  for (let depth = 0; depth < levels; depth++) {
    layer = layer.flatMap((one) =>
      typeof one === "object" && one !== null ? Object.values(one) : [],
    );
    if (layer.length === 0) return false;
  }
  return layer.some((one) => typeof one === "object" && one !== null);
}

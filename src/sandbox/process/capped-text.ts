/** Keeps the first and the last `keepBytes` of a stream; a note replaces the rest. */
export class CappedText {
  private head: Buffer[] = [];
  private headBytes = 0;
  private tail: Buffer[] = [];
  private tailBytes = 0;
  droppedBytes = 0;
  private readonly keepBytes: number;

  constructor(keepBytes: number) {
    this.keepBytes = keepBytes;
  }

  add(chunk: Buffer): void {
    const room = this.keepBytes - this.headBytes;
    const forHead = chunk.subarray(0, Math.max(0, room));
    if (forHead.length > 0) {
      this.head.push(forHead);
      this.headBytes += forHead.length;
    }
    const rest = chunk.subarray(forHead.length);
    if (rest.length === 0) return;
    this.tail.push(rest);
    this.tailBytes += rest.length;
    while (this.tailBytes > this.keepBytes) {
      const first = this.tail[0];
      if (!first) break;
      const excess = this.tailBytes - this.keepBytes;
      if (first.length <= excess) this.tail.shift();
      else this.tail[0] = first.subarray(excess);
      const dropped = Math.min(first.length, excess);
      this.tailBytes -= dropped;
      this.droppedBytes += dropped;
    }
  }

  text(): string {
    const head = Buffer.concat(this.head).toString("utf8");
    const tail = Buffer.concat(this.tail).toString("utf8");
    return this.droppedBytes > 0
      ? `${head}\n[… ${this.droppedBytes} bytes left out …]\n${tail}`
      : head + tail;
  }
}

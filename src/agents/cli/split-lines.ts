/** Splits chunks into lines. A line longer than `maxChars` is dropped: it is no event of ours. */
export function splitLines(onLine: (line: string) => void, maxChars = 16 * 1024 * 1024) {
  let rest = "";
  let isDropping = false;
  const add = (chunk: string): void => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (!isDropping && line.trim() !== "") onLine(line);
      isDropping = false;
    }
    if (rest.length > maxChars) {
      rest = "";
      isDropping = true;
    }
  };
  return { add, flush: () => add("\n") };
}

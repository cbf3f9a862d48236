/**
 * Reads how many tests a runner says it ran from the summary that it prints for people, for
 * comparing runs that do not name their tests. Reads the end of the output, line by line. Pure.
 */
export type Counted = { ran: number; failed: number };

type Reader = {
  /** Adds up all matching lines; otherwise the last one counts. */
  sums?: boolean;
  line: RegExp;
  read: (line: string) => Counted | null;
};

const number = (line: string, pattern: RegExp) => Number(pattern.exec(line)?.[1] ?? 0);

const readers: readonly Reader[] = [
  { line: /^test result: /, sums: true, read: passedAndFailed }, // cargo
  {
    line: /^\s*Tests:?\s{1,20}\d{1,9} (?:failed|passed|skipped|todo|pending)\b/, // jest, vitest
    read: passedAndFailed,
  },
  {
    line: /^=*\s{0,3}\d{1,9} (?:failed|passed|errors?|skipped).{0,200} in [\d.]{1,12}s/, // pytest
    read: (line) => {
      const counted = passedAndFailed(line);
      const errors = number(line, /(\d{1,9}) errors?\b/);
      return { ran: counted.ran + errors, failed: counted.failed + errors };
    },
  },
  {
    line: /^\s*\d{1,9} examples?, \d{1,9} failures?/, // rspec
    read: (line) => ({
      ran: number(line, /(\d{1,9}) examples?/),
      failed: number(line, /(\d{1,9}) failures?/),
    }),
  },
  {
    line: /^\s*\d{1,9} runs?, \d{1,9} assertions?, /, // minitest
    read: (line) => ({
      ran: number(line, /(\d{1,9}) runs?/),
      failed: number(line, /(\d{1,9}) failures?/) + number(line, /(\d{1,9}) errors?/),
    }),
  },
  {
    line: /tests passed, \d{1,9} tests? failed out of \d{1,9}/, // ctest
    read: (line) => ({
      ran: number(line, /out of (\d{1,9})/),
      failed: number(line, /(\d{1,9}) tests? failed/),
    }),
  },
  {
    line: /\bTests run: \d{1,9}, Failures: \d{1,9}/, // maven, JUnit
    read: (line) => ({
      ran: number(line, /run: (\d{1,9})/) - number(line, /Skipped: (\d{1,9})/),
      failed: number(line, /Failures: (\d{1,9})/) + number(line, /Errors: (\d{1,9})/),
    }),
  },
  {
    line: /^\s*Tests: \d{1,9}, Assertions: \d{1,9}/, // phpunit
    read: (line) => ({
      ran: number(line, /Tests: (\d{1,9})/),
      failed: number(line, /Failures: (\d{1,9})/) + number(line, /Errors: (\d{1,9})/),
    }),
  },
];

/** Returns the counts, or null. unittest, mocha and node:test are read from several lines. */
export function readSummary(output: string): Counted | null {
  const lines = output.split(/\r?\n/).map((line) => plain(line.slice(0, 400)));
  for (const { line, read, sums } of readers) {
    const counted = lines.filter((each) => line.test(each)).map(read);
    const last = counted.at(-1);
    if (!last) continue;
    if (!sums) return last;
    return counted.reduce<Counted>(
      (sum, each) => ({
        ran: sum.ran + (each?.ran ?? 0),
        failed: sum.failed + (each?.failed ?? 0),
      }),
      { ran: 0, failed: 0 },
    );
  }
  return readUnittest(lines) ?? readMocha(lines) ?? readNode(lines);
}

function passedAndFailed(line: string): Counted {
  const failed = number(line, /(\d{1,9}) failed/);
  return { ran: failed + number(line, /(\d{1,9}) passed/), failed };
}

function readUnittest(lines: readonly string[]): Counted | null {
  const ran = lines.findLast((line) => /^Ran \d{1,9} tests? in /.test(line));
  if (ran === undefined) return null;
  const end = lines.findLast((line) => /^FAILED \(/.test(line)) ?? "";
  return {
    ran: number(ran, /^Ran (\d{1,9})/),
    failed: number(end, /failures=(\d{1,9})/) + number(end, /errors=(\d{1,9})/),
  };
}

function readMocha(lines: readonly string[]): Counted | null {
  const passing = lines.findLast((line) => /^\s{1,8}\d{1,9} passing \(/.test(line));
  if (passing === undefined) return null;
  const failing = lines.findLast((line) => /^\s{1,8}\d{1,9} failing\s*$/.test(line)) ?? "";
  const failed = number(failing, /(\d{1,9})/);
  return { ran: failed + number(passing, /(\d{1,9})/), failed };
}

function readNode(lines: readonly string[]): Counted | null {
  const count = (word: string) => {
    const line = lines.findLast((each) => new RegExp(`^(?:ℹ|#) ${word} \\d{1,9}$`).test(each));
    return line === undefined ? null : number(line, /(\d{1,9})$/);
  };
  const [pass, fail] = [count("pass"), count("fail")];
  return pass === null || fail === null ? null : { ran: pass + fail, failed: fail };
}

function plain(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour
  return line.includes("\u001b[") ? line.replace(/\u001b\[[0-9;]{0,20}m/g, "") : line;
}

/**
 * Whether a Makefile only gained targets that no check leads to: every old line is unchanged, and
 * all new lines are rules with new names. Pure.
 */
export function compareMakefiles(before: string, now: string, commands: string): boolean {
  const [was, is] = [readRules(before), readRules(now)];
  const names = new Set(is.rules.flatMap(({ targets }) => targets));
  const old = new Set(was.rules.flatMap(({ targets }) => targets));
  const texts = new Map<string, number>();
  for (const { text } of was.rules) texts.set(text, (texts.get(text) ?? 0) + 1);
  const added = is.rules.filter(({ text }) => {
    const count = texts.get(text) ?? 0;
    if (count > 0) texts.set(text, count - 1);
    return count === 0;
  });
  if ([...texts.values()].some((count) => count > 0)) return false;
  if (withoutPhony(was.rest) !== withoutPhony(is.rest)) return false;
  const used = new Set(commands.split(/[\s;&|"'()]+/));
  // `make` alone makes the first target.
  if (was.rules[0]?.text !== is.rules[0]?.text) return false;
  const mentioned = new Set(was.rules.flatMap(({ text }) => text.split(/[\s:;&|"'()$@/]+/)));
  return added.every(
    ({ targets, text }) =>
      targets.every(
        (target) =>
          !old.has(target) &&
          !used.has(target) &&
          !mentioned.has(target) &&
          !/[%$*]|^\./.test(target),
      ) &&
      !/^[^\t#:]*:[^=\n]*(:=|\+=|[^:]=)/.test(text) &&
      names.size > 0,
  );
}

type Rule = { targets: string[]; text: string };

function readRules(text: string): { rules: Rule[]; rest: string } {
  const rules: Rule[] = [];
  const rest: string[] = [];
  let rule: Rule | null = null;
  for (const line of text.split("\n")) {
    if (line.trim() === "" || /^\s*#/.test(line)) continue;
    if (rule && line.startsWith("\t")) {
      rule.text += `\n${line.trimEnd()}`;
      continue;
    }
    const head = /^([^\s:=#][^:=#]{0,500}?)\s*::?(?![=])/.exec(line.slice(0, 1_000))?.[1];
    if (head === undefined || head.startsWith(".PHONY")) {
      rule = null;
      rest.push(line.trimEnd());
      continue;
    }
    rule = { targets: head.split(/\s+/), text: line.trimEnd() };
    rules.push(rule);
  }
  return { rules, rest: rest.join("\n") };
}

function withoutPhony(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith(".PHONY"))
    .join("\n");
}

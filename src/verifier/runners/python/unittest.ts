import { parseUnittest } from "../../parsers/unittest.ts";
import type { Runner } from "../runner.ts";
import { placePythonCanary } from "./python-canary.ts";
import { hidesPythonPath, pythonFiles, pythonListens, pythonReport } from "./python-reporter.ts";

/**
 * Python's unittest, run as a module, by a test file as a program, or inside another runner
 * (Django's). It has no option for a report, so our listener is loaded as Python starts. Where that
 * is impossible, a command that starts unittest itself is made to print each test's name.
 */
export const unittest: Runner = {
  name: "unittest",
  isUsed: ({ texts }) =>
    /-m\s*unittest\b|\bunittest\.main\(|\bmanage\.py\s+test\b|\bsetup\.py\s+test\b|^[ \t]*(?:import|from)\s+unittest\b/m.test(
      texts,
    ) || /\bpython[\d.]*\s+(?:-[A-Za-z]+\s+)*["']?(?:\$|\S*tests?\S*\.py\b)/.test(texts),
  nameTests({ command, texts }, place) {
    const hidden = hidesPythonPath(texts);
    return {
      command: hidden ? makeVerbose(command) : command,
      env: hidden ? {} : { PYTHONPATH: place.folder, ...pythonListens },
      files: hidden ? [] : pythonFiles(place),
      reports: hidden ? [] : [pythonReport],
    };
  },
  readOutput: parseUnittest,
  placeCanary: (input) => placePythonCanary(input, "unittest"),
};

function makeVerbose(command: string): string {
  if (/\s(?:-v|--verbose|-q|--quiet)\b/.test(command)) return command;
  return command.replace(/(-m\s*unittest(?:\s+discover)?)(?=$|\s|[;&|])/, "$1 -v");
}

import { spawnSync } from "node:child_process";
import { delimiter } from "node:path";

const question = `import json, os, sys
from importlib.metadata import entry_points
names = sorted({point.name for point in entry_points(group="pytest11")})
print(json.dumps([os.path.dirname(sys.executable), names]))`;

/**
 * The environment of checks in Python: the interpreter itself comes before a version manager's, which
 * is a shell script that looks for it at each start, and pytest does without the plugins that happen
 * to be installed here, which take longer to load than pytest. Both are this machine's, and no test's.
 */
export const plainPython: Readonly<Record<string, string>> = findPython();

function findPython(): Record<string, string> {
  const { status, stdout } = spawnSync("python3", ["-c", question], { encoding: "utf8" });
  if (status !== 0) return {}; // none, or one that is older than the question
  const [folder, plugins]: [string, string[]] = JSON.parse(stdout);
  return {
    PATH: `${folder}${delimiter}${process.env.PATH ?? ""}`,
    PYTEST_ADDOPTS: plugins.map((name) => `-p no:${name}`).join(" "),
  };
}

import { parsePytest } from "../../parsers/pytest.ts";
import type { Runner } from "../runner.ts";
import { placePythonCanary } from "./python-canary.ts";
import {
  hidesPythonPath,
  junitPath,
  junitReport,
  pythonFiles,
  pythonReport,
} from "./python-reporter.ts";

/**
 * pytest names its tests through our plugin on Python's path. Where the command sets that path
 * itself, pytest's own variable requests a JUnit report.
 */
export const pytest: Runner = {
  name: "pytest",
  isUsed: ({ texts }) =>
    /\bhatch\s+(?:run\s+)?test\b/.test(texts) ||
    /(?:^|[\s"'`/=;&|(])(?:pytest|py\.test)(?=$|[\s"'`;&|):,])/m.test(texts),
  nameTests({ command, texts }, place) {
    const hidden = hidesPythonPath(texts) || /PYTEST_DISABLE_PLUGIN_AUTOLOAD/.test(texts);
    const junit = `--junitxml=${junitPath(place)}`;
    return {
      command,
      env: { PYTHONPATH: place.folder, ...(hidden ? { PYTEST_ADDOPTS: junit } : {}) },
      files: pythonFiles(place),
      reports: [pythonReport, junitReport],
    };
  },
  readOutput: parsePytest,
  placeCanary: (input) => placePythonCanary(input, "pytest"),
};

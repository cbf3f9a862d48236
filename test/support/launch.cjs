/**
 * Starts the program that program.ts made of dist: few files, each with the code that V8 compiled of
 * it. Loading 1,500 modules and compiling them anew is two thirds of what starting a daemon costs,
 * and the suite starts hundreds.
 */
const { readFileSync, renameSync, writeFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join } = require("node:path");
const vm = require("node:vm");

const requireOther = createRequire(join(__dirname, "..", "..", "dist", "main.js"));
const chunks = new Map();

function load(name) {
  const known = chunks.get(name);
  if (known) return known.module.exports;
  const path = join(__dirname, name);
  const source = readFileSync(path, "utf8");
  const cachedData = readCode(path);
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    {
      filename: path,
      ...(cachedData ? { cachedData } : {}),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    },
  );
  const module = { exports: {} };
  const isMissing = !cachedData || script.cachedDataRejected;
  chunks.set(name, { module, path, script, isMissing });
  script.runInThisContext()(module.exports, requireFrom, module, path, __dirname);
  return module.exports;
}

function requireFrom(name) {
  return name.startsWith("./") ? load(name.slice(2)) : requireOther(name);
}
requireFrom.resolve = requireOther.resolve;

function readCode(path) {
  try {
    return readFileSync(`${path}.code`);
  } catch {
    return null; // not there yet
  }
}

// At its end, a process has compiled the functions that a run needs; before, only what loading needs.
process.on("exit", () => {
  for (const { path, script, isMissing } of chunks.values()) {
    if (!isMissing) continue;
    const draft = `${path}.code.${process.pid}`;
    writeFileSync(draft, script.createCachedData());
    renameSync(draft, `${path}.code`);
  }
});

load("main.js");

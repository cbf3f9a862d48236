#!/usr/bin/env node
/**
 * Starts the program that bundle.mjs made: few files, each with the code that V8 compiled of it.
 * Loading a thousand modules and compiling them anew is most of what starting a daemon costs.
 * Compiled code that is missing, damaged or of another Node is left aside: the start takes longer.
 */
const { createHash } = require("node:crypto");
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const vm = require("node:vm");

const chunks = new Map();

function load(name) {
  const known = chunks.get(name);
  if (known) return known.module.exports;
  const path = join(__dirname, name);
  const source = readFileSync(path);
  const cachedData = readCode(path, source);
  const script = new vm.Script(
    `(function (exports, require, module, __filename, __dirname) {${source}\n})`,
    { filename: path, ...(cachedData ? { cachedData } : {}) },
  );
  const module = { exports: {} };
  chunks.set(name, { module, path, source, script });
  script.runInThisContext()(module.exports, requireFrom, module, path, __dirname);
  return module.exports;
}

function requireFrom(name) {
  return name.startsWith("./") ? load(name.slice(2)) : require(name);
}
requireFrom.resolve = require.resolve;

/** V8 compares only the source's length and trusts the code, which crashes it when it is damaged. */
function hash(source, code) {
  const node = [process.version, process.platform, process.arch].join();
  return createHash("sha256").update(node).update(source).update(code).digest();
}

function readCode(path, source) {
  try {
    const file = readFileSync(`${path}.code`);
    const code = file.subarray(32);
    return hash(source, code).equals(file.subarray(0, 32)) ? code : null;
  } catch {
    return null; // it is only faster with it
  }
}

// Set by bundle.mjs alone. At its end, a process has compiled the functions that a run needs.
if (process.env.DEPUTY_WRITE_CODE)
  process.on("exit", () => {
    for (const { path, source, script } of chunks.values()) {
      const code = script.createCachedData();
      writeFileSync(`${path}.code`, Buffer.concat([hash(source, code), code]));
    }
  });

load("main.cjs");

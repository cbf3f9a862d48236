/**
 * The module that every Node process of a check loads first (`--require`). It makes test runners
 * write their tests' names into the report folder, whatever script, wrapper or reporter starts
 * them. Other output stays unchanged, and a process that is no runner is unaffected. One line of
 * JSON for each test; see parsers/test-lines.ts. A runner started by another runner (a project that
 * tests a test runner) is not recorded.
 *
 * It hooks node:test through its event stream, which every reporter reads; mocha through the events
 * of its Runner; jest by wrapping `runCLI` of @jest/core; vitest by one more `--reporter`.
 *
 * It swallows errors on purpose: a check must run as it would without the hook, and an incomplete
 * report lacks its `end`, so that it is not trusted.
 */
export const nodeHookSource = String.raw`"use strict";
try {
  begin();
} catch (error) {
  // A Node that is too old for it runs without it.
}
function begin() {
  const { isMainThread } = require("worker_threads");
  if (!isMainThread || process.env.NODE_TEST_CONTEXT || process.env.DEPUTY_REPORTING) return;
  const fs = require("fs");
  const path = require("path");
  const { appendFileSync } = fs;
  const { join, isAbsolute, resolve, dirname, basename } = path;
  const stringify = JSON.stringify;
  const folder = __dirname;
  const own = process.pid;
  const startedAt = Date.now();
  const outputs = new Map();

  function write(runner, line) {
    if (process.pid !== own) return;
    let file = outputs.get(runner);
    try {
      if (file === undefined) {
        file = join(folder, "tests-" + startedAt + "-" + own + "-" + outputs.size + ".jsonl");
        outputs.set(runner, file);
        process.env.DEPUTY_REPORTING = String(own);
        appendFileSync(file, stringify({ deputy: 1, runner }) + "\n");
      }
      appendFileSync(file, stringify(line) + "\n");
    } catch {} // a full disk is the check's own trouble to report
  }
  const whole = (file) => (typeof file === "string" ? (isAbsolute(file) ? file : resolve(file)) : "");

  // ---- node:test
  const stacks = new Map();
  let planned = false;
  function hearNodeTest(event) {
    const data = event.data;
    if (typeof data !== "object" || data === null) return;
    if (outputs.size === 0 && event.type !== "test:diagnostic") write("node:test", { begins: true });
    const key = String(data.file);
    const nesting = Number(data.nesting) || 0;
    if (event.type === "test:start") {
      const stack = stacks.get(key) || [];
      stacks.set(key, stack);
      stack.length = Math.min(stack.length, nesting);
      stack[nesting] = String(data.name);
    } else if (event.type === "test:pass" || event.type === "test:fail") {
      const details = data.details || {};
      const inner = details.error && details.error.failureType === "subtestsFailed";
      const skipped = (data.skip !== undefined && data.skip !== false) || (data.todo !== undefined && data.todo !== false);
      const state = skipped ? "skipped" : event.type === "test:pass" || inner ? "passed" : "failed";
      const isSuite = details.type === "suite";
      const isFile = nesting === 0 && (data.name === data.file || resolve(String(data.name)) === data.file);
      if (isFile) write("node:test", { file: whole(data.file), path: [], state });
      else if (!isSuite || state !== "passed") {
        const stack = stacks.get(key) || [];
        const above = stack.slice(0, nesting).map((name) => String(name));
        write("node:test", { file: whole(data.file), path: [...above, String(data.name)], state });
      }
    } else if (event.type === "test:plan" && nesting === 0) planned = true;
  }
  const { Readable } = require("stream");
  const push = Readable.prototype.push;
  Readable.prototype.push = function (chunk, encoding) {
    if (typeof chunk === "object" && chunk !== null && typeof chunk.type === "string" && chunk.type.startsWith("test:") && this.constructor.name === "TestsStream") {
      try {
        hearNodeTest(chunk);
      } catch {} // an event of a shape that a later Node has
    }
    return push.call(this, chunk, encoding);
  };
  process.on("exit", () => {
    if (planned) write("node:test", { end: true });
  });

  let program = process.argv[1] || "";
  try {
    program = fs.realpathSync(program);
  } catch {} // 'node -e', or a program that is gone: its name as it was given
  program = program.split("\\").join("/");

  // ---- mocha
  if (/\/(mocha|electron-mocha)\/(bin|lib)\//.test(program)) {
    const EventEmitter = require("events");
    const emit = EventEmitter.prototype.emit;
    const titles = (test) => {
      if (typeof test.titlePath === "function") return test.titlePath().map(String);
      const names = [];
      for (let each = test; each; each = each.parent) if (each.title) names.unshift(String(each.title));
      return names;
    };
    const fileOf = (test) => {
      for (let each = test; each; each = each.parent) if (each.file) return whole(each.file);
      return "";
    };
    let main;
    EventEmitter.prototype.emit = function (type, test, ...rest) {
      try {
        // A run inside a test is none of the check's own.
        if (type === "start" && main === undefined && this.suite && typeof this.total === "number") main = this;
        if (this !== main) {
        } else if ((type === "pass" || type === "fail" || type === "pending") && test && typeof test.title === "string") {
          const state = type === "pass" ? "passed" : type === "fail" ? "failed" : "skipped";
          write("mocha", { file: fileOf(test), path: titles(test), state });
        } else if (type === "start") write("mocha", { begins: true });
        else if (type === "end") write("mocha", { end: true });
      } catch {} // an event of a shape that a later mocha has
      return emit.call(this, type, test, ...rest);
    };
  }

  // ---- jest
  const Module = require("module");
  const load = Module._load;
  let wrapped;
  Module._load = function (request, ...rest) {
    const loaded = load.call(this, request, ...rest);
    if (!/^@jest\/core$|\/@jest\/core\/build\/index\.js$/.test(request) || typeof loaded !== "object" || loaded === null) return loaded;
    if (typeof loaded.runCLI !== "function") return loaded;
    if (wrapped) return wrapped;
    const { runCLI } = loaded;
    wrapped = Object.create(loaded, {
      runCLI: {
        enumerable: true,
        value: async (...args) => {
          write("jest", { begins: true });
          const outcome = await runCLI(...args);
          try {
            hearJest(outcome.results);
          } catch {} // results of a shape that a later jest has
          return outcome;
        },
      },
    });
    for (const key of Object.keys(loaded)) {
      if (key !== "runCLI") Object.defineProperty(wrapped, key, { enumerable: true, get: () => loaded[key] });
    }
    return wrapped;
  };
  function hearJest(results) {
    for (const file of results.testResults) {
      const name = whole(file.testFilePath);
      const project = file.displayName && file.displayName.name ? ["|" + file.displayName.name + "|"] : [];
      let failed = 0;
      for (const test of file.testResults) {
        const state = test.status === "passed" || test.status === "failed" ? test.status : "skipped";
        if (state === "failed") failed++;
        write("jest", { file: name, path: [...project, ...test.ancestorTitles.map(String), String(test.title)], state });
      }
      if (file.testExecError || (file.failureMessage && failed === 0)) write("jest", { file: name, path: [], state: "failed" });
      else if (file.skipped) write("jest", { file: name, path: [], state: "skipped" });
    }
    if (!results.wasInterrupted) write("jest", { end: true });
  }

  // ---- vitest: its processes are modules that nothing of ours gets into, but for a reporter
  if (/\/vitest\/(vitest|dist\/cli[\w.-]*)\.m?js$/.test(program)) {
    const given = process.argv.slice(2);
    const sub = given.find((word) => !word.startsWith("-"));
    const isRun = !["bench", "list", "init", "complete"].includes(sub) && !given.some((word) => /^(-h|--help|-v|--version)$/.test(word));
    if (isRun) {
      const named = given.some((word) => /^--reporters?(=|$)/.test(word));
      process.argv.splice(2, 0, ...(named ? [] : ["--reporter=default"]), "--reporter=" + join(folder, "vitest-reporter.mjs"));
      process.env.DEPUTY_REPORTING = String(own);
    }
  }
}
`;

/** A `node` that adds the hook again where a script replaced NODE_OPTIONS. */
export const nodeShimSource = `#!/bin/sh
case "$NODE_OPTIONS" in
  *name-tests.cjs*) ;;
  *) NODE_OPTIONS="$NODE_OPTIONS $DEPUTY_NODE_OPTIONS"; export NODE_OPTIONS ;;
esac
exec "$DEPUTY_NODE" "$@"
`;

/** The reporter that the hook gives vitest, for every version since 1, in one process. */
export const vitestReporterSource = String.raw`import { appendFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const stringify = JSON.stringify;
const output = join(dirname(fileURLToPath(import.meta.url)), "tests-" + Date.now() + "-" + process.pid + "-v.jsonl");
const write = (line) => {
  try {
    appendFileSync(output, stringify(line) + "\n");
  } catch {} // a full disk is the check's own trouble to report
};

function listTasks(file, tasks, above, states) {
  for (const task of tasks || []) {
    const path = [...above, String(task.name)];
    const suite = Array.isArray(task.tasks);
    const state = task.result && task.result.state;
    if (suite && task.tasks.length > 0) listTasks(file, task.tasks, path, states);
    if (suite && !(state === "fail" && !states.failed && task.result.errors && task.result.errors.length > 0)) continue;
    const is = state === "pass" ? "passed" : state === "fail" ? "failed" : "skipped";
    if (is === "failed") states.failed++;
    write({ file, path, state: is });
  }
}

export default class Reporter {
  onInit() {
    write({ deputy: 1, runner: "vitest" });
  }
  onFinished(files = []) {
    this.list(files);
  }
  onTestRunEnd(modules = []) {
    this.list(modules.map((each) => each.task).filter(Boolean));
  }
  list(files) {
    if (this.done) return;
    this.done = true;
    for (const file of files) {
      const states = { failed: 0 };
      const path = file.filepath || file.name;
      listTasks(path, file.tasks, file.projectName ? ["|" + file.projectName + "|"] : [], states);
      const failed = file.result && file.result.state === "fail";
      if (failed && states.failed === 0) write({ file: path, path: [], state: "failed" });
    }
    write({ end: true });
  }
}
`;

/**
 * The work that every harness does: seventeen rounds of reading a file, editing it and running the
 * tests, two calls short, and a word at the end. What the model says is in agents-server.mjs.
 */
export const turns = 50;
export const brief =
  "Count the value in src/calc.mjs up, one at a time. Read the file before each edit and run the tests with `sh ./test.sh` after it.";

export const file = "src/calc.mjs";
export const kindOf = (turn) => ["read", "edit", "test"][turn % 3];

/** What the scripted model does in a turn, in words that every harness has a tool for. */
export function callOf(turn) {
  const value = Math.floor(turn / 3);
  switch (kindOf(turn)) {
    case "read":
      return { tool: "read", args: { path: file } };
    case "edit":
      return { tool: "edit", args: { path: file, old: lineOf(value), new: lineOf(value + 1) } };
    case "test":
      return { tool: "bash", args: { command: "sh ./test.sh" } };
  }
}

export const lineOf = (value) => `export let value = ${value};`;

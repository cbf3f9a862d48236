import { expect, test } from "vitest";
import { findPrompt, watchForPrompt } from "../../src/agents/find-prompt.ts";

test.each([
  ["Overwrite? [y/N] ", "Overwrite? [y/N]"],
  ["Proceed (Y/n): ", "Proceed (Y/n):"],
  ["Do you want to continue? [Y/n] ", "Do you want to continue? [Y/n]"],
  [
    "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
    "Are you sure you want to continue connecting (yes/no/[fingerprint])?",
  ],
  ["Password:", "Password:"],
  ["[sudo] password for ann: ", "[sudo] password for ann:"],
  ["Username for 'https://example.com': ", "Username for 'https://example.com':"],
  ["Enter passphrase for key '/k': ", "Enter passphrase for key '/k':"],
  ["\u001b[32m?\u001b[39m Which framework › ", "? Which framework ›"],
  ["Which port? (8080) ", "Which port? (8080)"],
  ["10 %\r100 %\rDelete all of it? ", "Delete all of it?"],
  ["Press any key to continue . . .", "Press any key to continue . . ."],
  ["Enter a name: ", "Enter a name:"],
  // What a program may leave without an end and asks nobody.
  ["", null],
  ["Overwrite? [y/N] \n", null],
  ["100 %", null],
  ["Compiling app v1.0", null],
  ["error: unknown option, did you mean --force?", null],
  ['{"question": "Which one?"', null],
  ["listening on http://127.0.0.1:", null],
  [`${"x".repeat(600)}?`, null],
])("%j → %j", (unfinished, prompt) => {
  expect(findPrompt(unfinished)).toBe(prompt);
});

test("it comes in pieces, and the complaint about the missing answer on the other stream", () => {
  const output = watchForPrompt();
  output.add("Reading.\nOver", "stdout");
  output.add("write? [y/", "stdout");
  output.add("EOFError: EOF when reading a line\n", "stderr");
  expect(output.find()).toBe(null);
  output.add("N] ", "stdout");
  expect(output.find()).toBe("Overwrite? [y/N]");
});

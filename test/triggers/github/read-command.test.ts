import { expect, test } from "vitest";
import { readCommand } from "../../../src/triggers/github/commands/read-command.ts";

test.each([
  ["/deputy stop", { name: "stop", words: "" }],
  ["Thanks!\n/deputy STOP  now \nbye", { name: "stop", words: "now" }],
  ["@deputy-bot why", { name: "why", words: "" }],
  ["@Deputy-Bot budget +$2", { name: "budget", words: "+$2" }],
  [
    "/deputy fix the title\n\nand say\n- more",
    { name: "fix", words: "the title\n\nand say\n- more" },
  ],
  ["/deputy answer yes\nplease", { name: "answer", words: "yes" }],
  ["/deputy constructor", { name: null, words: "" }],
  ["/deputy", { name: null, words: "" }],
  ["```\n/deputy stop\n```\n/deputy why", { name: "why", words: "" }],
  ["> ```\n> code\n> ```\n/deputy why", { name: "why", words: "" }],
  ["> ```\n> code\n/deputy why", { name: "why", words: "" }],
  ["- ```\n  code\n  ```\n/deputy why", { name: "why", words: "" }],
  ["1. ```\n   code\n   ```\n/deputy why", { name: "why", words: "" }],
  ["> - ```\n>   code\n>   ```\n/deputy why", { name: "why", words: "" }],
  ["```x``` is it\n/deputy why", { name: "why", words: "" }],
  ["/deputy<!-- --> stop", { name: "stop", words: "" }],
])("%j is a command", (body, command) => {
  expect(readCommand(body, "deputy-bot")).toEqual(command);
});

test.each([
  "Say /deputy stop to end it",
  " /deputy stop",
  "> /deputy stop",
  "```\n/deputy stop\n```",
  "````sh\n```\n/deputy stop\n````",
  "~~~\n/deputy stop",
  "```x``` is it:\n```\n/deputy stop\n```",
  "```\n    ```\n/deputy stop\n```",
  "    ```\n```\n/deputy stop\n```",
  "```\n> ```\n/deputy stop\n```",
  "```\n~~~\n/deputy stop\n```",
  "- ```\n```\n/deputy stop\n```",
  "> ```\n```\n/deputy stop\n```",
  "- ```\n/deputy stop",
  "/deputysstop",
  "<!--\n/deputy stop\n-->",
  "@deputy-bots stop",
  "@somebody stop",
  "`/deputy stop`",
  "",
])("%j is none", (body) => {
  expect(readCommand(body, "deputy-bot")).toBeNull();
});

test("a mention counts for the account that is known to be ours", () => {
  expect(readCommand("@deputy-bot stop", null)).toBeNull();
  expect(readCommand("/deputy stop", null)).toMatchObject({ name: "stop" });
});

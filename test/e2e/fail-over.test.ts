import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";

/** At a provider's limit somebody else takes over where that is configured, and the others go on. */
let model: ModelServer;
const inAWeek = Math.round(Date.now() / 1_000) + 7 * 86_400;
beforeAll(async () => {
  model = await startModelServer({
    apiKey: "sk-limit",
    scenario: {
      models: ["scripted"],
      roles: { coder: { turns: [{ fault: { kind: "usage_limit", resetsAt: inAWeek } }] } },
    },
  });
});
afterAll(() => model?.close());

const { receiptOf, repository, run } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-limit",
    OPENAI_BASE_URL: model.url,
    DEPUTY_MODEL: "scripted",
  }),
  config: `roles:
  coder:
    on_limit: fallback
    fallbacks: [{ agent: "command:echo done > word.txt" }]
`,
});

test("the next fallback does the work at once, and the limit counts as nobody's failure", async () => {
  const task = await run({ goal: "Write a word", agent: "builtin", checks: ["test -e word.txt"] });
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:word.txt`)).toBe("done");
  const { attempts } = await receiptOf(task.id);
  expect(attempts.map(({ recovery }: Json) => recovery?.rung ?? null)).toEqual(["fallback", null]);
  expect(attempts[0].recovery.reason).toMatch(
    /^a command takes over at once, not counted as an attempt \(/,
  );
});

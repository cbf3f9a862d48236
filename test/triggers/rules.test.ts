import { expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { describeRules } from "../../src/daemon/page/triggers.ts";
import { noRules, parseTriggerRules } from "../../src/triggers/rules.ts";

const refusal = (text: string): DeputyError => {
  try {
    parseTriggerRules(text, "/home/me/triggers.yaml");
  } catch (error) {
    if (error instanceof DeputyError) return error;
    throw error;
  }
  throw new Error("it was accepted");
};

test("a whole rule is read, and what is left out has its default", () => {
  const { github } = parseTriggerRules(
    `
github:
  - on: issues.labeled
    repository: acme/*
    label: deputy
    recipe: change
    goal: "Resolve the issue described below."
    clone: ssh://git@example.com/{repository}.git
    checks: [npm test]
    agent: "command:./agent"
    deliver: branch
    allow: [snapshots/**]
    proof: full
    trusted: [Alice]
    max_per_day: 5
  - on: [pull_request.opened, pull_request.synchronize]
    repository: acme/app
`,
    "triggers.yaml",
  );
  const guards = { maxPerHour: null, maxPerDay: null, breaker: 20 };
  expect(github).toEqual([
    {
      ...{ name: null, guards: { ...guards, maxPerDay: 5 } },
      on: ["issues.labeled"],
      repository: "acme/*",
      label: "deputy",
      ...{ assignee: null, branch: null },
      recipe: "change",
      goal: "Resolve the issue described below.",
      clone: "ssh://git@example.com/{repository}.git",
      checks: ["npm test"],
      agent: "command:./agent",
      deliver: "branch",
      closes: false,
      comment: true,
      allow: ["snapshots/**"],
      proof: "full",
      trusted: ["alice"],
    },
    {
      ...{ name: null, guards },
      on: ["pull_request.opened", "pull_request.synchronize"],
      repository: "acme/app",
      label: null,
      ...{ assignee: null, branch: null },
      recipe: "review",
      goal: null,
      clone: "https://github.com/{repository}.git",
      checks: [],
      agent: null,
      deliver: "pr",
      closes: false,
      comment: true,
      allow: [],
      proof: null,
      trusted: [],
    },
  ]);
});

test.each(["", "# nothing yet\n", "github:\n", "github: []\n"])(
  "%j is a file without rules",
  (text) => {
    expect(parseTriggerRules(text, "triggers.yaml")).toEqual(noRules);
  },
);

test.each([
  [
    "an unknown event",
    "github:\n  - repository: a/b\n    on: issues.closed\n",
    3,
    /"github\[0\]\.on\[0\]" must be one of issues\.opened, issues\.labeled/,
  ],
  [
    "an unknown key",
    "github:\n  - on: issues.opened\n    repository: a/b\n    budget: 5\n",
    4,
    /github\[0\]\.budget: is not a known key/,
  ],
  [
    "an unknown key at the top",
    "github: []\nbitbucket: []\n",
    2,
    /bitbucket: is not a known key; the file has github, gitea, gitlab, schedule, inbox, hook, tasks, watch$/,
  ],
  [
    "a missing repository",
    "github:\n  - on: issues.opened\n",
    2,
    /"github\[0\]\.repository" is missing; it must be a string$/,
  ],
  [
    "a wrong type",
    "github:\n  - on: issues.opened\n    repository: a/b\n    checks: npm test\n",
    4,
    /"github\[0\]\.checks" must be an array, not a string$/,
  ],
  [
    "labeled without a label",
    "github:\n  - on: issues.labeled\n    repository: a/b\n",
    2,
    /needs a `label`/,
  ],
  [
    "a change for a pull request",
    "github:\n  - on: pull_request.opened\n    repository: a/b\n    recipe: change\n",
    4,
    /can only be reviewed/,
  ],
  [
    "a review for a failed run",
    "github:\n  - on: check_run.failed\n    repository: a/b\n    recipe: review\n",
    4,
    /no place for a comment/,
  ],
  [
    "a comment on a failed run",
    "github:\n  - on: check_run.failed\n    repository: a/b\n    comment: false\n",
    4,
    /issues that are worked on/,
  ],
  [
    "a review that delivers code",
    "github:\n  - on: pull_request.opened\n    repository: a/b\n    deliver: pr\n",
    4,
    /delivers a comment/,
  ],
  [
    "an unknown agent",
    "github:\n  - on: issues.opened\n    repository: a/b\n    agent: gpt\n",
    4,
    /is no known agent/,
  ],
  [
    "an unknown placeholder",
    "github:\n  - on: issues.opened\n    repository: a/b\n    clone: /srv/{repo}\n",
    4,
    /\{repository\}/,
  ],
  [
    "an option as clone",
    "github:\n  - on: issues.opened\n    repository: a/b\n    clone: --upload-pack=x\n",
    4,
    /must not start with -/,
  ],
  [
    "a schedule without a time zone",
    "schedule:\n  - cron: 0 3 * * *\n    repository: /srv/app\n    goal: Tidy\n",
    2,
    /"schedule\[0\]\.tz" is missing/,
  ],
  [
    "an unknown time zone",
    "schedule:\n  - { cron: 0 3 * * *, repository: /a, goal: Tidy,\n      tz: Europe/Bern }\n",
    3,
    /schedule\[0\]\.tz: is no time zone; write one like Europe\/Berlin/,
  ],
  [
    "a schedule that never fires",
    "schedule:\n  - repository: /a\n    goal: Tidy\n    tz: UTC\n    cron: 0 0 30 2 *\n",
    5,
    /schedule\[0\]\.cron: never comes: no such date exists; write five fields/,
  ],
  [
    "a schedule of seconds",
    "schedule:\n  - repository: /a\n    goal: Tidy\n    tz: UTC\n    cron: '* * * * * *'\n",
    5,
    /schedule\[0\]\.cron: has 6 fields; write five fields/,
  ],
  [
    "a schedule at no minute",
    "schedule:\n  - repository: /a\n    goal: Tidy\n    tz: UTC\n    cron: 61 3 * * *\n",
    5,
    /schedule\[0\]\.cron: cannot be read: Invalid value for minute: 61; write five fields/,
  ],
  [
    "an unknown key of a schedule",
    "schedule:\n  - repository: /a\n    goal: Tidy\n    tz: UTC\n    cron: 0 3 * * *\n    time: 3\n",
    6,
    /schedule\[0\]\.time: is not a known key; a rule has name, cron, tz, catch_up, max_per_hour, max_per_day, breaker, goal/,
  ],
  [
    "two rules of one name",
    "schedule:\n  - &a { cron: 0 3 * * *, tz: UTC, repository: /a, goal: Tidy }\n  - *a\n",
    3,
    /schedule\[1\]\.name: another rule is called tidy, too; give this one a `name`/,
  ],
  [
    "two inboxes in one folder",
    "inbox:\n  - { path: /srv/in }\n  - { name: other, path: /srv/in }\n",
    3,
    /inbox\[1\]\.path: another rule has this folder, too/,
  ],
  ["a relative inbox", "inbox:\n  - path: in\n", 2, /inbox\[0\]\.path.* must be an absolute path/],
  [
    "a hook without a token",
    "hook:\n  - name: alerts\n    repository: /a\n    goal: Look\n",
    2,
    /hook\[0\]\.name: needs its token: name its variable in `token_env`/,
  ],
  [
    "a hook with a token in the file",
    "hook:\n  - name: alerts\n    repository: /a\n    goal: Look\n    token: secret\n",
    5,
    /hook\[0\]\.token: is not a known key/,
  ],
  [
    "a subject of no field",
    "hook:\n  - { name: a, token_env: T, repository: /a, goal: Look,\n      subject: 'x {a b}' }\n",
    3,
    /subject: may hold fields like \{data\.id\}, not \{a b\}/,
  ],
  [
    "a rule that follows itself",
    "tasks:\n  - { name: a, on: task.completed, repository: /a, goal: Look,\n      after: a }\n",
    3,
    /tasks\[0\]\.after: names the rule itself/,
  ],
  ["broken YAML", "github:\n  - on: issues.opened\n    repository: [a\n", 4, /line 4/],
  [
    "a list at the top",
    "- on: issues.opened\n",
    1,
    /line 1: the file must be an object, not an array$/,
  ],
])("%s is refused with its line", (_, text, line, message) => {
  const error = refusal(text);
  expect(error.message).toMatch(message);
  expect(error.message).toContain(`/home/me/triggers.yaml, line ${line}`);
  expect(error.line).toBe(line);
});

test("a bomb of aliases is refused", () => {
  const levels = Array.from({ length: 9 }, (_, level) =>
    level === 0
      ? "a0: &a0 [x, x, x, x, x, x, x, x, x]"
      : `a${level}: &a${level} [${Array(9)
          .fill(`*a${level - 1}`)
          .join(", ")}]`,
  );
  expect(refusal(levels.join("\n")).message).toMatch(/alias/i);
});

test.each([
  ["{ on: command, repository: a/b, label: x }", "label", "needs no label"],
  ["{ on: [issues.opened, own_check.failed], repository: a/b }", "on", "a rule of its own"],
  ["{ on: own_review.submitted, repository: a/b, agent: builtin }", "agent", "leave it out"],
  ["{ on: own_check.failed, repository: a/b, comment: true }", "comment", "leave it out"],
])("a rule %s is refused at %s", (rule, field, why) => {
  const { message } = refusal(`github:\n  - ${rule}`);
  expect(message).toContain(`line 2: github[0].${field}: `);
  expect(message).toContain(why);
});

test("a rule for commands reviews where its other events are those of pull requests", () => {
  const recipes = (rules: string) =>
    parseTriggerRules(`github: [${rules}]`, "triggers.yaml").github.map(({ recipe }) => recipe);
  expect(
    recipes(
      `{ on: command, repository: a/b }, { on: [pull_request.opened, command], repository: a/b }, { on: [own_check.failed, own_review.submitted], repository: a/b, trusted: [ada], name: own, breaker: 5, max_per_day: 9 }`,
    ),
  ).toEqual(["change", "review", "change"]);
});

test("the page names a rule of each section", () => {
  const text = `
github:
  - on: issues.opened
    repository: my/*
gitea:
  - on: issues.opened
    repository: my/*
gitlab:
  - on: command
    name: lab
    repository: my/*
watch:
  - name: tests
    repository: /home/me/project
    command: npm test
  - name: words
    repository: /home/me/project
    goal: Bring the index up to date.
`;
  const described = describeRules(parseTriggerRules(text, "/triggers.yaml"), "/home");
  expect(described.map(({ name, section, summary }) => [section, name, summary])).toEqual([
    ["github", "github[0]", "issues.opened in my/*"],
    ["gitea", "gitea[0]", "issues.opened in my/*"],
    ["gitlab", "lab", "command in my/*"],
    ["watch", "tests", "`npm test` turns red in /home/me/project"],
    ["watch", "words", "files change in /home/me/project"],
  ]);
});

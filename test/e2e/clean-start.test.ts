import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { TestRepository } from "../support/repository.ts";

/** What an attempt starts from is its base and nothing else, whatever was in its worktree before. */
const { deputy, repositoryWith, scratch } = withDeputy({ env: { DEPUTY_CONCURRENCY: "1" } });
let large: TestRepository;
let small: TestRepository;

const manyFiles = Object.fromEntries(
  Array.from({ length: 1_000 }, (_, i) => [`files/${i % 20}/${i}.txt`, `${i}\n`]),
);

beforeAll(async () => {
  [large, small] = await Promise.all([
    repositoryWith(manyFiles),
    repositoryWith({
      ".deputy/config.yaml":
        "setup: echo made > made.txt; echo more >> lock.txt; echo x > kept.log\n",
      ".gitignore": "*.log\n",
      "lock.txt": "one\n",
      "a.txt": "a\n",
      "folder/b.txt": "b\n",
    }),
  ]);
});

test("queued tasks that fail once deliver nothing of their first attempts", async () => {
  const agent = await scratch.agent(
    "junk.sh",
    `if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo junk > out-junk.log; exit 1; fi; echo ok > ok.txt`,
  );
  const ids = [];
  for (let i = 0; i < 4; i++) {
    const { body } = await deputy.api("POST", "/v1/tasks", {
      repository: large.path,
      goal: `Queue ${i}`,
      agent,
      checks: ["true"],
    });
    ids.push(body.id);
  }
  const tasks: Json[] = await Promise.all(ids.map((id) => deputy.untilOver(id)));
  for (const { branch, state, end_detail } of tasks) {
    expect(state, end_detail).toBe("completed");
    expect(large.git("diff", "--name-only", "main", branch)).toBe("ok.txt");
  }
});

test("a new attempt finds nothing that the one before it left, ignored or not", async () => {
  const agent = await scratch.agent(
    "leave.sh",
    `if [ "$DEPUTY_ATTEMPT" = 2 ]; then
  find . ! -path ./.git -printf '%p %y %m %l\\n' | sort > ${scratch.at("second")}
  find "$(git rev-parse --absolute-git-dir)" -type f -printf '%f\\n' | sort > ${scratch.at("second-git")}
  echo ok > a.txt; exit 0
fi
find . ! -path ./.git -printf '%p %y %m %l\\n' | sort > ${scratch.at("first")}
find "$(git rev-parse --absolute-git-dir)" -type f -printf '%f\\n' | sort > ${scratch.at("first-git")}
admin=$(git rev-parse --absolute-git-dir)
echo y > kept.log; echo y > left.log; mkdir -p empty/deeper folder/.git; mkfifo pipe folder/pipe
chmod 600 folder/b.txt; ln -s / root; git init --quiet inner; echo z > inner/z
touch -r a.txt stamp; echo b > a.txt; touch -r stamp a.txt
touch "$admin/index.lock" "$admin/MERGE_HEAD" "$admin/config.worktree"; mkdir -p "$admin/info"; touch "$admin/info/sparse-checkout"
mkdir -p "$(git rev-parse --git-common-dir)/hooks"; touch "$(git rev-parse --git-common-dir)/hooks/pre-commit"
exit 1`,
  );
  const task = await deputy.run({ repository: small.path, goal: "Leave", agent, checks: ["true"] });
  expect(task.state, task.end_detail).toBe("completed");
  expect(await scratch.read("second")).toBe(await scratch.read("first"));
  expect(await scratch.read("second-git")).toBe(await scratch.read("first-git"));
});

test("what setup leaves behind is not the agent's work", async () => {
  const task = await deputy.run({
    repository: small.path,
    goal: "Change one",
    agent: "command:echo changed > a.txt",
    checks: ["test -e made.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(small.git("diff", "--name-only", "main", task.branch)).toBe("a.txt");
  const left = (await deputy.events(task.id)).find(({ data }) => data.step === "setup_left");
  expect(left?.message).toContain("lock.txt, made.txt");

  const changed = await deputy.run({
    repository: small.path,
    goal: "Change what setup made",
    agent: "command:echo mine >> lock.txt",
    checks: ["true"],
  });
  expect(small.git("show", `${changed.branch}:lock.txt`)).toBe("one\nmore\nmine");
  expect(small.git("diff", "--name-only", "main", changed.branch)).toBe("lock.txt");

  const idle = await deputy.run({ repository: small.path, goal: "Nothing", agent: "command:true" });
  expect(idle).toMatchObject({ state: "failed", branch: null });
  expect(idle.end_detail).toContain("no change");
});

test("an attempt does not start where its worktree cannot be made clean; the path is named", async () => {
  const agent = await scratch.agent(
    "haunt.sh",
    `if [ "$DEPUTY_ATTEMPT" != 1 ]; then echo "$DEPUTY_ATTEMPT" >> ${scratch.at("started")}; echo ok > a.txt; exit 0; fi
env -i PATH="$PATH" setsid sh -c 'while [ ! -e ${scratch.at("stop")} ]; do echo x > "$0/haunted.txt"; done' "$PWD" > ${scratch.at("noise")} 2>&1 < /dev/null &
while [ ! -e haunted.txt ]; do sleep 0.05; done
exit 1`,
  );
  const { body } = await deputy.api("POST", "/v1/tasks", {
    repository: small.path,
    goal: "Haunt",
    agent,
    checks: ["true"],
  });
  const refused = await deputy.untilEvent(body.id, ({ message }) =>
    message.includes("haunted.txt"),
  );
  expect(refused.message).toContain("differs");
  expect(scratch.has("started")).toBe(false);
  await scratch.write("stop");
  const task = await deputy.untilOver(body.id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(small.git("diff", "--name-only", "main", task.branch)).toBe("a.txt");
});

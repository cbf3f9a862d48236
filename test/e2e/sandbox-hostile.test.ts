import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/**
 * An agent that does its worst inside a real daemon. What it tries comes to nothing, what it does of
 * its work is judged and delivered as anybody's, and the receipt lists what it tried.
 */
const { deputy, repository, scratch } = withDeputy({
  files: { "work.txt": "start\n" },
  env: ({ scratch }) => ({
    DEPUTY_SANDBOX: "bubblewrap",
    HOME: scratch.at("user"),
    OPENAI_API_KEY: "canary-in-the-environment",
  }),
  // Few processes, so that a fork bomb costs this machine nothing.
  config: "sandbox: { processes: 64, memory_mb: 1024, file_mb: 20, disk_mb: 60 }\n",
  start: false,
});
let mirror: string;

beforeAll(async () => {
  await mkdir(scratch.at("user/.ssh"), { recursive: true });
  await scratch.write("user/.ssh/id_rsa", "canary-in-the-key\n");
  await scratch.write("target", "safe\n");
  await deputy.start();
});

/** Puts the agent's script where it can be read: into the repository. */
async function submit(goal: string, script: string): Promise<{ task: Json; receipt: Json }> {
  const name = `${goal.toLowerCase().replaceAll(" ", "-")}.sh`;
  await repository.write({ [name]: script });
  repository.git("add", "--all");
  repository.git("commit", "--quiet", "--message", goal);
  const task = await deputy.run({
    ...{ goal, repository: repository.path, agent: `command:sh ${name}` },
    checks: ["grep -q done work.txt"],
  });
  return { task, receipt: (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body };
}

/** What of the mirror is not ours to change in a task: configuration, hooks, and who has a name in it. */
async function lookAtMirror() {
  const { config, hooks, HEAD } = await fingerprintCheckout(mirror);
  const refs = repository
    .git("--git-dir", mirror, "for-each-ref")
    .split("\n")
    .filter((line) => !/refs\/(?:deputy|remotes|source)\//.test(line));
  return { config, hooks, HEAD, refs };
}

function isRunning(mark: string): boolean {
  return readdirSync("/proc").some((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, "utf8").includes(mark);
    } catch {
      return false; // gone meanwhile
    }
  });
}

describe("a hostile agent", () => {
  test("works in a real sandbox: the rest would be dangerous without", async () => {
    const doctor = await deputy.cli(["doctor", "--json"]);
    expect(JSON.parse(doctor.stdout).findings ?? JSON.parse(doctor.stdout)).toContainEqual({
      name: "sandbox",
      status: "ok",
      detail: "bubblewrap",
    });
    const { task, receipt } = await submit("Begin well", "echo done >> work.txt\n");
    expect(task.state, task.end_detail).toBe("completed");
    expect(receipt.attempts[0].sandbox).toEqual({
      ...{ provider: "bubblewrap", problem: null, refused: [] },
    });
    const [name = ""] = readdirSync(join(deputy.home, "repos"));
    mirror = join(deputy.home, "repos", name);
  });

  test("fails at everything, does its work all the same, and the receipt lists what it tried", async () => {
    const mark = `left-behind-${process.pid}`;
    const script = `
export MIRROR=$(git rev-parse --git-common-dir)
try() { name=$1; shift; if "$@"; then echo "$name" >> came-through.txt; else echo "$name" >> refused.txt; fi; }
as="-c user.name=x -c user.email=x@x"
try mirror git -C "$MIRROR" update-ref refs/heads/evil HEAD
try mirror-config git -C "$MIRROR" config core.fsmonitor "touch PWN"
try checkout git -C ${repository.path} $as commit --allow-empty -m evil
try checkout-file sh -c 'echo evil > ${repository.path}/work.txt'
try push git push ${repository.path} HEAD:refs/heads/evil
try update-ref git update-ref refs/heads/evil HEAD
try hooks-path git config core.hooksPath "$PWD/hooks"
try hook sh -c 'echo "touch PWN" > "$MIRROR/hooks/post-checkout"'
echo stash >> work.txt
try stash git $as stash
try git-file sh -c 'rm -f .git && echo gitdir: mine > .git'
ln -s ${scratch.at("target")} link
try link sh -c 'echo evil > link'
rm -f link
try token cat ${deputy.home}/token
try environment sh -c 'cat /proc/${deputy.pid()}/environ'
try any-environment sh -c 'env | cat - /proc/[0-9]*/environ | grep -a canary'
try key sh -c 'cat ~/.ssh/id_rsa || cat ${scratch.at("user")}/.ssh/id_rsa'
try api curl -sS --noproxy '*' --max-time 5 ${deputy.url()}/v1/tasks
try host curl -sS --max-time 5 https://evil.example/
try kill kill -9 ${deputy.pid()}
try disk dd if=/dev/zero of=large bs=1M count=50
rm -f large
setsid -f bash -c 'exec -a ${mark} sleep 600'
echo done >> work.txt
cat refused.txt
`;
    await repository.write({ "try-it-all.sh": script });
    const before = { mirror: await lookAtMirror(), head: "" };
    repository.git("add", "--all");
    repository.git("commit", "--quiet", "--message", "script");
    before.head = repository.git("rev-parse", "HEAD");
    const checkout = await fingerprintCheckout(repository.path);
    const task = await deputy.run({
      ...{ goal: "Try it all", repository: repository.path, agent: "command:sh try-it-all.sh" },
      checks: ["grep -q done work.txt"],
    });
    expect(task.state, task.end_detail).toBe("completed");
    const show = (name: string) => repository.git("show", `${task.branch}:${name}`);
    expect(repository.git("ls-tree", "--name-only", task.branch)).not.toContain("came-through");
    expect(show("refused.txt").split("\n")).toHaveLength(19);
    expect(show("work.txt")).toContain("done");

    expect(await fingerprintCheckout(repository.path)).toEqual(checkout);
    expect(await lookAtMirror()).toEqual(before.mirror);
    expect(await scratch.read("target")).toBe("safe\n");
    expect(isProcessAlive({ pid: deputy.pid(), startTicks: null })).toBe(true);
    await until(() => !isRunning(mark), "what it left is gone");

    const receipt = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
    expect(receipt.verified).toBe(true);
    expect(receipt.attempts).toHaveLength(1);
    const { refused } = receipt.attempts[0].sandbox;
    const details = refused.map(({ what, detail }: Json) => `${what}: ${detail}`).join("\n");
    for (const tried of [
      /write: .*refs\/heads\/evil/,
      /write: .*lock config file config: Read-only file system/,
      /write: .*lock config file \/.*\.git\/config: Read-only file system/,
      /write: .*hooks\/post-checkout/,
      /write: .*'\.git': Device or resource busy/,
      new RegExp(`read: .*cannot change to '${repository.path}'`),
      new RegExp(`read: .*'${repository.path}' does not appear`),
      new RegExp(`write: .*cannot create ${repository.path}/work.txt`),
      new RegExp(`read: .*${deputy.home}/token`),
      new RegExp(`read: .*/proc/${deputy.pid()}/environ`),
      /read: .*\.ssh\/id_rsa/,
      /network: .*127\.0\.0\.1/,
      /network: evil\.example:443: not on the list/,
      /process: .*No such process/,
      /limit: .*File size limit exceeded|limit: .*File too large/,
    ])
      expect(details).toMatch(tried);
    expect(refused).toContainEqual(expect.objectContaining({ what: "network", known: "enforced" }));
    const { stdout: page } = await deputy.cli(["receipt", task.id]);
    expect(page).toContain("## Sandbox");
    expect(page).toContain("was refused (network, certain): evil.example:443: not on the list");
    expect(JSON.stringify(receipt) + (await deputy.cli(["log", task.id])).stdout).not.toContain(
      "canary",
    );
  });

  test("swaps folders for links while its work is kept, and gets nothing of elsewhere into it", async () => {
    const key = repository.git("hash-object", "-w", scratch.at("user/.ssh/id_rsa"));
    const { task } = await submit(
      "Race the daemon",
      `for i in $(seq 60); do mkdir d$i; echo mine > d$i/id_rsa; ln -s ${scratch.at("user")}/.ssh l$i; done
perl -MPOSIX -e '
  my $nr = (POSIX::uname())[4] eq "aarch64" ? 276 : 316; # renameat2, to exchange
  my @pairs = map { ["d$_", "l$_"] } 1 .. 60;
  while (1) { syscall($nr, -100, $_->[0], -100, $_->[1], 2) for @pairs }' &
kept=$(git rev-parse --git-common-dir)/refs/deputy/checkpoints/
# What changes under git's hands may fail every checkpoint: the race ends with the first, or in time.
for i in $(seq 60); do ls $kept | grep -q att_ && break; sleep 0.2; done
kill $!
echo done >> work.txt
`,
    );
    expect(task.state, task.end_detail).toBe("completed");
    expect(() => repository.git("--git-dir", mirror, "cat-file", "-e", key)).toThrow();
    expect(repository.git("ls-tree", "-r", task.branch)).not.toContain(key);
    expect(await scratch.read("user/.ssh/id_rsa")).toBe("canary-in-the-key\n");
  });

  test("a fork bomb and a full disk end their attempts for a limit that is named; the third one works", async () => {
    const { task, receipt } = await submit(
      "Take all there is",
      `case $DEPUTY_ATTEMPT in
1) bomb() { bomb | bomb & }; bomb; sleep 3; exit 1;;
2) i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; done;;
*) echo done >> work.txt;;
esac
`,
    );
    expect(task.state, task.end_detail).toBe("completed");
    const [bomb, disk, last] = receipt.attempts;
    // The kernel holds the number: it is seen at the limit, or it fizzles.
    expect(JSON.stringify(bomb.sandbox.refused)).toMatch(/more than 64 |fork|unavailable/);
    expect(disk).toMatchObject({
      end_reason: "crashed",
      detail: expect.stringMatching(/^killed by the sandbox: its folders hold \d+ MB/),
      sandbox: { refused: [{ what: "limit", known: "enforced" }] },
    });
    expect(last).toMatchObject({ end_reason: "done", sandbox: { refused: [] } });
    expect(repository.git("ls-tree", "--name-only", task.branch)).not.toMatch(/^f\d/m);
    expect(existsSync(join(deputy.home, "token"))).toBe(true);
  });
});

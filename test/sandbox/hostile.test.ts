import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findControlGroups } from "../../src/sandbox/control-group.ts";
import { lookForMark } from "../../src/sandbox/process-identity.ts";
import { defaultLimits } from "../../src/sandbox/sandbox.ts";
import { ensureMirror } from "../../src/worktree/mirror.ts";
import { parseRepository } from "../../src/worktree/repository-url.ts";
import { addWorktree } from "../../src/worktree/worktree.ts";
import { makeSandboxBench, type SandboxBench } from "../support/sandbox.ts";
import { until } from "../support/until.ts";

/** A command that does its worst, beside a daemon that has something to lose. */
let bench: SandboxBench;
let daemonHome: string;
let checkout: string;
let mirror: string;
let worktree: string;
let api: Server;
let requests = 0;
let before: Record<string, string>;

const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], { encoding: "utf8" });

/** Every file of a folder with its contents: byte for byte the same afterwards. */
function contentsOf(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) found[path] = readFileSync(path, "base64");
  }
  return found;
}

const hostile = (command: string, more = {}, spec = {}) =>
  bench.run(
    command,
    { writable: [worktree], readOnly: [{ path: mirror }], ...more },
    { cwd: worktree, ...spec },
  );

beforeAll(async () => {
  process.env.DEPUTY_CANARY = "canary-in-the-environment";
  bench = await makeSandboxBench();
  expect(bench.sandbox).toMatchObject({ provider: "bubblewrap", problem: null });
  daemonHome = join(bench.root, "home");
  await mkdir(daemonHome);
  await writeFile(join(daemonHome, "token"), "canary-in-the-token", { mode: 0o600 });
  checkout = join(bench.root, "checkout");
  git("init", "-q", checkout);
  await writeFile(join(checkout, "file.txt"), "one\n");
  git("-C", checkout, "add", ".");
  git("-C", checkout, "commit", "-qm", "one");
  const opened = await ensureMirror(join(daemonHome, "repos"), parseRepository(checkout));
  mirror = opened.gitDir;
  worktree = join(daemonHome, "worktrees", "sub_1");
  await mkdir(join(daemonHome, "worktrees"));
  await addWorktree(opened, worktree, git("-C", checkout, "rev-parse", "HEAD").trim());
  api = createServer((_, response) => {
    requests++;
    response.end("canary-in-the-api");
  });
  await new Promise<void>((resolve) => {
    api.listen(0, "127.0.0.1", resolve);
  });
  before = { ...contentsOf(mirror), ...contentsOf(checkout) };
});

afterAll(async () => {
  delete process.env.DEPUTY_CANARY;
  api.close();
  await bench.remove();
});

describe("git may look", () => {
  test("status, diff and log work on what it wrote", async () => {
    const result = await hostile(
      "echo two > file.txt && git status --porcelain && git diff --stat && git log --format=%s",
    );
    expect(result.output).toContain(" M file.txt");
    expect(result.output).toContain("1 file changed");
    expect(result).toMatchObject({ exitCode: 0, denials: [], limit: null });
    expect(result.output).toMatch(/^one$/m);
  });
});

describe("git may not touch", () => {
  test.each<[string, () => string]>([
    ["update-ref", () => "git update-ref refs/heads/evil HEAD"],
    ["a commit", () => "git add -A; git -c user.name=x -c user.email=x@x commit -am evil"],
    ["stash", () => "echo x > file.txt; git -c user.name=x -c user.email=x@x stash"],
    ["config with a hooksPath", () => "git config core.hooksPath $PWD/hooks"],
    ["the mirror by -C", () => `git -C ${mirror} branch evil main`],
    ["the mirror's config", () => `git -C ${mirror} config core.fsmonitor 'touch ${worktree}/PWN'`],
    [
      "a hook in the mirror",
      () => `mkdir -p ${mirror}/hooks; echo 'touch PWN' > ${mirror}/hooks/post-checkout`,
    ],
    ["its own .git file", () => "rm -f .git; echo gitdir: $PWD/mine > .git; git init ."],
    ["its own .git, moved away", () => "mv .git elsewhere"],
    ["the user's checkout", () => `git -C ${checkout} commit --allow-empty -m evil`],
    ["a file of the user's checkout", () => `echo evil > ${checkout}/file.txt`],
    ["a hook of the user", () => `echo evil > ${checkout}/.git/hooks/pre-commit`],
  ])("%s", async (_, command) => {
    const result = await hostile(command());
    expect(result.exitCode).not.toBe(0);
    expect({ ...contentsOf(mirror), ...contentsOf(checkout) }).toEqual(before);
    expect(await readFile(join(worktree, ".git"), "utf8")).toContain(mirror);
  });

  test("what it tried is evidence, marked as read from its output", async () => {
    const { denials } = await hostile(
      `git update-ref refs/heads/evil HEAD; touch ${mirror}/evil; cat ~/.ssh/id_rsa`,
    );
    expect(denials).toContainEqual({
      what: "write",
      detail: expect.stringContaining("Read-only file system"),
      known: "reported",
    });
    expect(denials).toContainEqual({
      what: "read",
      detail: expect.stringContaining(".ssh/id_rsa"),
      known: "reported",
    });
  });
});

describe("nothing leads out of the worktree", () => {
  test("writes through links, old and new", async () => {
    const target = join(bench.root, "target");
    await writeFile(target, "safe");
    await symlink(target, join(worktree, "link"));
    const result = await hostile(
      `echo evil > link; ln -s ${bench.root} out; echo evil > out/new; ln ${target} hard; mkdir /proc/1/root/evil; true`,
    );
    expect(result.exitCode).toBe(0);
    expect(await readFile(target, "utf8")).toBe("safe");
    await expect(stat(join(bench.root, "new"))).rejects.toThrow("ENOENT");
  });

  test("a mount, a device, a namespace of its own", async () => {
    const result = await hostile(
      "mount -t tmpfs x /mnt || mount -o remount,rw / || mount -o remount,bind,rw /usr || umount /tmp || mknod dev b 254 0 || unshare -Ur true || chroot . true",
    );
    expect(result.exitCode).not.toBe(0);
  });

  test("the kernel's settings, which would run a program outside", async () => {
    // What is there is written again, so that it does no harm where it comes through.
    const result = await hostile(
      "p=/proc/sys/kernel/core_pattern; cat $p > /tmp/p && cat /tmp/p > $p && echo came through; find /proc/sys -writable -type f",
    );
    expect(result.stdout).toBe("");
    expect(result.denials).toContainEqual(
      expect.objectContaining({ what: "write", detail: expect.stringContaining("core_pattern") }),
    );
  });

  test("a folder that holds a secret is not given to anybody", async () => {
    for (const path of [daemonHome, join(daemonHome, "token")]) {
      const shown = await hostile("true", { readOnly: [{ path }] });
      expect(shown).toMatchObject({ endedBy: "not_started" });
      expect(shown.error).toContain("a secret of the daemon");
    }
    expect(await hostile("true", { writable: ["/"] })).toMatchObject({ endedBy: "not_started" });
  });

  test("nothing is mounted below a folder that a command may write", async () => {
    const inner = join(worktree, "inner");
    const result = await hostile("true", { readOnly: [{ path: mirror, at: inner }] });
    expect(result).toMatchObject({ endedBy: "not_started" });
    expect(result.error).toContain("cannot be shown");
    await symlink("/etc", join(bench.root, "as-worktree"));
    const link = await hostile("true", { writable: [join(bench.root, "as-worktree")] });
    expect(link.error).toContain("is no folder");
  });
});

describe("secrets are not there", () => {
  test("the daemon's token, other worktrees and the home", async () => {
    const result = await hostile(
      `cat ${daemonHome}/token; ls ${daemonHome} ${daemonHome}/worktrees; cat ~/.ssh/* ~/.npmrc /root/.ssh/* /root/.npmrc /etc/shadow; ls -A ~`,
    );
    expect(result.output).not.toContain("canary");
    expect(result.stdout.replaceAll(/\s+/g, " ").trim()).toBe(
      `${daemonHome}: repos worktrees ${daemonHome}/worktrees: sub_1`,
    );
  });

  test("the daemon's environment, in no process that it can see", async () => {
    const result = await hostile(
      "env; for p in /proc/[0-9]*; do tr '\\0' '\\n' < $p/environ; tr '\\0' ' ' < $p/cmdline; done",
    );
    expect(result.output).toContain("HOME=/home/deputy");
    expect(result.output).not.toContain("canary");
  });
});

describe("the daemon is out of reach", () => {
  test("its API, another machine, the metadata server", async () => {
    const { port } = api.address() as AddressInfo;
    const result = await hostile(
      `for u in http://127.0.0.1:${port} http://localhost:${port} http://169.254.169.254 http://1.1.1.1; do curl -sS --max-time 5 $u && exit 0; done; exit 1`,
    );
    expect(result.exitCode).toBe(1);
    expect(requests).toBe(0);
    expect(result.denials).toContainEqual(expect.objectContaining({ what: "network" }));
  });

  test("its process", async () => {
    const result = await hostile(
      `kill -9 ${process.pid} ${process.ppid}; kill -9 -1; ls -d /proc/${process.pid}`,
    );
    expect(result.exitCode).not.toBe(0);
    expect(process.kill(process.pid, 0)).toBe(true);
  });
});

describe("it may not take all there is", () => {
  test("a fork bomb ends, with all of its processes", async () => {
    const mark = { DEPUTY_RUN: `bomb-${process.pid}` };
    const result = await hostile(
      "bomb() { bomb | bomb & }; bomb; sleep 600",
      { limits: { ...defaultLimits, processes: 300 } },
      { env: { PATH: "/usr/bin:/bin", ...mark }, timeoutMs: 4_000, graceMs: 100 },
    );
    // The kernel holds the number: it is seen at the limit, or it fizzles and time ends it, or its
    // shell ends itself because it may not start `sleep`.
    const how = result.exitCode === 2 ? "no fork" : (result.limit?.limit ?? result.endedBy);
    expect(how).toMatch(/^(?:processes|timeout|no fork)$/);
    expect(result.denials.map(({ what }) => what)).toContain(result.limit ? "limit" : "process");
    await until(
      () => lookForMark({ name: "DEPUTY_RUN", value: mark.DEPUTY_RUN }, null).marked.length === 0,
      "the bomb is gone",
    );
  });

  test("memory, of one process and of all together", async () => {
    const limits = { ...defaultLimits, memoryMb: 300 };
    const hog = "a=[];for(let i=0;i<4;i++)a.push(Buffer.alloc(5e7,1));setTimeout(()=>{},60000)";
    const one = await hostile(`node -e "const a=[];for(;;)a.push(Buffer.alloc(5e7,1))"`, {
      limits,
    });
    expect(one.exitCode).not.toBe(0);
    const many = await hostile(`for i in 1 2 3; do node -e "${hog}" & done; wait`, { limits });
    expect(many).toMatchObject({ limit: { limit: "memory" }, signal: "SIGKILL", exitCode: null });
    expect(many.error).toBe("killed by the sandbox: more than 300 MB of memory");
    // Files in memory are no process's: only the kernel counts them.
    const files = await hostile("head -c 400M /dev/zero > /tmp/f; echo went on", { limits });
    if (findControlGroups()?.holdMemory) {
      expect(files).toMatchObject({ limit: { limit: "memory" }, signal: "SIGKILL" });
      expect(files.denials).toContainEqual({
        ...{ what: "limit", detail: "more than 300 MB of memory", known: "enforced" },
      });
    } else expect(files.stdout).toBe("went on\n");
  });

  test("the disk: a large file, many of them, and memory as a disk", async () => {
    const limits = { ...defaultLimits, fileMb: 20, diskMb: 60, tmpMb: 10 };
    const large = await hostile("dd if=/dev/zero of=large bs=1M count=100 2>&1", { limits });
    expect(large.exitCode).not.toBe(0);
    expect((await stat(join(worktree, "large"))).size).toBe(20 * 1024 * 1024);
    for (const place of ["/tmp", "/dev/shm", "$HOME"]) {
      const full = await hostile(`dd if=/dev/zero of=${place}/f bs=1M count=15`, { limits });
      expect(full.output).toContain("No space left on device");
    }
    const many = await hostile(
      "i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; done",
      { limits },
    );
    expect(many).toMatchObject({ limit: { limit: "disk" } });
    expect(many.denials[0]).toMatchObject({ what: "limit", known: "enforced" });
    await rm(join(worktree, "large"));
  });

  test("time: nothing that it leaves behind lives on, whatever it took off", async () => {
    const mark = `left-${process.pid}`;
    const leave = `env -i setsid sh -c 'exec -a ${mark} sleep 600' & setsid -f sleep 600 & bash -c 'exec -a ${mark} sleep 600' & sleep 0.2; echo left`;
    expect(await hostile(leave)).toMatchObject({ endedBy: "exit", exitCode: 0 });
    const isThere = () => {
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
          if (readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith(mark)) return true;
        } catch {
          // gone meanwhile
        }
      }
      return false;
    };
    await until(() => !isThere(), "what it left is gone");
  });
});

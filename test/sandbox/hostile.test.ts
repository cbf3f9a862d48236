import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { findSandbox } from "../../src/daemon/programs/start-sandbox.ts";
import { defaultLimits } from "../../src/sandbox/box/sandbox.ts";
import { findControlGroups } from "../../src/sandbox/limits/control-group.ts";
import { lookForMark } from "../../src/sandbox/process/process-identity.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { ensureMirror, openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
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

const hostile = (command: string | readonly [string, ...string[]], more = {}, spec = {}) =>
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
  const opened = await ensureMirror(
    openMirrors(join(daemonHome, "repos")),
    parseRepository(checkout),
  );
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

describe("no mount follows what a command left", () => {
  test("its home and /tmp cannot be put elsewhere, nor a link named .git be shown", async () => {
    const scratch = join(bench.root, "run");
    const state = join(bench.root, "session");
    const elsewhere = join(bench.root, "elsewhere");
    for (const path of [scratch, state, elsewhere]) await mkdir(path);
    await writeFile(join(elsewhere, "file"), "canary");
    const place = { scratch, state: [state] };
    await hostile(
      `for n in home tmp; do mv ${scratch}/$n ${scratch}/$n-old; ln -s ${elsewhere} ${scratch}/$n; done; ln -s ${elsewhere} ${state}/.git; mkdir bin; ln -s ${elsewhere}/file bin/tool`,
      place,
    );
    const env = { PATH: `/usr/bin:/bin:${worktree}/bin` };
    const next = await hostile(
      `cat ~/file /tmp/file ${state}/.git/file ${elsewhere}/file bin/tool; echo mine > ~/new; echo mine > /tmp/new`,
      place,
      { env },
    );
    expect(next).toMatchObject({ endedBy: "exit", exitCode: 0, stdout: "" });
    expect(readdirSync(elsewhere)).toEqual(["file"]);
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

test("each secret of the daemon's home is among those that are never shown", async () => {
  const home = join(bench.root, "own-home");
  const { hidden } = await findSandbox(loadConfig({ DEPUTY_HOME: home }));
  for (const name of ["token", "push-key", "web-push-key", "github-app.json", "config.yaml"])
    expect(hidden).toContain(join(home, name));
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

describe("what the kernel shares is out of reach", () => {
  /** By number, as nothing but perl offers it: the result, or below zero. */
  const call = "sub call { my ($n, @a) = @_; syscall($n, @a) }";
  const number = (x64: number, arm64: number) => (process.arch === "arm64" ? arm64 : x64);
  const [addKey, keyctl] = [number(248, 217), number(250, 219)];
  const session = -3; // by this number each process finds its own

  test("keys of the daemon's session and of another box, to find, to read or to write", async () => {
    const inside = `${call} my ($key) = @ARGV; my $buffer = " " x 64;
      my @calls = (
        call(${keyctl}, 10, ${session}, "user", "canary", 0),
        call(${keyctl}, 11, $key + 0, $buffer, 64),
        call(${addKey}, "user", "planted", "evil", 4, ${session}));
      my $list = join "", map { open(my $file, "<", "/proc/$_") ? <$file> : () } qw(keys key-users);
      print join " ", (map { $_ < 0 ? "refused" : "came through" } @calls), "[$list]";`;
    // Both ways into a box, one of them twice: the second finds what the first one left.
    const daemon = `
      const load = (name) => import(${JSON.stringify(join(process.cwd(), "dist/sandbox/box/"))} + name);
      const { openSandbox } = await load("open-sandbox.js");
      const { runConfined } = await load("run-confined.js");
      const { spawnConfined } = await load("spawn-confined.js");
      const { defaultLimits } = await load("sandbox.js");
      const [stateDir, cwd, script, key] = process.argv.slice(1);
      const sandbox = await openSandbox({ wanted: "bubblewrap", stateDir, secrets: [] });
      const env = { PATH: "/usr/bin:/bin" };
      const spec = { argv: ["perl", "-e", script, key], cwd, env, timeoutMs: 30_000 };
      const place = { writable: [cwd], state: [], readOnly: [], scratch: null, network: { kind: "none" }, limits: defaultLimits };
      for (let n = 0; n < 2; n++) console.log((await runConfined(sandbox, spec, place)).output);
      const piped = await spawnConfined(sandbox, spec, place, () => {});
      for await (const chunk of piped.stdout) console.log(String(chunk));
      await piped.ended;
      process.exit();`;
    // A daemon that has a session with a key in it, as a login gives it one.
    const login = `$| = 1; ${call} call(${keyctl}, 1, 0) > 0 or die "no keyrings: $!";
      my $key = call(${addKey}, "user", "canary", "secret", 6, ${session});
      system(@ARGV, $key) == 0 or die "the daemon: $?";
      print call(${keyctl}, 10, ${session}, "user", "planted", 0) < 0 ? "clean" : "planted";`;
    const node = [process.execPath, "--input-type=module", "-e", daemon];
    const told = execFileSync(
      "perl",
      ["-e", login, ...node, join(bench.root, "keys"), worktree, inside],
      { encoding: "utf8" },
    );
    const refused = "refused refused refused []";
    expect(told.split("\n")).toEqual([refused, refused, refused, "clean"]);
  });

  /** Each as a name, a number and arguments; "came through", or what perl calls the error. */
  const tryCalls = async (calls: readonly (readonly [string, ...(number | string)[]])[]) => {
    const made = calls.map(([name, ...numbers]) => {
      return `$! = 0; print "${name}: ", (call(${numbers.join(", ")}) < 0 ? $! : "came through"), "\n";`;
    });
    const result = await hostile(["perl", "-e", `$| = 1; ${call} ${made.join("\n")}`]);
    expect(result.exitCode).toBe(0);
    return result.stdout.trim().split("\n");
  };

  test("calls that no build needs, in each with arguments that would do no harm", async () => {
    const buffer = '" " x 256';
    const absent = [
      ["add_key", addKey, '"user"', '"planted"', '"evil"', 4, session],
      ["request_key", number(249, 218), '"user"', '"canary"', 0, session],
      ["keyctl", keyctl, 0, session, 1],
      ["io_uring_setup", 425, 8, '"\\0" x 120'],
      ["io_uring_enter", 426, -1, 0, 0, 0],
      ["io_uring_register", 427, -1, 1, 0, 0],
      ["userfaultfd", number(323, 282), 1],
    ] as const;
    const forbidden = [
      ["perf_event_open", number(298, 241), buffer, 0, -1, -1, 0],
      ["bpf", number(321, 280), 0, buffer, 72],
      ["syslog", number(103, 116), 3, buffer, 256],
      ["fanotify_init", number(300, 262), 0x200, 0],
      ["open_by_handle_at", number(304, 265), -1, buffer, 0],
      ["kexec_load", number(246, 104), 0, 0, 0, 0],
      ["init_module", number(175, 105), buffer, 0, '""'],
      ["finit_module", number(313, 273), -1, '""', 0],
      ["delete_module", number(176, 106), '"none"', 0],
      ["TIOCSTI", number(16, 29), 0, 0x5412, '"x"'],
      ["TIOCSTI with more above it", number(16, 29), 0, "(1 << 32) | 0x5412", '"x"'],
    ] as const;
    const sockets = [
      ["a socket of vsock", number(41, 198), 40, 1, 0],
      ["a socket of AF_ALG", number(41, 198), 38, 5, 0],
    ] as const;
    expect(await tryCalls([...absent, ...forbidden, ...sockets])).toEqual([
      ...absent.map(([name]) => `${name}: Function not implemented`),
      ...forbidden.map(([name]) => `${name}: Operation not permitted`),
      ...sockets.map(([name]) => `${name}: Address family not supported by protocol`),
    ]);
  });

  test.runIf(process.arch === "x64")("nor by the other ABIs of the processor", async () => {
    /** A program of one call, without a library; its exit code is the error's number. */
    const program = (number: number, call: number[], [first, second]: number[], exit: number) => {
      const word = (value: number) => [...Buffer.from(Uint32Array.of(value).buffer)];
      const code = [
        ...[0xb8, ...word(number), 0xbb, ...word(first ?? 0), 0xb9, ...word(second ?? 0)],
        ...[0x89, 0xdf, 0x89, 0xce, 0x31, 0xd2, ...call], // the same as arguments of x86-64
        ...[0xf7, 0xd8, 0x89, 0xc3, 0x89, 0xc7, 0xb8, ...word(exit), ...call], // exit(-result)
      ];
      const elf = Buffer.alloc(0x78 + code.length);
      Buffer.from("7f454c46020101", "hex").copy(elf);
      elf.set([2, 0, 62, 0, 1], 16);
      elf.writeUInt32LE(0x400078, 24);
      elf.writeUInt32LE(0x40, 32);
      elf.set([0x40, 0, 56, 0, 1], 52);
      elf.set([1, 0, 0, 0, 5], 0x40);
      elf.writeUInt32LE(0x400000, 0x50);
      for (const at of [0x60, 0x68]) elf.writeUInt32LE(elf.length, at);
      elf.writeUInt32LE(0x1000, 0x70);
      elf.set(code, 0x78);
      return elf;
    };
    const int80 = [0xcd, 0x80];
    const syscall = [0x0f, 0x05];
    const tried = async (name: string, elf: Buffer) => {
      await writeFile(join(worktree, name), elf, { mode: 0o755 });
      const { exitCode, signal } = await hostile([`./${name}`]);
      return signal ?? exitCode;
    };
    // First whether there is one: the number of this process, 2 in a box, comes back as its negative.
    const has32 = (await tried("getpid-32", program(20, int80, [], 1))) !== "SIGSEGV";
    if (!has32) console.warn("skipped: this kernel has no 32-bit ABI");
    for (const [name, number, args, errno] of has32
      ? ([
          ["keyctl-32", 288, [0, session], 38],
          ["add_key-32", 286, [], 38],
          ["request_key-32", 287, [], 38],
          ["io_uring-32", 425, [8], 38],
          ["userfaultfd-32", 374, [1], 38],
          ["perf-32", 336, [], 1],
          ["bpf-32", 357, [], 1],
          ["vsock-32", 359, [40, 1], 97],
          ["vsock-socketcall-32", 102, [1, 0x400000], 97],
          ["tiocsti-32", 54, [0, 0x5412], 1],
        ] as const)
      : []) {
      expect([name, await tried(name, program(number, int80, [...args], 1))]).toEqual([
        name,
        errno,
      ]);
    }
    const x32 = program(0x40000000 + keyctl, syscall, [0, session], 60);
    expect(await tried("keyctl-x32", x32)).toBe(38);
  });

  test("a program of its own in place of those that make the box", async () => {
    const bin = join(worktree, "own-programs");
    await mkdir(bin);
    for (const name of ["sh", "perl", "bwrap"])
      await writeFile(join(bin, name), `#!/bin/bash\ntouch ${bench.root}/came-out\n`, {
        mode: 0o755,
      });
    const env = {
      PATH: `${bin}:/usr/bin:/bin`,
      PERL5OPT: `-I${bin} -MEvil`,
      SHELLOPTS: "xtrace",
      PS4: `$(touch ${bench.root}/came-out)`,
      "BASH_FUNC_echo%%": `() { touch ${bench.root}/came-out; }`,
      LC_ALL: "xx_XX.UTF-8",
    };
    await writeFile(join(bin, "Evil.pm"), `open F, ">", "${bench.root}/came-out"; 1;`);
    const result = await hostile(["/usr/bin/env"], {}, { env });
    expect(result.exitCode).toBe(0);
    for (const [name, value] of Object.entries(env))
      expect(result.stdout).toContain(`${name}=${value}`);
    expect(result.output).not.toContain("perl: warning");
    await expect(stat(join(bench.root, "came-out"))).rejects.toThrow("ENOENT");
    await rm(bin, { recursive: true });
  });

  test("what builds need still works", async () => {
    const result = await hostile(
      [
        "set -e; git status > /dev/null; npm --version > /dev/null",
        'node -e \'new (require("node:worker_threads").Worker)("1", {eval: true}); require("node:fs").promises.readFile("file.txt")\'',
        'node -e \'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => s.close())\'',
        "if command -v python3 > /dev/null; then python3 -c 'import threading, multiprocessing as m; t = threading.Thread(target=int); t.start(); t.join(); m.Pool(2).map(abs, [1, 2])'; fi",
        "if command -v gcc > /dev/null; then echo 'int main(void) { return 0; }' > /tmp/a.c; gcc -o /tmp/a /tmp/a.c; /tmp/a; fi",
        "if command -v strace > /dev/null; then strace -o /tmp/trace true; fi",
      ].join("\n"),
      {},
      { env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` } },
    );
    expect(result.output).toBe("");
    expect(result).toMatchObject({ exitCode: 0, limit: null });
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

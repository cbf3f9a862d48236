import { chmod, mkdir, writeFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { describeSandbox } from "../../src/sandbox/box/sandbox.ts";
import { makeSyscallFilter } from "../../src/sandbox/box/syscall-filter.ts";
import { makeSandboxBench } from "../support/sandbox.ts";
import { makeScratch } from "../support/scratch.ts";

/**
 * The filter as the kernel reads it, for processors that this machine is not: what hostile.test.ts
 * tries with real calls on the one that it is.
 */
function judge(arch: number, number: number, args: bigint[] = []): string {
  const program = makeSyscallFilter("x64") ?? Buffer.alloc(0);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, arg] of args.entries()) data.writeBigUInt64LE(arg, 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const [code, jumpTrue, jumpFalse] = [
      program.readUInt16LE(at),
      program[at + 2],
      program[at + 3],
    ];
    const k = program.readUInt32LE(at + 4);
    if (code === 0x20) accumulator = data.readUInt32LE(k);
    else if (code === 0x15) at += 8 * ((accumulator === k ? jumpTrue : jumpFalse) ?? 0);
    else if (code === 0x35) at += 8 * ((accumulator >= k ? jumpTrue : jumpFalse) ?? 0);
    else if (code === 0x06) return k === 0x7fff0000 ? "allowed" : `error ${k - 0x50000}`;
    else throw new Error(`no instruction of ours: ${code}`);
  }
  throw new Error("the program has no end");
}

const x64 = 0xc000003e;

describe.each([
  { abi: "x86-64", arch: x64, keyctl: 250, bpf: 321, openat: 257, ioctl: 16, socket: 41 },
  { abi: "i386", arch: 0x40000003, keyctl: 288, bpf: 357, openat: 295, ioctl: 54, socket: 359 },
  { abi: "arm64", arch: 0xc00000b7, keyctl: 219, bpf: 280, openat: 56, ioctl: 29, socket: 198 },
  { abi: "arm", arch: 0x40000028, keyctl: 311, bpf: 386, openat: 322, ioctl: 54, socket: 281 },
])("$abi", ({ arch, keyctl, bpf, openat, ioctl, socket }) => {
  test("refuses by its own numbers, and nothing else", () => {
    expect(judge(arch, keyctl)).toBe("error 38");
    expect(judge(arch, bpf)).toBe("error 1");
    expect([judge(arch, openat), judge(arch, 0), judge(arch, -1)]).toEqual(
      Array(3).fill("allowed"),
    );
  });

  test("looks at the part of an argument that the kernel looks at", () => {
    const typesInto = [0x5412n, (1n << 32n) | 0x541cn].map((what) =>
      judge(arch, ioctl, [0n, what]),
    );
    expect(typesInto).toEqual(["error 1", "error 1"]);
    expect(judge(arch, ioctl, [0x5412n, 0x5413n])).toBe("allowed");
    const families = [1n, 2n, 10n, 16n, 40n, (1n << 32n) | 40n];
    expect(families.map((family) => judge(arch, socket, [family]))).toEqual([
      ...Array(4).fill("allowed"),
      ...Array(2).fill("error 97"),
    ]);
  });
});

test("x32, other ABIs and other processors have no way around", () => {
  for (const number of [0, 250, 257]) expect(judge(x64, 0x40000000 + number)).toBe("error 38");
  expect(judge(0xc00000f3, 0)).toBe("error 38");
  expect(makeSyscallFilter("riscv64")).toBeNull();
});

test("it is one program for both processors, within the kernel's 4096 instructions", () => {
  const program = makeSyscallFilter("arm64");
  expect(program).toEqual(makeSyscallFilter("x64"));
  expect((program?.length ?? 0) / 8).toBeLessThan(4096);
});

test("where no filter can be set there is a box all the same, and it is said what it lacks", async () => {
  const scratch = await makeScratch();
  const path = process.env.PATH;
  try {
    const bwrap = scratch.at("bin/bwrap");
    await mkdir(scratch.at("bin"));
    await writeFile(
      bwrap,
      `#!/bin/sh\ncase " $* " in *" --seccomp "*) echo "bwrap: prctl(PR_SET_SECCOMP): Invalid argument" >&2; exit 1;; esac\nPATH="${path}" exec bwrap "$@"\n`,
    );
    await chmod(bwrap, 0o755);
    process.env.PATH = `${scratch.at("bin")}:${path}`;
    const bench = await makeSandboxBench();
    expect(describeSandbox(bench.sandbox)).toContain("no filter of system calls can be set here");
    expect(await bench.run("echo hello")).toMatchObject({ exitCode: 0, output: "hello\n" });
    await bench.remove();
  } finally {
    process.env.PATH = path;
    await scratch.remove();
  }
});

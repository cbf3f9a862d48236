import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  closeSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

/** A real small file system, mounted at a folder; only root can make one. */
export type SmallVolume = {
  /** Write until nothing more fits. */
  fill(): void;
  /** Write until this many bytes are left. */
  leave(bytes: number): void;
  makeReadOnly(): void;
  /** Undo both. */
  restore(): void;
  unmount(): void;
};

export const canMount = process.getuid?.() === 0 && tryToMount();

/** `options` as tmpfs takes them: "size=16m", "nr_inodes=200". */
export function mountSmallVolume(path: string, options: string): SmallVolume {
  mkdirSync(path, { recursive: true });
  run("mount", "-t", "tmpfs", "-o", options, "deputy-test", path);
  const ballast = join(path, ".ballast");
  return {
    fill: () => {
      mkdirSync(ballast, { recursive: true });
      for (let count = 0; ; count++) {
        try {
          const file = openSync(join(ballast, String(count)), "w");
          try {
            for (let size = 1024 * 1024; size >= 1; ) {
              try {
                writeSync(file, Buffer.alloc(size));
                if (options.includes("nr_inodes")) break; // what runs out are names, not bytes
              } catch {
                size = Math.floor(size / 2);
              }
            }
          } finally {
            closeSync(file);
          }
          if (!options.includes("nr_inodes")) return;
        } catch {
          return;
        }
      }
    },
    leave: (bytes) => {
      mkdirSync(ballast, { recursive: true });
      const { bavail, bsize } = statfsSync(path);
      const excess = bavail * bsize - bytes;
      writeFileSync(join(ballast, `leave-${randomUUID()}`), Buffer.alloc(Math.max(0, excess)));
    },
    makeReadOnly: () => run("mount", "-o", "remount,ro", path),
    restore: () => {
      run("mount", "-o", "remount,rw", path);
      rmSync(ballast, { recursive: true, force: true });
    },
    unmount: () => run("umount", "-l", path),
  };
}

function tryToMount(): boolean {
  const folder = join("/tmp", `deputy-mount-${process.pid}`);
  mkdirSync(folder, { recursive: true });
  try {
    run("mount", "-t", "tmpfs", "-o", "size=64k", "deputy-test", folder);
    run("umount", folder);
    return true;
  } catch {
    return false; // a container without the right to
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function run(program: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${stderr}`);
}

import { existsSync } from "node:fs";
import { chmod, cp, lstat, mkdir, readdir, readlink, realpath, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { makeTempFolder, removeDeadTemp } from "../files/temp.ts";
import { isWithin } from "./guard-paths.ts";
import { makeSyscallFilter } from "./syscall-filter.ts";

/**
 * The part of the machine that every confined command sees: /usr with its links, and our own /etc
 * with what programs look up there (names, certificates, linker, alternatives) and no secrets. /etc
 * is copied once per daemon process, because one mount is faster than twenty.
 */
export type SystemRoot = {
  /** bwrap arguments that build it. */
  args: string[];
  /** Paths that it shows. */
  shown: string[];
  /** The file of the seccomp filter, for `bwrap --seccomp`; null if unavailable. */
  filter: string | null;
};

export type SandboxUser = { uid: number; gid: number; home: string };

const copied =
  /^(?:alternatives|ca-certificates.*|crypto-policies|debian_version|fonts|hosts|inputrc|java.*|jvm.*|ld\.so\..*|locale\..*|localtime|magic.*|maven.*|mime\.types|netconfig|nsswitch\.conf|openjdk.*|os-release|perl|php.*|protocols|python.*|resolv\.conf|ruby.*|services|shells|terminfo|timezone|xattr\.conf|zoneinfo)$/;
/** Parts of folders in /etc that also contain secrets. */
const copiedParts = [
  "ssl/certs",
  "ssl/cert.pem",
  "ssl/openssl.cnf",
  "pki/tls/certs",
  "pki/tls/cert.pem",
  "pki/tls/openssl.cnf",
  "pki/ca-trust",
  "pki/java",
];
const outsideUsr = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"];

export async function makeSystemRoot(stateDir: string, user: SandboxUser): Promise<SystemRoot> {
  const etc = await makeEtc(stateDir, user);
  const args = ["--ro-bind", "/usr", "/usr"];
  for (const path of outsideUsr) {
    const stats = await lstat(path).catch(() => null);
    if (stats?.isSymbolicLink()) args.push("--symlink", await readlink(path), path);
    else if (stats?.isDirectory()) args.push("--ro-bind", path, path);
  }
  args.push("--ro-bind", etc, "/etc", "--proc", "/proc", "--dev", "/dev");
  // Root inside a namespace is unprivileged, but the settings in /proc/sys check the user outside:
  // a daemon of root would give every command control of the machine (core_pattern runs a program).
  if (process.getuid?.() === 0) args.push("--remount-ro", "/proc");
  // They list the machine's keys by name.
  for (const file of ["/proc/keys", "/proc/key-users"]) {
    if (existsSync(file)) args.push("--ro-bind", "/dev/null", file);
  }
  const program = makeSyscallFilter();
  const filter = program && `${etc}.bpf`; // next to it, and removed with it
  if (filter) await writeFile(filter, program);
  return { args, shown: ["/usr", "/etc", ...outsideUsr], filter };
}

/** Creates a folder named after this process, so that a later one can remove those of dead ones. */
async function makeEtc(stateDir: string, user: SandboxUser): Promise<string> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  await removeDeadTemp(stateDir);
  const etc = await makeTempFolder("etc", stateDir);
  await chmod(etc, 0o755);
  const names = [
    ...(await readdir("/etc")).filter((name) => copied.test(name)),
    // The user's own certificates, if a variable names them.
    ...["SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"]
      .map((variable) => relative("/etc", process.env[variable] ?? "/"))
      .filter((name) => name !== "" && !name.startsWith("..")),
  ];
  for (const part of copiedParts) await mkdir(join(etc, part, ".."), { recursive: true });
  await Promise.all(
    // Missing on this system, or unreadable for this user.
    [...names, ...copiedParts].map((name) => copyOne(name, etc).catch(() => {})),
  );
  await writeFile(
    join(etc, "passwd"),
    `deputy:x:${user.uid}:${user.gid}::${user.home}:/bin/sh\nnobody:x:65534:65534::/nonexistent:/bin/false\n`,
  );
  await writeFile(join(etc, "group"), `deputy:x:${user.gid}:\nnogroup:x:65534:\n`);
  return etc;
}

/** Keeps links with a target visible inside; `resolv.conf` often leads to /run. */
async function copyOne(name: string, etc: string): Promise<void> {
  const from = join("/etc", name);
  const real = await realpath(from);
  const isShown = isWithin(real, "/etc") || isWithin(real, "/usr");
  await cp(isShown ? from : real, join(etc, name), { recursive: true, verbatimSymlinks: true });
}

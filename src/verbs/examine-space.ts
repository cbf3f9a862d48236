import type { Config } from "../config/config.ts";
import { describeUse, describeVolume, type RepositoryUse } from "../core/base/disk-use.ts";
import { measureUse } from "../daemon/housekeeping/measure-use.ts";
import { listVolumes } from "../daemon/housekeeping/probe-volume.ts";
import { foldersOf, watchSpace } from "../daemon/housekeeping/watch-space.ts";
import { runCommand } from "../sandbox/process/run-command.ts";
import { describeEmbeddedPostgres } from "../store/postgres/embedded.ts";
import { openMirrors } from "../worktree/mirror/mirror.ts";
import type { DoctorFinding } from "./doctor.ts";

/**
 * The volumes that we write to, checked as the daemon does, and what the largest repositories take.
 * A person waits for it, so what takes long to measure is left out.
 */
const measureMs = 5_000;
const maxNamed = 10;

export async function examineSpace(config: Config): Promise<DoctorFinding[]> {
  const embedded = config.databaseUrl ? null : await describeEmbeddedPostgres(config.home);
  const data = embedded && embedded.state !== "absent" ? [embedded.dataDirectory] : [];
  const folders = [...data, ...foldersOf(config)];
  const { minFreeMb } = config;
  const watch = watchSpace({ places: folders.map((path) => ({ path })), minFreeMb });
  const full = await watch.look();
  const name = "space";
  return [
    ...full.map((detail) => ({ name, status: "broken" as const, detail })),
    ...watch.low().map((detail) => ({ name, status: "missing" as const, detail })),
    ...listVolumes(folders, minFreeMb).map((volume) => ({
      ...{ name, status: "ok" as const, detail: describeVolume(volume) },
    })),
    ...(await examineUse(config)),
  ];
}

async function examineUse({ paths }: Config): Promise<DoctorFinding[]> {
  const mirrors = openMirrors(paths.mirrors);
  const deps = { mirrors, prepared: paths.prepared, runCommand, timeoutMs: measureMs };
  const use = await measureUse(deps, AbortSignal.timeout(measureMs));
  const sizeOf = ({ mirrorBytes, preparedBytes, worktreesBytes }: RepositoryUse) =>
    mirrorBytes + preparedBytes + worktreesBytes;
  use.sort((a, b) => sizeOf(b) - sizeOf(a));
  const details = use.slice(0, maxNamed).map(describeUse);
  if (use.length > maxNamed) details.push(`${use.length - maxNamed} smaller repositories`);
  return details.map((detail) => ({ name: "disk use", status: "ok", detail }));
}

import { DeputyError } from "../../core/base/error.ts";
import type { KnownRepository } from "../../core/page/overview.ts";
import type { Db } from "../../store/database/schema.ts";
import { listRepositories } from "../../store/tasks/repositories.ts";

const maxRepositories = 200;

/** What a person may choose from: repositories that tasks were given for. */
export async function readRepositories(
  db: Db,
  defaultAgent: (repository: string) => string,
): Promise<KnownRepository[]> {
  const rows = await listRepositories(db, maxRepositories);
  return rows.map(({ defaultRef, preparation, repository, ...row }) => ({
    ...row,
    pathOrUrl: repository,
    name: nameOf(repository),
    defaultBranch: defaultRef?.replace(/^refs\/(heads|remotes\/origin)\//, "") ?? null,
    // Those of a caller were for that task alone.
    checks: preparation?.checks.filter(({ source }) => isOwn(source)) ?? null,
    setup: preparation?.setup ?? null,
    agent: agentOf(repository, defaultAgent),
  }));
}

const isOwn = (source: string) => source === "config" || source === "detected";

function nameOf(repository: string): string {
  const parts = repository.replace(/\/+$|\.git$/g, "").split(/[/:]/);
  return parts.at(-1) || repository;
}

function agentOf(repository: string, defaultAgent: (repository: string) => string): string | null {
  try {
    return defaultAgent(repository);
  } catch (error) {
    if (error instanceof DeputyError) return null; // doctor says why
    throw error;
  }
}

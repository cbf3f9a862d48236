import type { RepositoriesView } from "../../../src/api/overview.ts";

/** A repository that tasks were given for, or that is configured. */
export type Repository = RepositoriesView[number];

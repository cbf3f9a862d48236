/** A repository that tasks were given for, or that is configured, as GET /v1/repositories tells of it. */
export type Repository = {
  path_or_url: string;
  name: string;
  default_branch: string | null;
  tasks: number;
  last_used_at: string | null;
  checks: { name: string; command: string; source: string }[] | null;
  setup: string[] | null;
  agent: string | null;
};

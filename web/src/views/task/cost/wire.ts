/** What GET /v1/tasks/:id/cost answers (docs/http-api.md). */
export type Spent = { usd: number | null; tokens_in: number; tokens_out: number; calls: number };
export type Cost = {
  total_usd: number | null;
  by_role: (Spent & { role: string })[];
  by_model: (Spent & { model: string })[];
  by_attempt: (Spent & {
    subtask: string | null;
    attempt: number | null;
    role: string;
    model: string;
  })[];
  orchestration_share: number;
};

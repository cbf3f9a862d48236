/** What GET /v1/triggers tells. */
export type Rule = {
  name: string;
  section: string;
  summary: string;
  breaker: { open: boolean; since: string | null; reason: string | null } | null;
  last: { at: string; result: string | null; task: string | null }[];
  fired_today: number;
};

export type Delivery = {
  id: string;
  source: string;
  event: string;
  action: string | null;
  rule: string | null;
  at: string;
  /** Null: nothing was decided yet. */
  result: string | null;
  task: string | null;
};

export type TriggerView = {
  file: string;
  problem: string | null;
  rules: Rule[];
  deliveries: Delivery[];
};

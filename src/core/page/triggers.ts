/** The rules of triggers.yaml, and what they did lately. */
export type TriggersOverview = {
  file: string;
  /** What is wrong with the file; null: nothing, or there is none. */
  problem: string | null;
  rules: RuleView[];
  /** The last of all, the newest first. */
  deliveries: DeliveryView[];
};

export type RuleView = {
  name: string;
  section: string;
  /** When it fires, in words. */
  summary: string;
  breaker: { open: boolean; since: Date; reason: string } | null;
  last: { at: Date; result: string | null; task: string | null }[];
  /** In the last 24 hours. */
  firedToday: number;
};

export type DeliveryView = {
  id: string;
  source: string;
  event: string;
  action: string | null;
  rule: string | null;
  at: Date;
  /** Null: nothing was decided yet. */
  result: string | null;
  task: string | null;
};

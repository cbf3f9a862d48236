/** What we say of a task on a commit, among the checks that a forge shows there. Public. */
export type CheckReport = {
  name: string;
  /** Null: the work goes on. */
  conclusion: "success" | "neutral" | "failure" | "cancelled" | "action_required" | null;
  title: string;
  summary: string;
  annotations: CheckAnnotation[];
  /** At most three. */
  actions: CheckAction[];
};

export type CheckAnnotation = {
  path: string;
  from: number;
  to: number;
  level: "notice" | "warning" | "failure";
  message: string;
};

/** A button; `identifier` is the command that it gives. */
export type CheckAction = { label: string; description: string; identifier: string };

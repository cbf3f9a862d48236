import { type Attention, type AttentionItem, archiveDays } from "../../core/attention/attention.ts";
import type { Freeze } from "../../core/task/freeze.ts";
import { adviseThaw } from "../../core/task/freeze.ts";
import { listAttention } from "../../orchestrator/explain/list-attention.ts";
import type { Db } from "../../store/database/schema.ts";
import { listSnoozes } from "../../store/pushes/snoozes.ts";
import { findFreeze } from "../../store/records/freezes.ts";
import { listEnded, listWaiting } from "../../store/tasks/at-rest.ts";
import { type Breaker, listBreakers } from "../../store/triggers/guards.ts";
import { describeStopped, writeReset } from "../../triggers/guards/require-quiet.ts";

/** What needs a person now, of all tasks and of the daemon itself. */
export async function readAttention(
  db: Db,
  own: {
    /** Of volumes. */
    problems: readonly string[];
    /** Of the rules of triggers. */
    rules: readonly string[];
    /** Of answers from pushes. */
    replies: readonly string[];
    sandbox: string | null;
    unreadable: number;
  },
): Promise<Attention> {
  const [waiting, ended, freeze, breakers, snoozes] = await Promise.all([
    listWaiting(db),
    listEnded(db, archiveDays),
    findFreeze(db),
    listBreakers(db, "open"),
    listSnoozes(db),
  ]);
  const { archived, ...rest } = ended;
  const troubles = listTroubles(own, freeze, breakers);
  return { items: listAttention({ waiting, ...rest }, troubles, snoozes), archived };
}

function listTroubles(
  { problems, replies, rules, sandbox, unreadable }: Parameters<typeof readAttention>[1],
  freeze: Freeze | null,
  breakers: readonly Breaker[],
): AttentionItem[] {
  const none = { tier: "system", task: null, subtask: null, actions: [], expires: null } as const;
  const list = (
    kind: "space" | "rules" | "replies",
    sentences: readonly string[],
  ): AttentionItem[] =>
    sentences.map((why, index) => ({
      ...{ ...none, id: `system:${kind}:${index}`, kind, since: null, why, actions: [] },
    }));
  const items = [...list("space", problems), ...list("rules", rules), ...list("replies", replies)];
  if (freeze)
    items.push({
      ...{ ...none, id: "system:frozen", kind: "frozen", since: freeze.since },
      why: adviseThaw(freeze),
      actions: [
        {
          ...{ name: "thaw", label: "thaw", risk: "high", command: "deputy thaw", href: null },
          request: { path: "/v1/thaw", body: null },
        },
      ],
    });
  for (const { openedAt, reason, repository, rule } of breakers)
    items.push({
      ...{ ...none, id: `system:breaker:${rule}:${repository}`, kind: "breaker", since: openedAt },
      why: `${describeStopped(rule)} is stopped: ${reason}`,
      actions: [
        {
          ...{ name: "reset", label: "reset", risk: "high", href: null },
          command: writeReset(rule),
          request: { path: `/v1/triggers/${encodeURIComponent(rule)}/reset`, body: null },
        },
      ],
    });
  if (sandbox !== null)
    items.push({
      ...none,
      id: "system:sandbox",
      kind: "sandbox",
      since: null,
      why: sandbox,
      actions: [],
    });
  if (unreadable > 0)
    items.push({
      ...{ ...none, id: "system:unreadable", kind: "unreadable", since: null, actions: [] },
      why: `${unreadable} ${unreadable === 1 ? "row" : "rows"} of tasks cannot be read: deputy doctor says which`,
    });
  return items;
}

import type { Fault, Role, Scenario, Seen, Turn } from "./scenario.ts";

/** What is said to a request: which turn of which role, and the fault that comes first. */
export type Choice = {
  /** Null: no role takes it, or it is a side request. */
  role: string | null;
  /** Counted from 0. */
  turn: number;
  /** Null after the end of the script. */
  script: Turn | null;
  fault: Fault | null;
};

/** Faults after which there has been no reply: the same turn comes again. */
const endsWithoutReply = new Set<Fault["kind"]>([
  ...(["rate_limit", "server_error", "overloaded", "context_length", "usage_limit"] as const),
  ...(["insufficient_quota", "status", "wrong_content_type", "reset", "stall"] as const),
  ...(["malformed", "cut", "cut_arguments", "error_event", "hang"] as const),
]);

/** Keeps what a server remembers of a scenario: which faults are over, and what each role has said. */
export function makeChooser(scenario: Scenario): (seen: Seen) => Choice {
  const faultsMet = new Map<string, number>();
  const served = new Map<string, number>();
  const roles = Object.entries(scenario.roles);

  return (seen) => {
    const found = seen.isSide ? undefined : roles.find(([, role]) => takes(role, seen));
    if (!found) return { role: null, turn: seen.replies, script: null, fault: null };
    const [name, role] = found;
    const turn = role.turnsBy === "served" ? (served.get(name) ?? 0) : seen.replies;
    const script =
      typeof role.turns === "function" ? role.turns(seen, turn) : (role.turns[turn] ?? null);
    const key = `${name} ${role.turnsBy === "served" ? "" : seen.conversation} ${turn}`;
    const met = faultsMet.get(key) ?? 0;
    const fault = script ? faultAt(script, met) : null;
    if (fault) faultsMet.set(key, met + 1);
    if (!fault || !endsWithoutReply.has(fault.kind)) served.set(name, (served.get(name) ?? 0) + 1);
    return { role: name, turn, script, fault };
  };
}

function takes({ match }: Role, seen: Seen): boolean {
  if (match === undefined) return true;
  if (typeof match === "function") return match(seen);
  return new RegExp(match, "i").test(`${seen.system}\n${seen.user}`);
}

function faultAt({ fault }: Turn, met: number): Fault | null {
  let before = 0;
  for (const each of [fault ?? []].flat()) {
    before += each.times ?? 1;
    if (met < before) return each;
  }
  return null;
}

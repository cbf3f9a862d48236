import type { TriggersView } from "../../../../src/api/triggers.ts";

/** The parts of what GET /v1/triggers tells. */
export type Rule = TriggersView["rules"][number];
export type Delivery = TriggersView["deliveries"][number];

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { z } from "zod";
import type { sessionWire } from "../../../src/api/session.ts";
import type { Live } from "./live.ts";

/** Who looks at the page. A device that may only view sees no buttons that act. */
export type Session = z.infer<typeof sessionWire>;

export type Page = {
  session: Session;
  live: Live;
  /** Shows one sentence for some seconds, which a screen reader says. */
  say(sentence: string, tone?: "good" | "bad"): void;
  /** Shows that this browser is signed in no more. */
  leave(): void;
};

export const PageContext = createContext<Page>(null as unknown as Page);

export const usePage = (): Page => useContext(PageContext);

/** Whether this device may act. */
export const useMayAct = (): boolean => usePage().session.device.scope === "act";

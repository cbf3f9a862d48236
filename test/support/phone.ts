import { type NtfyMessage, startNtfy } from "./ntfy.ts";

/** An ntfy server that remembers what was pushed to it, and the cards that a phone shows of that. */
export type Phone = {
  env: Record<string, string>;
  titles(): string[];
  pushes(): Push[];
  /** The last push of each sequence id: an earlier one is replaced by it. */
  cards(): Push[];
  close(): Promise<void>;
};

export type Push = { title: string; message: string; priority: number; sequence_id: string };

export async function startPhone(): Promise<Phone> {
  const { cards, close, delivered, env } = await startNtfy();
  const read = (messages: NtfyMessage[]): Push[] =>
    messages.map(({ title = "", message = "", priority = 3, sequence_id = "" }) => {
      return { title, message, priority, sequence_id };
    });
  return {
    ...{ env, close, titles: () => read(delivered()).map(({ title }) => title) },
    ...{ pushes: () => read(delivered()), cards: () => read(cards()) },
  };
}

import { startNtfy } from "./ntfy.ts";

/** An ntfy server of which only the titles of the pushes matter. */
export type Phone = {
  env: Record<string, string>;
  titles(): string[];
  close(): Promise<void>;
};

export async function startPhone(): Promise<Phone> {
  const { close, delivered, env } = await startNtfy();
  return { env, close, titles: () => delivered().map(({ title = "" }) => title) };
}

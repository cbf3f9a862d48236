import type { Forge } from "./forge.ts";
export function makeForge(_: unknown): Forge | null {
  return null;
}

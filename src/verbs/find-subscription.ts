import { existsSync } from "node:fs";
import { loadConfig } from "../config/config.ts";
import { drawQr } from "./draw-qr.ts";

/**
 * How to subscribe a phone to the pushes, before the first start with a topic; null: it is not the
 * first, or there is no topic. Whoever reads it can read along.
 */
export function findSubscription(env: NodeJS.ProcessEnv = process.env): string | null {
  const { notifier, paths } = loadConfig(env);
  const { ntfy } = notifier;
  // Made at that start.
  if (!ntfy || existsSync(paths.pushKey)) return null;
  const address = `${ntfy.url.replace(/\/+$/, "")}/${ntfy.topic}`;
  return [
    "",
    "Pushes: in the ntfy app on your phone, subscribe to this topic (it is as good as a password):",
    `  ${ntfy.topic} on ${ntfy.url}`,
    drawQr(address),
    "Then try it: deputy notify test",
  ].join("\n");
}

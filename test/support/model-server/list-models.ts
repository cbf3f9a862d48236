import type { Json, Wire } from "./scenario.ts";

/** The answer to GET /v1/models, as each provider gives it; codex looks for `models`. */
export function listModels(models: readonly string[], wire: Wire): Json {
  if (wire === "messages") {
    const data = models.map((id) => ({ type: "model", id, display_name: id, created_at: epoch }));
    return { data, has_more: false, first_id: models[0] ?? null, last_id: models.at(-1) ?? null };
  }
  const data = models.map((id) => ({ id, object: "model", created: 0, owned_by: "scripted" }));
  return { object: "list", data, models: [] };
}

const epoch = "2026-01-01T00:00:00Z";

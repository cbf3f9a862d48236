import { createConfig, lintFromString } from "@redocly/openapi-core";
import { expect, test } from "vitest";
import { startTestServer } from "./helpers.ts";

type Operation = {
  operationId: string;
  summary: string;
  security?: object[];
  responses: Record<string, unknown>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: { NewTask?: { examples?: unknown[] } };
    securitySchemes: object;
  };
};

const routes = [
  "DELETE /v1/devices/{id}",
  "DELETE /v1/push/subscriptions",
  "DELETE /v1/session",
  "GET /",
  "GET /healthz",
  "GET /metrics",
  "GET /readyz",
  "GET /v1/agents",
  "GET /v1/attention",
  "GET /v1/devices",
  "GET /v1/freeze",
  "GET /v1/notify/test/{id}",
  "GET /v1/pairing",
  "GET /v1/push/key",
  "GET /v1/repositories",
  "GET /v1/schedules",
  "GET /v1/session",
  "GET /v1/stream",
  "GET /v1/tasks",
  "GET /v1/tasks/{id}",
  "GET /v1/tasks/{id}/changes",
  "GET /v1/tasks/{id}/changes/file",
  "GET /v1/tasks/{id}/comments",
  "GET /v1/tasks/{id}/cost",
  "GET /v1/tasks/{id}/diff",
  "GET /v1/tasks/{id}/events",
  "GET /v1/tasks/{id}/ladder",
  "GET /v1/tasks/{id}/log",
  "GET /v1/tasks/{id}/receipt",
  "GET /v1/tasks/{id}/snapshots",
  "GET /v1/tasks/{id}/why",
  "GET /v1/triggers",
  "PATCH /v1/devices/{id}",
  "POST /hooks/gitea",
  "POST /hooks/github",
  "POST /hooks/gitlab",
  "POST /hooks/in/{name}",
  "POST /v1/freeze",
  "POST /v1/notify/test",
  "POST /v1/pairing",
  "POST /v1/push/subscriptions",
  "POST /v1/schedules/{name}/pause",
  "POST /v1/schedules/{name}/resume",
  "POST /v1/schedules/{name}/run",
  "POST /v1/session",
  "POST /v1/tasks",
  "POST /v1/tasks/preview",
  "POST /v1/tasks/{id}/accept",
  "POST /v1/tasks/{id}/answer",
  "POST /v1/tasks/{id}/budget",
  "POST /v1/tasks/{id}/cancel",
  "POST /v1/tasks/{id}/comment",
  "POST /v1/tasks/{id}/comments/place",
  "POST /v1/tasks/{id}/discard",
  "POST /v1/tasks/{id}/pause",
  "POST /v1/tasks/{id}/restore",
  "POST /v1/tasks/{id}/resume",
  "POST /v1/tasks/{id}/retry",
  "POST /v1/tasks/{id}/reviews",
  "POST /v1/tasks/{id}/rollback",
  "POST /v1/tasks/{id}/say",
  "POST /v1/tasks/{id}/snapshots/{number}/restore",
  "POST /v1/tasks/{id}/snooze",
  "POST /v1/tasks/{id}/update",
  "POST /v1/thaw",
  "POST /v1/triggers/test",
  "POST /v1/triggers/{name}/reset",
  "POST /v1/warm",
];

async function readDocument(): Promise<Document> {
  const { url } = await startTestServer();
  const response = await fetch(`${url}/openapi.json`);
  expect(response.headers.get("content-type")).toContain("application/json");
  return (await response.json()) as Document;
}

test("the document has every route, with a name, a summary and its security", async () => {
  const document = await readDocument();
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      ...operation,
    })),
  );
  expect(operations.map(({ route }) => route).sort()).toEqual(routes);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(routes.length);
  expect(operations.filter(({ summary }) => !summary)).toEqual([]);
  const open = operations.filter(({ security }) => security?.length === 0);
  expect(open.map(({ route }) => route).sort()).toEqual([
    "GET /",
    "GET /healthz",
    "GET /readyz",
    "POST /hooks/gitea",
    "POST /hooks/github",
    "POST /hooks/gitlab",
    "POST /hooks/in/{name}",
    "POST /v1/session",
  ]);
  const closed = operations.filter(({ security }) => security?.length !== 0);
  for (const { route, security } of closed) {
    const ways = security?.flatMap((way) => Object.keys(way));
    const isSession = route.endsWith(" /v1/session");
    const byProgram = isSession ? [] : ["bearer"];
    expect(ways, route).toEqual(route.includes(" /v1/") ? [...byProgram, "session"] : byProgram);
  }
  expect(Object.keys(document.components.securitySchemes)).toEqual(["bearer", "session"]);
});

test("the document has no errors and no warnings by Redocly's recommended rules", async () => {
  const { url } = await startTestServer();
  const source = await (await fetch(`${url}/openapi.json`)).text();
  const config = await createConfig({ extends: ["recommended"] });
  const problems = await lintFromString({ source, absoluteRef: "openapi.json", config });
  const said = problems.map(({ location, message, ruleId, severity }) => {
    const where = location.map(({ pointer }) => pointer).join(", ");
    return `${severity} ${ruleId}: ${message} (${where})`;
  });
  expect(said).toEqual([]);
});

test("every reference leads somewhere and every schema is used", async () => {
  const document = await readDocument();
  const text = JSON.stringify(document);
  const used = new Set(
    [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = ""]) =>
      ref.replace("#/components/schemas/", ""),
    ),
  );
  expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort());
  expect([...used]).toEqual(
    expect.arrayContaining(["Task", "NewTask", "Subtask", "Attempt", "Event", "Why", "Problem"]),
  );
  expect(document.components.schemas.NewTask?.examples).toHaveLength(1);
});

test("the page is served from this machine alone", async () => {
  const { url } = await startTestServer();
  const page = await fetch(`${url}/docs`);
  expect(page.status).toBe(200);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
  const html = await page.text();
  const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, asset = ""]) => asset);
  expect(assets.length).toBeGreaterThan(3);
  for (const asset of assets) {
    const response = await fetch(new URL(asset, `${url}/docs`));
    expect(response.status, asset).toBe(200);
    expect(new URL(response.url).origin).toBe(url);
  }
});

import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { devicesWire, deviceWire, pairingWire } from "../../api/phone.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** Which phones may decide, and how another one is let in. */
export function deviceRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/v1/pairing",
      {
        schema: {
          operationId: "openPairing",
          tags: ["daemon"],
          summary: "A code that pairs one phone, within ten minutes and five tries",
          response: { 200: json("The code.", pairingWire), ...problems(401) },
        },
      },
      async () => toWire(pairingWire, await service.openPairing()),
    );

    app.get(
      "/v1/devices",
      {
        schema: {
          operationId: "listDevices",
          tags: ["daemon"],
          summary: "Paired devices, oldest first",
          response: { 200: json("The devices.", devicesWire), ...problems(401) },
        },
      },
      async () => toWire(devicesWire, { devices: await service.devices() }),
    );

    app.delete(
      "/v1/devices/:id",
      {
        schema: {
          operationId: "revokeDevice",
          tags: ["daemon"],
          summary: "Forget a paired device: its session ends",
          params: z.object({ id: z.string().max(64) }),
          response: { 200: json("What it was.", deviceWire), ...problems(401, 404) },
        },
      },
      async ({ params }) => toWire(deviceWire, await service.revokeDevice(params.id)),
    );
  };
}

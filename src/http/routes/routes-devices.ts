import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  deviceBody,
  devicesWire,
  deviceWire,
  pairingBody,
  pairingStateWire,
  pairingWire,
} from "../../api/session.ts";
import { toWire } from "../../api/to-wire.ts";
import type { Device } from "../../core/attention/device.ts";
import type { OpenStreams } from "../browser/open-streams.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

/** Which phones and browsers are let in, what each may, and how another one gets in. */
export function deviceRoutes(
  service: Service,
  { publicUrl, streams }: { publicUrl: string | null; streams: OpenStreams },
): FastifyPluginAsyncZod {
  const show = (device: Device, request: FastifyRequest) =>
    toWire(deviceWire, { ...device, current: device.id === request.device?.id });
  const params = z.object({ id: z.string().max(64) });
  return async (app) => {
    app.post(
      "/v1/pairing",
      {
        schema: {
          operationId: "openPairing",
          tags: ["daemon"],
          summary: "A code and a link that pair one device, within ten minutes",
          body: pairingBody,
          response: { 200: json("Either of them.", pairingWire), ...problems(400, 401, 413, 415) },
        },
      },
      async ({ body }) => {
        const pairing = await service.openPairing(body?.scope ?? "act");
        const link = `/pair#${pairing.link}`;
        const base = publicUrl?.replace(/\/*$/, "") ?? null;
        return toWire(pairingWire, { ...pairing, link, url: base && base + link });
      },
    );

    app.get(
      "/v1/pairing",
      {
        schema: {
          operationId: "findPairing",
          tags: ["daemon"],
          summary: "Whether a code waits for a device",
          response: { 200: json("Until when.", pairingStateWire), ...problems(401) },
        },
      },
      async () => toWire(pairingStateWire, { expiresAt: await service.findPairing() }),
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
      async (request) => {
        const devices = await service.devices();
        return { devices: devices.map((device) => show(device, request)) };
      },
    );

    app.patch(
      "/v1/devices/:id",
      {
        schema: {
          operationId: "changeDevice",
          tags: ["daemon"],
          summary: "Give a device another name, or say what it may",
          params,
          body: deviceBody,
          response: {
            200: json("What it is now.", deviceWire),
            ...problems(400, 401, 404, 413, 415),
          },
        },
      },
      async (request) => {
        const { name, scope } = request.body;
        const change = {
          ...(name !== undefined && { name }),
          ...(scope !== undefined && { scope }),
        };
        return show(await service.changeDevice(request.params.id, change), request);
      },
    );

    app.delete(
      "/v1/devices/:id",
      {
        schema: {
          operationId: "revokeDevice",
          tags: ["daemon"],
          summary: "Forget a paired device: its session ends, and its open streams",
          params,
          response: { 200: json("What it was.", deviceWire), ...problems(401, 404) },
        },
      },
      async (request) => {
        const { id } = request.params;
        const device = await service.revokeDevice(id);
        streams.revoke(id);
        return show(device, request);
      },
    );
  };
}

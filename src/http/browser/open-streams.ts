import type { FastifyRequest } from "fastify";
import { DeputyError } from "../../core/base/error.ts";

/**
 * The streams of events that are open, so that each can be ended: those of a device that is forgotten,
 * and all when the server stops. They are limited in number, by address and altogether.
 */
export type OpenStreams = {
  /** Takes a place for a stream until `leave`. Throws unavailable where there is none. */
  enter(request: Pick<FastifyRequest, "ip" | "device">): StreamPlace;
  /** Ends those of a device, also one that is just about to be opened. */
  revoke(deviceId: string): void;
  stop(): void;
};

/** Ended by `signal`, whose reason is a `StreamEnd`. */
export type StreamPlace = { signal: AbortSignal; leave(): void };
export type StreamEnd = "revoked" | "stopping";

/** More open streams than this on one daemon are a leak or an attack. */
const maxStreams = 500;

export function makeOpenStreams(streamsPerClient: number): OpenStreams {
  type Stream = { client: string; deviceId: string | null; control: AbortController };
  const open = new Set<Stream>();
  // Ids are never given again. A request of a device may be under way while it is forgotten.
  const revoked = new Set<string>();
  const end = (streams: Iterable<Stream>, reason: StreamEnd) => {
    for (const { control } of streams) control.abort(reason);
  };
  return {
    enter: ({ device, ip }) => {
      if (open.size >= maxStreams)
        throw new DeputyError(
          "unavailable",
          `${maxStreams} clients already follow events; try again later.`,
        );
      if ([...open].filter(({ client }) => client === ip).length >= streamsPerClient)
        throw new DeputyError(
          "unavailable",
          `${streamsPerClient} streams of events are open from ${ip} already; close some, or read pages of JSON.`,
        );
      const deviceId = device?.id ?? null;
      const stream = { client: ip, deviceId, control: new AbortController() };
      if (deviceId !== null && revoked.has(deviceId)) end([stream], "revoked");
      open.add(stream);
      return { signal: stream.control.signal, leave: () => open.delete(stream) };
    },
    revoke: (id) => {
      revoked.add(id);
      end(
        [...open].filter(({ deviceId }) => deviceId === id),
        "revoked",
      );
    },
    stop: () => end(open, "stopping"),
  };
}

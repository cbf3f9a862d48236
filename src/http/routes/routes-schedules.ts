import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { firedWire, resetWire, schedulesWire, scheduleWire } from "../../api/schedules.ts";
import { hideCredentials } from "../../api/task/task.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { ScheduleState, Service } from "../service.ts";

/** Rules of triggers: the list of schedules, and a person's commands. */
export function scheduleRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    const present = (schedule: ScheduleState) => ({
      ...schedule,
      repository: hideCredentials(schedule.repository),
    });
    const params = z.object({ name: z.string().min(1).max(300) });

    app.get(
      "/v1/schedules",
      {
        schema: {
          operationId: "listSchedules",
          tags: ["triggers"],
          summary: "The schedules of triggers.yaml, and when each fires next",
          response: { 200: json("The schedules.", schedulesWire), ...problems(401) },
        },
      },
      async () =>
        toWire(schedulesWire, { schedules: (await service.listSchedules()).map(present) }),
    );

    app.post(
      "/v1/schedules/:name/run",
      {
        schema: {
          operationId: "runSchedule",
          tags: ["triggers"],
          summary: "Have a schedule fire now, also while it is paused",
          params,
          response: { 202: json("What it started.", firedWire), ...problems(400, 401, 404) },
        },
      },
      async ({ params: { name } }, reply) =>
        reply.code(202).send(toWire(firedWire, await service.runSchedule(name))),
    );

    app.post(
      "/v1/triggers/:name/reset",
      {
        schema: {
          operationId: "resetTrigger",
          tags: ["triggers"],
          summary: "Close the breakers of a rule: its events start tasks again",
          params,
          response: { 200: json("It is closed.", resetWire), ...problems(400, 401, 409) },
        },
      },
      async ({ params: { name } }) => toWire(resetWire, await service.resetTrigger(name)),
    );

    for (const [verb, operationId, summary, work] of [
      ["pause", "pauseSchedule", "Keep a schedule from firing", service.pauseSchedule],
      [
        "resume",
        "resumeSchedule",
        "Let a paused schedule fire again; what passed meanwhile stays undone",
        service.resumeSchedule,
      ],
    ] as const) {
      app.post(
        `/v1/schedules/:name/${verb}`,
        {
          schema: {
            operationId,
            tags: ["triggers"],
            summary,
            params,
            response: { 200: json("The schedule.", scheduleWire), ...problems(400, 401, 404) },
          },
        },
        async ({ params: { name } }) =>
          toWire(scheduleWire, present(await work.call(service, name))),
      );
    }
  };
}

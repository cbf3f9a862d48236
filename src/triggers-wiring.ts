import type { Service } from "./http/service.ts";
export async function startTriggers(_: unknown): Promise<{
  stop(): Promise<void>;
  receive: Service["receiveGithub"];
  test: Service["testTrigger"];
}> {
  return {
    stop: async () => {},
    receive: async () => ({ status: 503, message: "off" }),
    test: async () => null,
  };
}

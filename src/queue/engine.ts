import {
  createPostgresBackend,
  Queue,
  type QueueOptions,
  Worker,
  type WorkerOptions,
  withBackend,
} from "bullmq";

/**
 * BullMQ on either of its two stores: tables of its own (schema `bullmq`) in the same Postgres, or
 * Redis. Redis is loaded only when it is used.
 */
export type QueueConnection =
  | { kind: "postgres"; config: PostgresConfig }
  | { kind: "redis"; url: string };

type PostgresConfig =
  | { connectionString: string }
  | { host: string; port: number; user: string; password: string; database: string };

/** The few calls that we make. */
export type EngineQueue = {
  addBulk(jobs: { name: string; data: object }[]): Promise<unknown>;
  on(event: "error", listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
};
export type EngineWorker = {
  on(event: "error", listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(force?: boolean): Promise<void>;
};
export type Engine = {
  makeQueue(name: string, options: Omit<QueueOptions, "connection">): EngineQueue;
  makeWorker(
    name: string,
    onJob: () => void,
    options: Omit<WorkerOptions, "connection">,
  ): EngineWorker;
  close(): Promise<void>;
};

export async function openEngine(
  connection: QueueConnection,
  onError: (error: Error) => void,
): Promise<Engine> {
  if (connection.kind === "postgres") {
    const { Queue, Worker } = withBackend(createPostgresBackend);
    // Each queue and worker has a small pool and, where it waits for jobs, one LISTEN connection.
    const config = {
      ...connection.config,
      schema: "bullmq",
      migrate: true,
      max: 2,
      keepAlive: true,
      application_name: "deputy queue",
      // A job may be lost, so none of its three commits waits for the disk.
      options: "-c synchronous_commit=off",
    };
    return {
      makeQueue: (name, options) => new Queue(name, { ...options, connection: config }),
      makeWorker: (name, onJob, options) =>
        new Worker(name, async () => onJob(), { ...options, connection: config }),
      close: async () => {},
    };
  }
  const { Redis } = await import("ioredis");
  // A worker waits for jobs without a limit; adding one must fail at once when Redis is down.
  const waiting = new Redis(connection.url, { maxRetriesPerRequest: null });
  const adding = new Redis(connection.url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    commandTimeout: 5_000,
  });
  for (const redis of [waiting, adding]) redis.on("error", onError);
  return {
    makeQueue: (name, options) => new Queue(name, { ...options, connection: adding }),
    makeWorker: (name, onJob, options) =>
      new Worker(name, async () => onJob(), { ...options, connection: waiting }),
    close: async () => {
      for (const redis of [waiting, adding]) redis.disconnect();
    },
  };
}

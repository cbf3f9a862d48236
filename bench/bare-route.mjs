import Fastify from "fastify";
import pg from "pg";

/** The baseline of intake.mjs: a route, a pool like the daemon's, one INSERT of the body's fields. */
const pool = new pg.Pool({ connectionString: process.argv[2], max: 16 });
await pool.query(
  `create table bare (id bigint generated always as identity primary key, goal text not null,
    repository text not null, agent text not null, checks jsonb not null, created_at timestamptz not null default now())`,
);
const app = Fastify();
app.post("/v1/tasks", async (request, reply) => {
  const { goal, repository, agent, checks } = request.body;
  const { rows } = await pool.query(
    "insert into bare (goal, repository, agent, checks) values ($1, $2, $3, $4) returning id, created_at",
    [goal, repository, agent, JSON.stringify(checks)],
  );
  return reply.code(202).send({ ...request.body, ...rows[0] });
});
console.log(await app.listen({ host: "127.0.0.1", port: 0 }));

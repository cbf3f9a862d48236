// Tries what sandbox-runtime holds, as a user who is not root, and prints what came of it as JSON. A
// process of its own, because the tests may be root, and then it refuses to be used.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";

const [, , dist, root] = process.argv;
const load = (name) => import(join(dist, "sandbox", `${name}.js`));
const [{ openSandbox }, { runConfined }, { defaultLimits }, { openEgressProxy }] =
  await Promise.all(
    ["box/open-sandbox", "box/run-confined", "box/sandbox", "network/egress-proxy"].map(load),
  );

const home = process.env.HOME;
const worktree = join(root, "worktree");
const scratch = join(root, "scratch");
const token = join(root, "daemon", "token");
for (const folder of [worktree, scratch, join(root, "daemon"), join(home, ".ssh")])
  await mkdir(folder, { recursive: true });
await writeFile(join(home, ".ssh", "id_rsa"), "canary-key\n");
await writeFile(token, "canary-token\n");
await writeFile(join(worktree, ".git"), "gitdir: x\n");

const sandbox = await openSandbox({
  ...{ wanted: "sandbox-runtime", stateDir: join(root, "state"), secrets: [token] },
});
if (sandbox.provider !== "sandbox-runtime") {
  console.log(JSON.stringify({ provider: sandbox.provider, problem: sandbox.problem }));
  process.exit(0);
}
const server = createServer((_, response) => response.end("the registry"));
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address();
const refused = [];
const proxy = await openEgressProxy({
  ...{ socketPath: join(root, "way-out.sock"), allow: [`*.files.example:${port}`] },
  onRefused: (refusal) => refused.push(refusal),
  ...{ resolve: async () => ["127.0.0.1"], mayReach: () => true },
});

async function run(command, more = {}) {
  const spec = {
    ...{ argv: ["sh", "-c", command], cwd: worktree, timeoutMs: 60_000 },
    env: { PATH: process.env.PATH, HOME: home },
  };
  const { denials, durationMs, endedBy, exitCode, limit, output } = await runConfined(
    ...[sandbox, spec],
    {
      ...{ writable: [worktree], state: [], readOnly: [], scratch },
      ...{ network: { kind: "none" } },
      ...{ limits: defaultLimits, ...more },
    },
  );
  return { denials, durationMs, endedBy, exitCode, limit: limit?.limit ?? null, output };
}

const gateway = {
  ...{ kind: "gateway", proxyPort: 41_000 },
  forwards: [{ port: 41_000, socketPath: proxy.socketPath }],
};
const results = {
  works: await run(
    'echo in > ok && echo t > /tmp/t && cat /tmp/t && echo kept > ~/kept && echo "$HOME"; exit 7',
  ),
  lasts: await run("cat ~/kept; git --version; node --version"),
  writes: await run(
    `echo x > .git; echo x > /usr/x; echo x > ${home}/x; echo x > ${root}/x; ln -s ${token} link; echo x > link; rm link`,
  ),
  reads: await run(
    `cat ${home}/.ssh/id_rsa; cat ${token}; cat /etc/shadow; ls -a ${home}; cat /proc/*/environ | tr '\\0' '\\n' | grep -a CANARY`,
  ),
  network: await run(
    `curl -sS --noproxy '*' --max-time 5 http://127.0.0.1:${port}/; curl -sS --noproxy '*' --max-time 5 http://1.1.1.1/; curl -sS --max-time 5 https://a.files.example:${port}/`,
  ),
  kill: await run(`kill -9 ${process.pid}; kill -9 -1; true`),
  allowed: await run(
    `curl -sS --max-time 10 --proxytunnel --proxy http://127.0.0.1:41000 http://a.files.example:${port}/; curl -sS --max-time 5 --proxy http://127.0.0.1:41000 https://other.example/`,
    { network: gateway },
  ),
  disk: await run("i=0; while :; do i=$((i+1)); head -c 5000000 /dev/zero > f$i; done", {
    limits: { ...defaultLimits, diskMb: 40 },
  }),
};
await run("rm -f f*");
await proxy.close();
server.close();
const left = (await readdir(worktree)).sort();
console.log(JSON.stringify({ provider: sandbox.provider, results, refused, left, home, token }));

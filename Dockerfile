# docker build --tag dicom-aegis .
# How to run it, and what the health check needs: docs/install.md, "In a container".

FROM node:22-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/bundle.mjs ./scripts/
COPY src ./src
RUN npm run build

FROM node:22-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM node:22-slim
# Nothing of this is needed to run, and none of it can then be used by somebody else.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /usr/local/bin/yarn* /opt/yarn-*
WORKDIR /app
COPY LICENSE package.json ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /build/dist ./dist
# For stateDirectory: locks and fetched revocation lists.
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/aegis
VOLUME /var/lib/aegis
ENV NODE_ENV=production AEGIS_CONFIG=/etc/aegis/aegis.jsonc
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 2762
STOPSIGNAL SIGTERM
# A C-ECHO through the first listener to the archive and back. Give it an entry: deploy/container.jsonc.
HEALTHCHECK --interval=30s --timeout=15s --start-period=10s --retries=3 CMD ["node", "dist/cli.js", "echo"]
ENTRYPOINT ["node", "dist/cli.js"]
CMD ["start"]

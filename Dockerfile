# docker build --tag dicom-aegis .
# How to run it: docs/containers.md.

# Both may come from a registry of your own: --build-arg BUILD_IMAGE=registry.example/node:22-bookworm-slim
ARG BUILD_IMAGE=docker.io/library/node:22-bookworm-slim
ARG RUN_IMAGE=docker.io/library/debian:bookworm-slim

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/bundle.mjs ./scripts/
COPY src ./src
RUN npm run build && chmod 755 dist/cli.js

# Without npm and compilers. Node.js is one file, and everything but koffi is bundled into dist/.
FROM ${RUN_IMAGE}
LABEL org.opencontainers.image.title="dicom-aegis" \
  org.opencontainers.image.description="A DICOM TLS and access-control gateway in front of Orthanc or any DIMSE server" \
  org.opencontainers.image.licenses="MIT"
# /var/lib/aegis is for stateDirectory.
RUN install -d -o 10001 -g 10001 -m 700 /var/lib/aegis && ln -s /app/dist/cli.js /usr/local/bin/aegis
VOLUME /var/lib/aegis
COPY --from=build /usr/local/bin/node /usr/local/bin/
WORKDIR /app
COPY --from=build /build/node_modules/@koromix ./node_modules/@koromix
COPY --from=build /build/node_modules/koffi ./node_modules/koffi
COPY LICENSE package.json ./
COPY --from=build /build/dist ./dist
ENV NODE_ENV=production AEGIS_CONFIG=/etc/aegis/aegis.jsonc
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 2762
STOPSIGNAL SIGTERM
# Whether the process answers, by /healthz. Not whether the archive does: a new gateway would not make it answer. And not by the
# address in the configuration: a file that is half edited would make a gateway that runs unhealthy.
HEALTHCHECK --interval=30s --timeout=15s --start-period=10s --retries=3 CMD ["aegis", "status", "--alive", "--url", "http://127.0.0.1:9762"]
ENTRYPOINT ["aegis"]
CMD ["start"]

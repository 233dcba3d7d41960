# dbaudit alone, as a user without rights. Mount migrations/, queries/ and dbaudit.toml into /work; results go to stdout.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# The certificates that sslmode=verify-full checks a hosted database against.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o nobody -g nogroup /work
COPY --from=build /src/target/release/dbaudit /usr/local/bin/dbaudit
USER nobody
WORKDIR /work
# `serve` within a container is reached from without; it wants DBAUDIT_TOKEN then.
ENV DBAUDIT_LISTEN=0.0.0.0:9187
EXPOSE 9187
ENTRYPOINT ["dbaudit"]

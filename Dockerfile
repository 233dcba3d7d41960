FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked

FROM debian:bookworm-slim
# The certificates that sslmode=verify-full checks a hosted database against.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/release/dbaudit /usr/local/bin/dbaudit
USER nobody
WORKDIR /work
ENTRYPOINT ["dbaudit"]

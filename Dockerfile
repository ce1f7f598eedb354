# A static binary in an image that holds nothing else but certificates and time zones; nobody in it
# is root, and any user may be (`--user`), so that the files it writes belong to who ran it.
#
#   docker build -t tomticket-sync .
#   docker run --rm --user "$(id -u):$(id -g)" -e TOMTICKET_TOKEN \
#       -v "$PWD:/dados" -v tomticket-estado:/estado tomticket-sync run clientes.csv

FROM rust:1.95-alpine AS build
# A C compiler and headers, for SQLite and ring.
RUN apk add --no-cache build-base
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY templates templates
# The library and the binary alone; Alpine's own target is x86_64-unknown-linux-musl (or aarch64's),
# and links statically.
RUN cargo build --release --locked --bin tomticket-sync \
    && mkdir -m 1777 -p /vazio/dados /vazio/estado

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /src/target/release/tomticket-sync /usr/local/bin/tomticket-sync
COPY --from=build --chown=65532:65532 /vazio/ /
# What was already accepted is remembered here: without a volume, each container begins anew.
ENV XDG_STATE_HOME=/estado
WORKDIR /dados
VOLUME ["/dados", "/estado"]
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/tomticket-sync"]
CMD ["--help"]

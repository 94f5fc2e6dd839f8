# syntax=docker/dockerfile:1
# One static binary on an empty image, run by nobody in particular; nothing in it writes to its root.
#   docker build --tag REGISTRY/irsa-audit:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/irsa-audit:0.1.0 --push .
# What it is made of, in CycloneDX, as a file in the folder sbom:
#   docker build --target sbom --output sbom .

FROM rust:1.95-alpine AS build
# aws-lc, the cryptography below rustls, is written in C. Its versions follow those of the base image.
# hadolint ignore=DL3018
RUN apk add --no-cache build-base cmake perl
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package irsa-audit \
    && cp target/release/irsa-audit /irsa-audit

FROM build AS bill-of-materials
RUN cargo install --locked cargo-cyclonedx@0.5.9 \
    && cargo cyclonedx --manifest-path crates/irsa-audit/Cargo.toml --format json --target all --no-build-deps

FROM scratch AS sbom
COPY --from=bill-of-materials /source/crates/irsa-audit/irsa-audit.cdx.json /

FROM scratch
# Roots of trust for AWS; the API server's own CA comes with the pod.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /irsa-audit /irsa-audit
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/irsa-audit"]
CMD ["operator"]

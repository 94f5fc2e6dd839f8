# syntax=docker/dockerfile:1
# One static binary on an empty image, run by nobody in particular.
#   docker build --tag irsa-audit:0.1.0 .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag REGISTRY/irsa-audit:0.1.0 --push .

FROM rust:1.95-alpine AS build
# aws-lc, the cryptography below rustls, is written in C.
RUN apk add --no-cache build-base cmake perl
WORKDIR /source
COPY . .
RUN cargo build --release --locked --package irsa-audit \
    && cp target/release/irsa-audit /irsa-audit

FROM scratch
# Roots of trust for AWS; the API server's own CA comes with the pod.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /irsa-audit /irsa-audit
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/irsa-audit"]
CMD ["operator"]

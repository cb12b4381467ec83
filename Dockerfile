# The extension is compiled against the stable ABI of 3.11, which the wheel then shares with any later Python.
FROM rust:1.95-slim-bookworm AS wheel
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir 'maturin>=1.16,<2'
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/rust/target \
    /opt/build/bin/maturin build --release --locked --interpreter python3 --out /wheels

FROM python:3.13-slim-bookworm AS environment
COPY --from=wheel /wheels /wheels
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv --without-pip /opt/gateway \
    && pip --python /opt/gateway/bin/python install /wheels/*.whl

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --no-create-home gateway && install --directory --owner=gateway /data
COPY --from=environment /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH PYTHONUNBUFFERED=1 GATEWAY_DATA_DIR=/data GATEWAY_HOST=0.0.0.0
USER gateway
WORKDIR /data
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["gateway", "health"]
ENTRYPOINT ["gateway"]
CMD ["serve"]

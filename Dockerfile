# Followthrough in a container: no compiler, no root, nothing written outside /data.
FROM python:3.13-slim AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY service service
COPY integrations integrations
COPY workflows workflows
COPY config config
RUN /venv/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM python:3.13-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data followthrough \
    && install -d -o followthrough /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    FOLLOWTHROUGH_HOST=0.0.0.0 \
    FOLLOWTHROUGH_DATA=/data \
    FOLLOWTHROUGH_RULES=/etc/followthrough/rules.yaml \
    FOLLOWTHROUGH_LOG=json
USER followthrough
WORKDIR /data
VOLUME /data
EXPOSE 8750
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8750/healthz', timeout=4)"]
ENTRYPOINT ["followthrough"]
CMD ["up"]

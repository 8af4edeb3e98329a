# Followthrough in a container: no compiler, no root, nothing written outside /data and /tmp, so that
# the file system may be read-only. tests/stories/test_container.py performs these steps.
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /app
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY service service
COPY integrations integrations
COPY workflows workflows
COPY config config
RUN /venv/bin/pip install --no-cache-dir --no-build-isolation --no-deps .

FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data followthrough \
    && install -d -o followthrough /data
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FOLLOWTHROUGH_HOST=0.0.0.0 \
    FOLLOWTHROUGH_DATA=/data \
    FOLLOWTHROUGH_RULES=/etc/followthrough/rules.yaml \
    FOLLOWTHROUGH_LOG=json
USER followthrough
WORKDIR /data
VOLUME /data
EXPOSE 8750
# With nothing of ours imported it takes a tenth of a second; one of our own commands takes one.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8750/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["followthrough"]
CMD ["up"]

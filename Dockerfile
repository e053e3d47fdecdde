# bulkprof as a container image: `make image`, or `docker build --tag bulkprof .`; docs/install.md shows how to run it.

# Only this stage has what builds the wheel; nothing of it but the finished environment gets into the image.
FROM python:3.14-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bulkprof bulkprof
COPY docs/man docs/man
COPY plugins plugins
# An environment has no pip of its own here: what runs the image can't install more.
RUN python -m venv --without-pip /opt/bulkprof \
    && python -m pip --python /opt/bulkprof/bin/python install --no-cache-dir ".[excel,fast,otel,sandbox,yaml]"

FROM python:3.14-slim
LABEL org.opencontainers.image.title="bulkprof" \
      org.opencontainers.image.description="Amazon Bedrock application inference profiles in bulk" \
      org.opencontainers.image.licenses="Apache-2.0"
# A number, so that Kubernetes can tell that it isn't root.
RUN useradd --system --uid 10001 --create-home bulkprof \
    && install -d -o bulkprof -m 700 /state /data
COPY --from=build /opt/bulkprof /opt/bulkprof
ENV PATH=/opt/bulkprof/bin:$PATH \
    BULKPROF_STATE_DIR=/state \
    PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /data
# What runs know of each other: keep it from one container to the next.
VOLUME /state
ENTRYPOINT ["bulkprof"]
CMD ["--help"]

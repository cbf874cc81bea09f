# What is installed, collected and compiled here goes on into the image; pip's leftovers stay behind.
FROM python:3.11-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PATH=/venv/bin:$PATH
RUN python -m venv --without-pip /venv
WORKDIR /app

# First what changes least, so that a change of code does not install everything again.
COPY requirements.txt ./
RUN /usr/local/bin/pip --python /venv/bin/python install --requirement requirements.txt

COPY manage.py LICENSE ./
COPY gradebench ./gradebench
COPY reviews ./reviews
COPY templates ./templates
# In a data folder of the build's own: the keys that the embedded default makes must not end up in the image. Compiled
# here, because nothing can be written where it runs.
RUN GRADEBENCH_DATA_DIR=/build python manage.py collectstatic --noinput \
    && rm -r /build \
    && python -m compileall -q --invalidation-mode unchecked-hash gradebench reviews manage.py


FROM python:3.11-slim-bookworm

ARG REVISION=unknown
LABEL org.opencontainers.image.title="GradeBench" \
      org.opencontainers.image.description="Where people read, grade and repair the completions of an LLM application" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="Apache-2.0"

ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADEBENCH_DATA_DIR=/data \
    GRADEBENCH_WEB_BIND=0.0.0.0:8000

# /data is for the embedded default alone: with DATABASE_URL nothing is kept in a container.
RUN useradd --system --uid 10001 --user-group --no-create-home gradebench \
    && install --directory --owner=gradebench --group=gradebench /data
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app

# By number, so that an engine can see that it is not root.
USER 10001:10001
EXPOSE 8000
CMD ["gunicorn", "gradebench.wsgi", "--config", "python:gradebench.gunicorn_conf"]

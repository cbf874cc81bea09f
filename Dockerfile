FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADEBENCH_DATA_DIR=/data \
    GRADEBENCH_WEB_BIND=0.0.0.0:8000

RUN useradd --system --uid 10001 --user-group --no-create-home gradebench \
    && install --directory --owner=gradebench --group=gradebench /data
WORKDIR /app

# First what changes least, so that a change of code does not install everything again.
COPY requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY manage.py LICENSE ./
COPY gradebench ./gradebench
COPY reviews ./reviews
COPY templates ./templates
# In a data folder of the build's own: the keys that the embedded default makes must not end up in the image.
RUN GRADEBENCH_DATA_DIR=/build python manage.py collectstatic --noinput && rm -r /build

USER gradebench
EXPOSE 8000
CMD ["gunicorn", "gradebench.wsgi", "--config", "python:gradebench.gunicorn_conf"]

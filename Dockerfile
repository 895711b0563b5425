# One image for web, worker and beat. Build and run it with docker-compose.yml; docs/operations.md tells how.

FROM python:3.12-slim AS packages
COPY requirements-uv.txt requirements.txt /build/
RUN python -m venv /opt/slipway \
 && pip install --quiet --no-cache-dir --require-hashes -r /build/requirements-uv.txt \
 && uv pip sync --quiet --no-cache --require-hashes --compile-bytecode --python /opt/slipway/bin/python /build/requirements.txt

FROM python:3.12-slim
ENV PATH=/opt/slipway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SLIPWAY_VAR_DIR=/var/lib/slipway \
    SLIPWAY_STATIC_ROOT=/srv/static \
    SLIPWAY_DEMONSTRATION=false
RUN useradd --system --uid 10001 --home-dir /var/lib/slipway slipway \
 && install -d -o slipway -g slipway -m 0750 /var/lib/slipway
COPY --from=packages /opt/slipway /opt/slipway
WORKDIR /srv/slipway
COPY . .
# Collecting files asks no server and signs nothing: these values are for this one command and stay out of the image.
RUN SLIPWAY_SECRET_KEY=only-for-collecting DATABASE_URL=postgresql://nobody@nowhere/none REDIS_URL=redis://nowhere \
    python manage.py collectstatic --no-input --verbosity 0 \
 && python -m compileall -q .
USER slipway
VOLUME /var/lib/slipway
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "4", "--timeout", "60", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", \
     "--access-logfile", "-"]

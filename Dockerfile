# The server's image. By itself it keeps an embedded PostgreSQL in the volume /var/lib/seedx; with
# DATABASE_URL and JWT_SECRET it uses yours, as docker-compose.yml does.

FROM python:3.13-slim AS build
WORKDIR /source
RUN python -m venv /opt/seedx
COPY pyproject.toml README.md LICENSE alembic.ini ./
COPY alembic alembic
COPY seedx_cli seedx_cli
COPY seedx_server seedx_server
RUN /opt/seedx/bin/pip install . \
    && cp -R alembic alembic.ini /opt/seedx/

FROM python:3.13-slim
RUN groupadd --gid 10001 seedx \
    && useradd --uid 10001 --gid seedx --no-create-home --home-dir /var/lib/seedx \
        --shell /usr/sbin/nologin seedx \
    && install --directory --owner=seedx --group=seedx --mode=0700 /var/lib/seedx
COPY --from=build /opt/seedx /opt/seedx
ENV PATH=/opt/seedx/bin:$PATH \
    ALEMBIC_CONFIG=/opt/seedx/alembic.ini \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SEEDX_DATA_DIR=/var/lib/seedx
VOLUME /var/lib/seedx
WORKDIR /var/lib/seedx
USER 10001:10001
EXPOSE 8443
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ.get('SEEDX_PORT', '8443') + '/healthz', timeout=4)"]
ENTRYPOINT ["seedx"]
CMD ["serve", "--host", "0.0.0.0"]

# The hub for production: web, worker and beat are the same image with different commands
# (compose.yaml). The embedded servers, the launcher and the simulator are not in it.

FROM node:24-slim AS browser
WORKDIR /browser
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts

FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /venv
COPY requirements-production.txt .
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements-production.txt
WORKDIR /hub
COPY . .
COPY --from=browser /browser/node_modules /node_modules
# Files get hashed names and compressed copies. Production's settings are needed for that, so this
# one command gets made-up secrets, which stay in its own process.
RUN key() { /venv/bin/python -c 'import base64, os; print(base64.b64encode(os.urandom(32)).decode())'; } \
    && HUB_SECRET_KEY="$(key)$(key)" HUB_ENCRYPTION_KEYS="build:$(key)" \
       HUB_BLIND_INDEX_KEY="$(key)" HUB_AUDIT_KEY="$(key)" HUB_PUBLIC_URL=https://build.invalid \
       DATABASE_URL=postgres://build.invalid/hub REDIS_URL=redis://build.invalid \
       TWILIO_ACCOUNT_SID=AC00000000000000000000000000000000 TWILIO_AUTH_TOKEN=build \
       HUB_NODE_MODULES=/node_modules HUB_STATIC_DIR=/static \
       /venv/bin/python manage.py collectstatic --no-input --verbosity 0

FROM python:3.12-slim
RUN useradd --system --uid 10001 --user-group --no-create-home hub \
    && install -d -o hub -g hub /data /data/media
COPY --from=build /venv /venv
COPY --from=build /static /static
COPY --from=build /hub /hub
# The icons are drawn into the pages from here.
COPY --from=browser /browser/node_modules /node_modules
WORKDIR /hub
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HUB_ENV=production \
    HUB_DATA_DIR=/data \
    HUB_MEDIA_DIR=/data/media \
    HUB_STATIC_DIR=/static \
    HUB_NODE_MODULES=/node_modules
USER hub
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "hub.probe"]
# One process: the sockets' fan-out is per process. Scale by containers.
CMD ["uvicorn", "hub.asgi:application", "--host", "0.0.0.0", "--port", "8000", \
     "--lifespan", "off", "--timeout-graceful-shutdown", "20", "--no-access-log", \
     "--ws-max-size", "65536", \
     "--proxy-headers", "--forwarded-allow-ips", "*"]

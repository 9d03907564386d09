# One image for every service of docker-compose.yml. Nothing is installed that requirements/*.txt does not pin with a hash.
FROM node:22-slim AS pages
WORKDIR /build
COPY channel/console/web/package.json channel/console/web/package-lock.json channel/console/web/.npmrc ./
RUN npm ci --ignore-scripts
COPY channel/console/web ./
RUN npx vite build --outDir /pages

FROM python:3.13-slim AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/run.txt requirements/build.txt requirements/
RUN python -m venv /app \
 && /app/bin/pip install --require-hashes --only-binary :all: -r requirements/run.txt \
 && pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY channel channel
COPY clients clients
COPY --from=pages /pages channel/console/static
RUN pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
 && /app/bin/pip install --no-index --no-deps dist/*.whl \
 && /app/bin/pip uninstall --yes pip

FROM python:3.13-slim
# The home is a volume that belongs to this user; the rest of the file system can be read-only.
RUN groupadd --gid 10001 channel \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /channel --shell /usr/sbin/nologin channel \
 && install -d -o channel -g channel -m 0700 /channel
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /channel
WORKDIR /channel
CMD ["channel", "--help"]

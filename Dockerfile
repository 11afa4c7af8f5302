# The one image of every function: FUNCTION_TARGET says which of them a container is (docs/decisions/0028-one-image.md).
# infra/deploy/image.yaml builds it, once for each commit; tests/functions/test_image.py starts what it holds.

# Named by digest, so that the same commit makes the same image. A newer digest is a commit of its own, once a week.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base

FROM base AS packages
COPY requirements.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --only-binary=:all: --requirement requirements.txt

FROM base
# pydantic would look for plug-ins of itself in every package at each start.
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYDANTIC_DISABLE_PLUGINS=__all__
WORKDIR /srv
COPY --from=packages /venv /venv
COPY main.py requirements.txt ./
COPY functions functions
COPY shared shared
RUN python -m compileall -q main.py functions shared

# Nobody's number, without rights in the container, and without a home.
USER 10001:10001

# functions-framework's gunicorn with THREADS threads on PORT, as Google's builders start a function.
CMD ["python", "main.py"]

"""The local cloud as one process: `python -m infra.local.cloud.server --database-url URL --grpc-port N --http-port N`.

Serves Pub/Sub, Cloud Tasks, Firestore and Secret Manager on one gRPC port; Cloud Storage, the certificates of the
identity tokens and the state of it all on one HTTP port; and fires the jobs of Cloud Scheduler. Prints `ready` when
it serves. Everything is kept in the database: it may be killed at any moment and started again.
"""

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from sqlalchemy import Engine
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from infra.local.cloud import firestore, pubsub, secrets, storage, tasks, webhooks
from infra.local.cloud.dispatcher import Dispatcher, StoreInUse
from infra.local.cloud.oidc import Signer
from infra.local.cloud.scheduler import BadJobs, Scheduler, read_jobs
from infra.local.cloud.store import open_store
from infra.local.cloud.web import Web

_HOST = "127.0.0.1"
_CALLS_AT_ONCE = 128  # every open stream (streaming pull, listen) holds a thread
_GRACE_SECONDS = 2.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    options = _parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    engine = open_store(options.database_url)
    try:
        _serve(engine, options, stop)
    except (BadJobs, StoreInUse) as fault:
        print(fault, file=sys.stderr)
        return 2
    finally:
        engine.dispose()
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.cloud.server")
    parser.add_argument("--database-url", required=True, help="a postgresql+pg8000:// URL of a database of its own")
    parser.add_argument("--grpc-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--jobs", type=Path, help="a JSON file: a list of scheduled jobs")
    return parser.parse_args(arguments)


def _serve(engine: Engine, options: argparse.Namespace, stop: threading.Event) -> None:
    signer = Signer(engine)
    dispatcher = Dispatcher(engine, signer)
    scheduler = Scheduler(engine, read_jobs(options.jobs) if options.jobs else [], dispatcher.wake)
    webhooks.register(engine)
    rpc = _rpc_server(engine, dispatcher, options.grpc_port)
    web = _web_server(Web(engine, signer, scheduler, storage.application(engine)), options.http_port)
    dispatcher.start()
    rpc.start()
    threading.Thread(target=web.serve_forever, name="http", daemon=True).start()
    scheduler.start()
    print("ready", flush=True)
    stop.wait()
    scheduler.stop()
    web.shutdown()
    rpc.stop(_GRACE_SECONDS).wait()
    dispatcher.stop()


def _rpc_server(engine: Engine, dispatcher: Dispatcher, port: int) -> grpc.Server:
    threads = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="grpc")
    server = grpc.server(threads, options=[("grpc.so_reuseport", 0)])
    pubsub.register(server, engine, dispatcher)
    tasks.register(server, engine, dispatcher)
    firestore.register(server, engine)
    secrets.register(server, engine)
    server.add_insecure_port(f"{_HOST}:{port}")
    return server


class _QuietHandler(WSGIRequestHandler):
    """Keeps connections open and writes no line per request."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _web_server(application: Web, port: int) -> BaseWSGIServer:
    return make_server(_HOST, port, application, threaded=True, request_handler=_QuietHandler)


if __name__ == "__main__":
    sys.exit(main())

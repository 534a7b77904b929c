"""Serve a function: functions-framework's app under gunicorn, with settings that the framework does not pass on.

    FUNCTION_TARGET=classify_upload gunicorn --config functions/gunicorn.conf.py

gunicorn creates the app in the worker and not in the master, so the app may use threads and TensorFlow.
``functions-framework --target`` works as well, but forks after the import.
"""

import gc
import os
import sys
from pathlib import Path

from shared.backlog.graceful_shutdown import ignore_signals
from shared.settings import server_threads

# Imports take most of a start (docs/performance.md). A fifth of that is spent on optional imports of Google's clients,
# unused here (the clients speak REST and do not trace), and on garbage collections, which free nothing during imports.
sys.modules |= dict.fromkeys(("grpc", "opentelemetry", "tqdm"))  # type: ignore[arg-type]
gc.disable()


_target = os.environ.get("FUNCTION_TARGET", "classify_request")
_source = Path(__file__).parent / _target / "main.py"

wsgi_app = f"functions_framework:create_app({_target!r}, {str(_source)!r})"
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104  # Cloud Run requires all interfaces
workers = 1  # Cloud Run adds instances, not processes
threads = server_threads()  # requests that run, that queue, and that are probes or get 429
worker_class = "shared.http.gunicorn_worker.LingeringWorker"  # gthread with a header timeout and a cheaper keep-alive
timeout = 0  # Cloud Run ends requests that take too long
graceful_timeout = 7  # Cloud Run kills 10 s after SIGTERM, and ending takes a moment too
keepalive = 75
backlog = 128  # another instance answers further connections sooner
loglevel = "warning"
control_socket_disable = True  # not used, and it would leave a file in the home folder


def post_request(worker: object, req: object, environ: object, resp: object) -> None:  # noqa: ARG001
    """Enable garbage collection after the first answer; gunicorn calls this after each."""
    gc.enable()


def worker_exit(server: object, worker: object) -> None:  # noqa: ARG001
    """Ignore further signals in a worker that has answered its last request."""
    ignore_signals()


def on_exit(server: object) -> None:  # noqa: ARG001
    """Ignore further signals in the master once its workers have ended."""
    ignore_signals()

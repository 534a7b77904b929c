"""How a function is served: functions-framework's own app under gunicorn, with what the framework does not pass on.

    FUNCTION_TARGET=classify_upload gunicorn --config functions/gunicorn.conf.py

The app is made in the worker and not in the master, so threads and TensorFlow are safe in it; ``functions-framework
--target`` works as well, and forks after the import.
"""

import gc
import os
import sys
from pathlib import Path

from shared.backlog.graceful_shutdown import ignore_signals
from shared.settings import threads_of_server

# A start is imports for the most part: docs/performance.md. What Google's clients load where they find it, and nobody
# here uses (they speak REST, and nobody traces), and a collector that finds no garbage in modules, take a fifth of it.
sys.modules |= dict.fromkeys(("grpc", "opentelemetry", "tqdm"))  # type: ignore[arg-type]
gc.disable()


_target = os.environ.get("FUNCTION_TARGET", "classify_request")
_source = Path(__file__).parent / _target / "main.py"

wsgi_app = f"functions_framework:create_app({_target!r}, {str(_source)!r})"
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104  # as Cloud Run asks
workers = 1  # Cloud Run adds instances, not processes
threads = threads_of_server()  # who is worked on, who waits, and who is sent away or probes
worker_class = "shared.http.gunicorn_worker.LingeringWorker"  # gthread, less its detours and slow headers
timeout = 0  # Cloud Run ends what takes too long
graceful_timeout = 7  # Cloud Run kills 10 s after SIGTERM, and ending takes a moment too
keepalive = 75
backlog = 128  # more waiting connections are better answered by another instance
loglevel = "warning"
control_socket_disable = True  # nobody steers a function, and nothing is left in the home folder


def post_request(worker: object, req: object, environ: object, resp: object) -> None:  # noqa: ARG001
    """Begin to collect garbage, after the first answer. Called by gunicorn after each."""
    gc.enable()


def worker_exit(server: object, worker: object) -> None:  # noqa: ARG001
    """Let a second signal change nothing for a worker that has answered its last request."""
    ignore_signals()


def on_exit(server: object) -> None:  # noqa: ARG001
    """Let a second signal change nothing for the master once its workers have ended."""
    ignore_signals()

"""Passes the calls that the sandbox doesn't serve itself (S3 and the like) to moto.

moto keeps its state in the process, not in a server: sandboxes that run at the same time in one process share
their buckets. The last one to stop clears them.
"""

from __future__ import annotations

import importlib.util
import io
import sys
import threading
from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_to_bytes

from bulkprof.sandbox.errors import ApiError
from bulkprof.sandbox.settings import DEFAULT_ACCOUNT, SandboxMissingError
from bulkprof.sandbox.wire import Call, Response, error_response, s3_error

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_SIGNED_FOR_S3 = "AWS4-HMAC-SHA256 Credential=AKIASANDBOXSANDBOX00/20260101/us-east-1/s3/aws4_request"
"""What moto tells from which service is called."""
_HOP_BY_HOP = frozenset({"connection", "transfer-encoding", "server", "date"})

_users = 0
_users_lock = threading.Lock()
_one_at_a_time = threading.Lock()
"""moto isn't made for threads: it goes through dictionaries that other calls change, and it checks If-Match and
If-None-Match first and writes then, where S3 does both in one step."""


class MotoBridge:
    """moto's own server application, called without its server. It is imported with the first call."""

    def __init__(self, buckets: Collection[str] = (), account: str = DEFAULT_ACCOUNT) -> None:
        """`buckets` are made in `account`, as soon as moto is imported."""
        if importlib.util.find_spec("moto") is None or importlib.util.find_spec("flask") is None:
            raise SandboxMissingError
        self._buckets = sorted(buckets)
        self._account = account
        self._lock = threading.Lock()
        self._app: WSGIApplication | None = None

    def handle(self, call: Call) -> Response:
        """Have moto do a call. Blocks for milliseconds, at the first call for about a second; run it in a thread."""
        from werkzeug.test import run_wsgi_app

        application = self._application()
        with _one_at_a_time:
            try:
                body, status, headers = run_wsgi_app(application, _environ(call), buffered=True)
            except Exception:  # noqa: BLE001 - moto raises many exceptions for a service or an operation that it lacks
                return _unknown(call)
        if status.startswith(("404", "405")) and headers.get("Content-Type", "").startswith("text/html"):
            return _unknown(call)
        kept = {name: value for name, value in headers if name.lower() not in _HOP_BY_HOP}
        if call.method != "HEAD":
            # The Content-Length of a HEAD response is of the body that isn't sent; any other is computed again.
            kept = {name: value for name, value in kept.items() if name.lower() != "content-length"}
        return Response(int(status.split(" ", 1)[0]), b"".join(body), kept)

    def has_organization(self) -> bool:
        """Return whether an organization was made by moto's own operation."""
        if self._app is None:
            return False
        from moto.organizations.models import organizations_backends

        return any(backend.org for account in list(organizations_backends.values()) for backend in account.values())

    def put_metrics(self, account: str, region: str, namespace: str, data: list[dict[str, Any]]) -> None:
        """Put values into CloudWatch. Blocks, as `handle` does."""
        self._application()
        from moto.cloudwatch.models import cloudwatch_backends

        backend = cloudwatch_backends[account][region]
        with _one_at_a_time:
            backend.put_metric_data(namespace, data)
            _narrow(backend)

    def close(self) -> None:
        """Release moto. Clears its state if no other sandbox of this process uses it."""
        global _users  # noqa: PLW0603 - moto's state is the process's, so is the count of its users
        with self._lock:
            if self._app is None:
                return
            self._app = None
        with _users_lock:
            _users -= 1
            if _users == 0:
                _reset()

    def _application(self) -> WSGIApplication:
        global _users  # noqa: PLW0603 - see close()
        with self._lock:
            if self._app is None:
                from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

                with _users_lock:
                    _users += 1
                self._app = DomainDispatcherApplication(create_backend_app)
                for bucket in self._buckets:
                    _make_bucket(self._app, bucket, self._account)
            return self._app


def _make_bucket(application: WSGIApplication, name: str, account: str) -> None:
    """Make a bucket. One that another sandbox of this process has made is kept."""
    from werkzeug.test import run_wsgi_app

    headers = {"host": "127.0.0.1", "authorization": _SIGNED_FOR_S3}
    call = Call("PUT", f"/{name}", "", headers, b"", account=account)
    with _one_at_a_time:
        run_wsgi_app(application, _environ(call), buffered=True)


def _unknown(call: Call) -> Response:
    """Return a client error, in the protocol of the call: a retry won't help."""
    target = call.headers.get("x-amz-target", "")
    form = dict(parse_qsl(call.body.decode("utf-8", "replace"))) if not target else {}
    operation = target.rpartition(".")[2] or form.get("Action") or f"{call.method} {call.path}"
    message = f"The sandbox lacks this operation{' of ' * bool(call.service)}{call.service}: {operation}"
    if call.service == "s3":
        return s3_error("MethodNotAllowed", message, status=405)
    if "Action" in form:
        return error_response(ApiError("InvalidAction", message), "query")
    return error_response(ApiError("UnknownOperationException", message), "json" if target else "rest-json")


def _narrow(backend: Any) -> None:
    """Let the backend look only at the values of what a query is about.

    moto compares all values with each day of each query, which takes seconds for a hundred profiles.
    """
    read = type(backend).get_metric_data

    def get_metric_data(queries: list[dict[str, Any]], **period: Any) -> list[dict[str, Any]]:
        if not all("MetricStat" in query for query in queries):
            return list(read(backend, queries=queries, **period))
        everything, values, found = backend.metric_data, dict[str, list[Any]](), list[dict[str, Any]]()
        for value in everything:
            for dimension in value.dimensions:
                values.setdefault(dimension.value, []).append(value)
        try:
            for query in queries:
                dimensions = query["MetricStat"]["Metric"].get("Dimensions") or ()
                backend.metric_data = values.get(dimensions[0]["Value"], []) if dimensions else everything
                found += read(backend, queries=[query], **period)
        finally:
            backend.metric_data = everything
        return found

    backend.get_metric_data = get_metric_data


def _reset() -> None:
    from moto.core.base_backend import BackendDict

    for name, module in list(sys.modules.items()):
        if name.startswith("moto.") and name.endswith(".models"):
            for value in list(vars(module).values()):
                if isinstance(value, BackendDict):
                    value.reset()


def _environ(call: Call) -> WSGIEnvironment:
    uri = f"{call.path}?{call.query_string}" if call.query_string else call.path
    host, _, port = call.headers.get("host", "127.0.0.1").partition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(call.path).decode("latin-1"),
        "QUERY_STRING": call.query_string,
        "REQUEST_URI": uri,
        "RAW_URI": uri,
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(call.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in call.headers.items():
        if name not in ("transfer-encoding", "content-length", "content-type"):
            environ["HTTP_" + name.upper().replace("-", "_")] = value
    environ["CONTENT_LENGTH"] = str(len(call.body))
    if "content-type" in call.headers:
        environ["CONTENT_TYPE"] = call.headers["content-type"]
    # moto would look the key up among its own sessions; the sandbox's keys contain the account.
    environ["HTTP_X_MOTO_ACCOUNT_ID"] = call.account
    return environ

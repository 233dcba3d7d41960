"""Request durations of an ASGI application (FastAPI, Starlette, …), measured by the application itself.

    app = FastAPI()
    app.add_middleware(RequestFigures)

Every response then carries `Server-Timing` and `X-Process-Time` (in seconds). A request over two seconds is logged as
a warning, one over five as an error. `GET /metrics` answers with a histogram that `dbaudit serve` reads:

    [[app]]                                   # dbaudit.toml
    metrics = "http://app:8000/metrics"

One file, no dependency. Each worker process counts for itself: with several, give each its own port.
`/metrics` is visible to everyone who can reach the application: protect it from the outside as you protect the rest of
your network.
"""

import logging
import threading
import time

logger = logging.getLogger("dbaudit")

BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
NAME = "http_request_duration_seconds"


class RequestFigures:
    def __init__(self, app, slow=2.0, too_slow=5.0, path="/metrics"):
        self.app, self.slow, self.too_slow, self.path = app, slow, too_slow, path
        self.lock = threading.Lock()
        # By method, route and status: requests by bucket, the last beyond all bounds; and seconds in all.
        self.counts = {}

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.path and scope["path"] == self.path and scope["method"] == "GET":
            await self.answer(send)
            return
        begun, status = time.perf_counter(), 500

        async def send_with_time(message):
            nonlocal status
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - begun
                message = dict(message)
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"server-timing", b"app;dur=%.3f" % (took * 1000)),
                    (b"x-process-time", b"%.6f" % took),
                ]
            await send(message)

        try:
            await self.app(scope, receive, send_with_time)
        finally:
            # To the end of the body, and also where the application failed.
            self.count(scope, status, time.perf_counter() - begun)

    def count(self, scope, status, took):
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        # The route's pattern, never the path: no client decides how many series there are.
        route = getattr(scope.get("route"), "path", None) or getattr(scope.get("endpoint"), "__name__", "(unmatched)")
        at = next((at for at, bound in enumerate(BOUNDS) if took <= bound), len(BOUNDS))
        with self.lock:
            counts = self.counts.setdefault((method, route, str(status)), [[0] * (len(BOUNDS) + 1), 0.0])
            counts[0][at] += 1
            counts[1] += took
        if took > self.slow:
            level = logging.ERROR if took > self.too_slow else logging.WARNING
            logger.log(level, "%s %s took %.0f ms (status %s)", method, route, took * 1000, status)

    def text(self):
        lines = [f"# HELP {NAME} What requests take.", f"# TYPE {NAME} histogram"]
        with self.lock:
            for (method, route, status), (counts, seconds) in sorted(self.counts.items()):
                route = route.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
                labels, below = f'method="{method}",route="{route}",status="{status}"', 0
                for bound, count in zip((*BOUNDS, "+Inf"), counts):
                    below += count
                    lines.append(f'{NAME}_bucket{{{labels},le="{bound}"}} {below}')
                lines.append(f"{NAME}_sum{{{labels}}} {seconds:.6f}")
                lines.append(f"{NAME}_count{{{labels}}} {below}")
        return "\n".join(lines) + "\n"

    async def answer(self, send):
        body = self.text().encode()
        headers = [
            (b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

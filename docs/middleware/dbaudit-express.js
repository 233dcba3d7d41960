"use strict";
// What an Express application takes for its requests, counted by the application itself.
//
//     const { requestFigures } = require("./dbaudit-express");
//     app.use(requestFigures());            // before every route
//
// Every response then carries `Server-Timing` and `X-Process-Time` (in seconds). A request over two seconds is warned
// of, one over five is an error line. `GET /metrics` answers with a histogram that `dbaudit serve` reads:
//
//     [[app]]                               # dbaudit.toml
//     metrics = "http://app:3000/metrics"
//
// One file, no dependency. Each process counts for itself: with several, give each a port of its own. `/metrics` is for
// everyone who can reach the application: keep it from the outside as you keep the rest of your network.

const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
const NAME = "http_request_duration_seconds";

exports.requestFigures = ({ slow = 2, tooSlow = 5, path = "/metrics", log = console } = {}) => {
  // By method, route and status: requests by bucket, the last beyond all bounds; and seconds in all.
  const series = new Map();
  const text = () => {
    const lines = [`# HELP ${NAME} What requests take.`, `# TYPE ${NAME} histogram`];
    for (const [labels, { counts, seconds }] of [...series].sort()) {
      let below = 0;
      counts.forEach((count, at) => {
        below += count;
        lines.push(`${NAME}_bucket{${labels},le="${BOUNDS[at] ?? "+Inf"}"} ${below}`);
      });
      lines.push(`${NAME}_sum{${labels}} ${seconds.toFixed(6)}`, `${NAME}_count{${labels}} ${below}`);
    }
    return lines.join("\n") + "\n";
  };
  const escaped = (label) => label.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
  const count = (request, status, took) => {
    const method = METHODS.has(request.method) ? request.method : "OTHER";
    // The route's pattern, never the path: no client decides how many series there are.
    const route = request.route ? `${request.baseUrl ?? ""}${request.route.path}` : "(unmatched)";
    const labels = `method="${method}",route="${escaped(route)}",status="${status}"`;
    if (!series.has(labels)) series.set(labels, { counts: new Array(BOUNDS.length + 1).fill(0), seconds: 0 });
    const one = series.get(labels);
    const at = BOUNDS.findIndex((bound) => took <= bound);
    one.counts[at < 0 ? BOUNDS.length : at] += 1;
    one.seconds += took;
    if (took > slow) {
      log[took > tooSlow ? "error" : "warn"](`${method} ${route} took ${(took * 1000).toFixed(0)} ms (status ${status})`);
    }
  };
  return (request, response, next) => {
    if (path && request.path === path && request.method === "GET") {
      response.setHeader("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
      response.end(text());
      return;
    }
    const begun = process.hrtime.bigint();
    const took = () => Number(process.hrtime.bigint() - begun) / 1e9;
    const { writeHead } = response;
    response.writeHead = function (...given) {
      const before = response.getHeader("Server-Timing");
      response.setHeader("Server-Timing", [].concat(before ?? [], `app;dur=${(took() * 1000).toFixed(3)}`));
      response.setHeader("X-Process-Time", took().toFixed(6));
      return writeHead.apply(this, given);
    };
    // To the end of the body, and also where the client has gone.
    response.on("close", () => count(request, response.statusCode, took()));
    next();
  };
};

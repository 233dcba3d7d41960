"use strict";
// Everything shown is set as text: nothing that a database or a browser told becomes markup.
const el = (name, attributes = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
};
const svg = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const ms = (value) => value === null || value === undefined ? "–"
  : value >= 1000 ? `${(value / 1000).toFixed(2)} s` : value >= 100 ? `${value.toFixed(0)} ms`
  : value >= 1 ? `${value.toFixed(1)} ms` : `${value.toFixed(3)} ms`;
const percent = (value) => value === null || value === undefined ? "–" : `${(value * 100).toFixed(1)} %`;
const bytes = (value) => {
  if (value === null || value === undefined) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) { value /= 1024; at += 1; }
  return `${at === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${units[at]}`;
};
const number = (value) => value === null || value === undefined ? "–" : Math.round(value).toLocaleString("en");
const shown = (value, unit) => unit === "ratio" ? percent(value) : ms(value);
const ago = (then) => {
  const seconds = Math.max(0, (Date.now() - Date.parse(then)) / 1000);
  return seconds < 90 ? `${seconds.toFixed(0)} s` : seconds < 5400 ? `${(seconds / 60).toFixed(0)} min`
    : seconds < 129600 ? `${(seconds / 3600).toFixed(0)} h` : `${(seconds / 86400).toFixed(0)} d`;
};

// A line through what was measured, shades where nothing was, and the budget where it is in sight.
const trend = (points, limit, label) => {
  const known = points.filter((point) => point !== null);
  if (known.length < 2) return null;
  const top = Math.max(...known, limit && limit < Math.max(...known) * 4 ? limit : 0) || 1;
  const x = (at) => at / (points.length - 1) * 100;
  const y = (value) => 30 - value / top * 28;
  const chart = svg("svg", { class: "trend", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label });
  let path = "", broken = true;
  points.forEach((point, at) => {
    if (point === null) {
      chart.append(svg("rect", { class: "gap", x: x(Math.max(at - .5, 0)), y: 0, width: 100 / (points.length - 1), height: 30 }));
    } else {
      path += `${broken ? "M" : "L"}${x(at).toFixed(2)} ${y(point).toFixed(2)}`;
    }
    broken = point === null;
  });
  chart.append(svg("path", { d: path }));
  if (limit && limit <= top) chart.append(svg("path", { class: "limit", d: `M0 ${y(limit)}L100 ${y(limit)}` }));
  return chart;
};
const STATES = { within: "within budget", over: "over budget", unknown: "not measured", down: "down" };
const card = (reading) => el("article", { class: `card ${reading.state}` },
  el("p", { class: "dim" }, `${reading.scope}: ${reading.what}`),
  el("p", { class: "subject" }, reading.subject),
  el("p", { class: "value" }, shown(reading.value, reading.unit)),
  el("p", {}, el("span", { class: "state" }, STATES[reading.state]), ` (budget ${shown(reading.budget, reading.unit)})`),
  reading.note && el("p", { class: "dim" }, reading.note),
  trend(reading.trend, reading.budget, `trend of ${reading.what}`));
const tiles = (pairs) => el("dl", { class: "tiles" },
  ...pairs.map(([title, value, chart]) => el("div", {}, el("dt", {}, title), el("dd", {}, value), chart)));
// Columns: [title, isNumber, of].
const table = (rows, columns, none) => rows.length === 0 ? el("p", { class: "dim" }, none)
  : el("div", { class: "scroll", tabindex: "0" }, el("table", {},
    el("thead", {}, el("tr", {}, ...columns.map(([title, numeric]) => el("th", { class: numeric && "number", scope: "col" }, title)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...columns.map(([, numeric, of]) => el("td", { class: numeric && "number" }, of(row))))))));

const status = (database) => {
  const { state, since, error } = database.status;
  if (state === "waiting") return el("p", { class: "waiting" }, "not asked yet");
  return el("p", {}, el("span", { class: state }, `${state} for ${ago(since)}`),
    error ? `: ${error}` : null,
    database.latest && state === "down" ? el("span", { class: "dim" }, ` What follows is ${ago(database.latest.taken_at)} old.`) : null,
    database.gaps ? el("span", { class: "dim" }, ` ${database.gaps} gaps within the last day.`) : null);
};
const showDatabase = (database) => {
  const section = el("section", { class: "database" }, el("h2", {}, `Database ${database.name}`), status(database));
  const latest = database.latest;
  if (!latest) return section;
  const { total, max, by_state: states } = latest.connections;
  section.append(
    el("p", { class: "dim" }, `PostgreSQL ${latest.server_version}, ${latest.database}; read ${ago(latest.taken_at)} ago in ${ms(database.collect_ms)}`),
    tiles([
      ["size", bytes(latest.size_bytes), trend(database.trends.size_bytes, 0, "size over the day")],
      ["connections", max ? `${total} of ${max}` : `${total}`, trend(database.trends.connections, 0, "connections over the day")],
      ...Object.entries(states).map(([state, count]) => [state, `${count}`]),
      ["cache hits", percent(latest.cache_hit_ratio)],
      ["commits/s", latest.commits_per_s === null ? "–" : latest.commits_per_s.toFixed(1), trend(database.trends.commits_per_s, 0, "commits over the day")],
    ]),
    el("h3", {}, "Queries over budget"),
    table(latest.slow_queries, [
      ["query", false, (row) => el("code", {}, row.text)],
      ["lately", true, (row) => ms(row.recent_mean_ms)],
      ["mean", true, (row) => ms(row.mean_ms)],
      ["max", true, (row) => ms(row.max_ms)],
      ["calls", true, (row) => number(row.calls)],
    ], latest.statements_known ? "None." : "Not known: pg_stat_statements cannot be read."),
    el("h3", {}, "Tables growing fastest"),
    table(latest.growing, [
      ["table", false, (row) => `${row.schema}.${row.table}`],
      ["grew by", true, (row) => bytes(row.growth_bytes)],
      ["per day", true, (row) => row.over_s > 0 ? bytes(row.growth_bytes / row.over_s * 86400) : "–"],
      ["size", true, (row) => bytes(row.total_bytes)],
    ], "None grew while dbaudit was looking."),
    el("h3", {}, `Findings (${latest.findings_total})`),
    table(latest.findings, [
      ["severity", false, (row) => el("span", { class: row.severity === "error" ? "error" : "" }, row.severity)],
      ["check", false, (row) => row.check],
      ["subject", false, (row) => row.subject],
      ["finding", false, (row) => row.message],
    ], "Nothing to object to in what could be judged."));
  if (latest.skipped.length > 0) {
    section.append(el("h3", {}, "Not judged"), table(latest.skipped, [
      ["check", false, (row) => row.check], ["reason", false, (row) => row.reason]], ""));
  }
  return section;
};

const show = (overview) => {
  const put = (id, ...children) => document.getElementById(id).replaceChildren(...children);
  put("budgets", ...overview.budgets.map(card));
  put("databases", ...overview.databases.map(showDatabase));
  put("pages", table(overview.vitals.pages, [
    ["page", false, (row) => row.page], ["loads", true, (row) => number(row.loads)],
    ["load p75", true, (row) => ms(row.load_p75_ms)], ["TTFB p75", true, (row) => ms(row.ttfb_p75_ms)],
    ["LCP p75", true, (row) => ms(row.lcp_p75_ms)], ["INP p75", true, (row) => ms(row.inp_p75_ms)],
    ["CLS p75", true, (row) => row.cls_p75 === null ? "–" : row.cls_p75.toFixed(3)],
    ["errors", true, (row) => number(row.errors)], ["interactions", true, (row) => number(row.interactions)],
  ], "No page has told of itself yet. Include /vitals.js in one."));
  put("endpoints", table(overview.vitals.endpoints, [
    ["endpoint", false, (row) => row.endpoint], ["calls", true, (row) => number(row.calls)],
    ["p50", true, (row) => ms(row.p50_ms)], ["p95", true, (row) => ms(row.p95_ms)],
    ["over budget", true, (row) => number(row.slow)], ["failed", true, (row) => number(row.failed)],
  ], "No page has told of a call yet."));
  put("apis", ...overview.apis.flatMap((api) => [
    el("h3", {}, api.name), api.error ? el("p", { class: "down" }, api.error) : null,
    table(api.endpoints, [
      ["endpoint", false, (row) => row.endpoint], ["requests", true, (row) => number(row.calls)],
      ["p50", true, (row) => ms(row.p50_ms)], ["p95", true, (row) => ms(row.p95_ms)],
      ["over budget", true, (row) => number(row.slow)], ["failed", true, (row) => number(row.failed)],
    ], "No request since it is watched."),
  ].filter(Boolean)));
  document.getElementById("apis").parentElement.hidden = overview.apis.length === 0;
  const { requests, process, host } = overview;
  put("host", host.skipped ? el("p", { class: "dim" }, `Not seen: ${host.skipped}.`) : tiles([
    ["of", `the ${host.scope} that dbaudit runs in`],
    ...host.memory ? [["memory", `${bytes(host.memory.used_bytes)} of ${bytes(host.memory.limit_bytes)}`]] : [],
    ...host.cpu ? [["CPU", `${percent(host.cpu.ratio)} of ${host.cpu.cpus}`]] : [],
    ...host.throttled ? [["throttled", percent(host.throttled.ratio)]] : [],
    ...host.disks.map((disk) => [`disk ${disk.path}`, `${bytes(disk.used_bytes)} of ${bytes(disk.total_bytes)}`]),
  ]));
  put("own", tiles([
    ["requests", number(requests.total)], ["per minute", number(requests.per_minute)], ["errors", number(requests.errors)],
    ["average", ms(requests.average_ms)], ["slowest", ms(requests.max_ms)],
    ["memory", bytes(process.resident_bytes)], ["CPU", process.cpu_s === null ? "–" : `${process.cpu_s.toFixed(1)} s`],
    ["beacons", number(overview.vitals.beacons)], ["refused", number(overview.vitals.refused)], ["up for", ago(process.started_at)],
  ]));
};

let wait = 5000;
const refresh = async () => {
  const live = document.getElementById("live");
  try {
    const response = await fetch("/api/overview");
    if (response.status === 401) { location.reload(); return; }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const overview = await response.json();
    // What a reader has selected or scrolled to is not torn away.
    const at = [...document.querySelectorAll(".scroll")].map((box) => [box.scrollTop, box.scrollLeft]);
    if (String(getSelection()) === "") show(overview);
    document.querySelectorAll(".scroll").forEach((box, n) => { if (at[n]) [box.scrollTop, box.scrollLeft] = at[n]; });
    wait = Math.min(5000, Math.max(1000, overview.interval_s * 1000));
    live.textContent = `live: as of ${new Date(overview.taken_at).toLocaleTimeString()}`;
    live.className = "dim";
  } catch (error) {
    live.textContent = `not live: ${error.message}`;
    live.className = "error";
  }
  setTimeout(refresh, document.hidden ? wait * 4 : wait);
};
refresh();

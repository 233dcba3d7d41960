"use strict";
// Everything is set as text: nothing from a database or a browser becomes markup.
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
const score = (value) => value === null || value === undefined ? "–" : value.toFixed(3);
const shown = (value, unit) => unit === "ratio" ? percent(value) : unit === "score" ? score(value) : ms(value);
const counted = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;
const ago = (then) => {
  const seconds = Math.max(0, (Date.now() - Date.parse(then)) / 1000);
  return seconds < 90 ? `${seconds.toFixed(0)} s` : seconds < 5400 ? `${(seconds / 60).toFixed(0)} min`
    : seconds < 129600 ? `${(seconds / 3600).toFixed(0)} h` : `${(seconds / 86400).toFixed(0)} d`;
};

// A line through the measured values, shaded gaps, and the budget if it is in range.
const trend = (points, limit, label) => {
  const known = points.filter((point) => point !== null);
  if (known.length < 2) return null;
  const top = Math.max(...known, limit && limit < Math.max(...known) * 4 ? limit : 0) || 1;
  const x = (at) => at / (points.length - 1) * 100;
  const y = (value) => 30 - value / top * 28;
  const chart = svg("svg", { class: "trend", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img", "aria-label": label });
  const begun = points.findIndex((point) => point !== null);
  let path = "", broken = true;
  points.forEach((point, at) => {
    if (point !== null) path += `${broken ? "M" : "L"}${x(at).toFixed(2)} ${y(point).toFixed(2)}`;
    else if (at > begun) chart.append(svg("rect", { class: "gap", x: x(at - .5), y: 0, width: x(at + .5 > points.length - 1 ? .5 : 1), height: 30 }));
    broken = point === null;
  });
  chart.append(svg("path", { d: path }));
  if (limit && limit <= top) chart.append(svg("path", { class: "limit", d: `M0 ${y(limit)}L100 ${y(limit)}` }));
  return chart;
};
const tiles = (pairs) => el("dl", { class: "tiles" },
  ...pairs.map(([title, value, chart]) => el("div", {}, el("dt", {}, title), el("dd", {}, value, chart))));
// Columns: [title, isNumber, of]. The key identifies the table across refreshes.
const table = (key, rows, columns, none) => rows.length === 0 ? el("p", { class: "dim" }, none)
  : el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": key, "data-key": `table ${key}` }, el("table", {},
    el("thead", {}, el("tr", {}, ...columns.map(([title, numeric]) => el("th", { class: numeric && "number", scope: "col" }, title)))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...columns.map(([, numeric, of]) => el("td", { class: numeric && "number" }, of(row))))))));
const more = (key, kind, open, summary, ...content) => el("details", { class: kind, open: open && "open" },
  el("summary", { "data-key": key }, ...summary), ...content);

const STATES = { within: "within budget", over: "over budget", unknown: "not measured", down: "down" };
const what = (reading) => `${reading.scope}: ${reading.what}`;
const card = (reading) => el("article", { class: `card ${reading.state}` },
  el("p", { class: "dim" }, what(reading)),
  el("p", { class: "subject" }, reading.subject),
  el("p", {}, reading.state === "down" ? null : el("span", { class: "value" }, shown(reading.value, reading.unit)),
    el("span", { class: "state" }, STATES[reading.state]), el("span", { class: "limit" }, `${reading.state === "down" ? "(budget " : "of "}${shown(reading.budget, reading.unit)}${reading.state === "down" ? ")" : ""}`)),
  reading.note && el("p", { class: "dim" }, reading.note),
  trend(reading.trend, reading.budget, `trend of ${reading.what}`));
const met = (reading) => el("li", {},
  el("div", {}, el("div", { class: "subject" }, reading.what), el("div", { class: "dim" }, `${reading.scope}: ${reading.subject}`, reading.note ? `; ${reading.note}` : null)),
  trend(reading.trend, reading.budget, `trend of ${reading.what}`) || el("span"),
  el("div", { class: "figure" }, el("div", { class: reading.state }, reading.value === null ? "not measured" : shown(reading.value, reading.unit)),
    el("div", { class: "dim" }, `of ${shown(reading.budget, reading.unit)}`)));
const showBudgets = (readings) => {
  const broken = readings.filter(({ state }) => state === "over" || state === "down");
  const others = readings.filter((reading) => !broken.includes(reading));
  return [broken.length ? el("div", { class: "cards" }, ...broken.map(card)) : null,
    others.length ? el("ul", { class: "met" }, ...others.map(met)) : null].filter(Boolean);
};

// The worst first; only a few are open, the others are behind a click.
const SEVERITIES = ["error", "warning", "info"];
const SHOWN = 5;
const finding = ({ database, severity, check, subject, message, remedy, mended_by: mendedBy }, several) => {
  const key = `finding ${database} ${check} ${subject} ${message}`;
  return more(key, `finding ${severity}`, false,
    [el("span", { class: "severity" }, severity), el("span", { class: "subject" }, subject), `: ${message}`, several ? el("span", { class: "dim" }, ` (${database})`) : null],
    el("p", { class: "dim" }, `Check ${check}, database ${database}; `, el("code", {}, `dbaudit explain ${check}`), " says why it matters."),
    remedy ? el("div", { class: "remedy" }, el("pre", {}, el("code", {}, remedy)), el("button", { class: "copy", type: "button", "data-key": `copy ${key}` }, "Copy"))
      : el("p", {}, mendedBy ? `The remedy of ${mendedBy} fixes this too.` : "No single statement fixes it."));
};
const showFindings = (databases) => {
  const asked = databases.filter((database) => database.latest);
  if (!asked.length) return [el("p", { class: "dim" }, "No database has been read yet.")];
  const all = asked.flatMap((database) => database.latest.findings.map((one) => ({ database: database.name, ...one })));
  all.sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  const left = asked.reduce((sum, database) => sum + database.latest.findings_total - database.latest.findings.length, 0);
  const first = all.findIndex(({ severity }, at) => at >= SHOWN || severity === "info");
  const [top, rest] = first < 0 ? [all, []] : [all.slice(0, first), all.slice(first)];
  const one = (found) => finding(found, databases.length > 1);
  const counts = SEVERITIES.map((severity) => [rest.filter((one) => one.severity === severity).length, severity]);
  return [
    ...top.map(one),
    top.length ? null : el("p", { class: "dim" }, "No errors or warnings among what could be judged."),
    rest.length ? more("findings, the others", "", false, [`${counts.filter(([count]) => count).map(([count, severity]) => counted(count, severity)).join(", ")}${top.length ? " more" : ""}`], ...rest.map(one)) : null,
    left ? el("p", { class: "dim" }, `${counted(left, "finding is", "findings are")} only in the report.`) : null,
  ].filter(Boolean);
};

const status = ({ state, since }) => state === "waiting" ? "not read yet" : `${state} for ${ago(since)}`;
const showDatabase = (database, several) => {
  const { status: is, latest, name, trends } = database;
  const { total, max, by_state: states } = latest ? latest.connections : {};
  const connections = max ? `${total} of ${max}` : `${total}`;
  return more(`database ${name}`, "database", !several || is.state === "down",
    [el("strong", {}, name), el("span", { class: is.state }, status(is)), ...latest ? [
      el("span", { class: "dim" }, `PostgreSQL ${latest.server_version}`), el("span", { class: "dim" }, bytes(latest.size_bytes)),
      el("span", { class: "dim" }, `${connections} connections`)] : []],
    is.error ? el("p", { class: "down" }, is.error) : null,
    latest && is.state === "down" ? el("p", { class: "dim" }, `The figures below are ${ago(latest.taken_at)} old.`) : null,
    database.gaps ? el("p", { class: "dim" }, `${counted(database.gaps, "gap")} in the last day.`) : null,
    ...latest ? details(database, latest, connections, states, trends) : []);
};
const details = ({ name, collect_ms: took }, latest, connections, states, trends) => [
  el("p", { class: "dim" }, `Database ${latest.database}; read ${ago(latest.taken_at)} ago in ${ms(took)}`),
  tiles([
    ["size", bytes(latest.size_bytes), trend(trends.size_bytes, 0, "size over the day")],
    ["connections", connections, trend(trends.connections, 0, "connections over the day")],
    ...Object.entries(states).map(([state, count]) => [state, `${count}`]),
    ["cache hits", percent(latest.cache_hit_ratio)],
    ["commits/s", latest.commits_per_s === null ? "–" : latest.commits_per_s.toFixed(1), trend(trends.commits_per_s, 0, "commits over the day")],
  ]),
  el("h3", {}, "Queries over budget"),
  table(`queries over budget, ${name}`, latest.slow_queries, [
    ["query", false, (row) => el("code", {}, row.text)],
    ["recent mean", true, (row) => ms(row.recent_mean_ms)],
    ["mean", true, (row) => ms(row.mean_ms)],
    ["max", true, (row) => ms(row.max_ms)],
    ["calls", true, (row) => number(row.calls)],
  ], latest.statements_known ? "None." : "Unknown: pg_stat_statements cannot be read."),
  el("h3", {}, "Tables growing fastest"),
  table(`tables growing fastest, ${name}`, latest.growing, [
    ["table", false, (row) => `${row.schema}.${row.table}`],
    ["grew by", true, (row) => bytes(row.growth_bytes)],
    ["per day", true, (row) => row.over_s > 0 ? bytes(row.growth_bytes / row.over_s * 86400) : "–"],
    ["size", true, (row) => bytes(row.total_bytes)],
  ], "None grew while dbaudit was watching."),
  ...latest.skipped.length ? [el("h3", {}, "Not judged"), table(`not judged, ${name}`, latest.skipped, [
    ["check", false, (row) => row.check], ["reason", false, (row) => row.reason]], "")] : [],
];

// Over the budget, and beyond what web.dev calls poor.
const POOR = { load: Infinity, lcp: 4000, inp: 500, cls: 0.25 };
const judged = (value, budget, poor, show) => {
  if (value === null) return "–";
  const state = value <= budget ? "good" : value <= poor ? "fair" : "poor";
  return el("span", { class: state }, show(value), state === "good" ? null : ` ${poor === Infinity || state === "fair" ? "over" : "poor"}`);
};
const showPages = (pages, { load_ms: load, lcp_ms: lcp, inp_ms: inp, cls }) => table("pages, 75th percentiles", pages, [
  ["page", false, (row) => row.page], ["views", true, (row) => number(row.views)],
  [`load (budget ${ms(load)})`, true, (row) => judged(row.load_p75_ms, load, POOR.load, ms)],
  [`LCP (${ms(lcp)})`, true, (row) => judged(row.lcp_p75_ms, lcp, POOR.lcp, ms)],
  [`INP (${ms(inp)})`, true, (row) => judged(row.inp_p75_ms, inp, POOR.inp, ms)],
  [`CLS (${score(cls)})`, true, (row) => judged(row.cls_p75, cls, POOR.cls, score)],
  ["FCP", true, (row) => ms(row.fcp_p75_ms)], ["TTFB", true, (row) => ms(row.ttfb_p75_ms)],
  ["errors", true, (row) => number(row.errors)], ["interactions", true, (row) => number(row.interactions)],
], "No page views yet. Include /vitals.js in your pages.");
const showEndpoints = (key, calls, endpoints, none) => table(key, endpoints, [
  ["endpoint", false, (row) => row.endpoint], [calls, true, (row) => number(row.calls)],
  ["p50", true, (row) => ms(row.p50_ms)], ["p95", true, (row) => ms(row.p95_ms)],
  ["over budget", true, (row) => number(row.slow)], ["failed", true, (row) => number(row.failed)],
], none);

const show = (overview) => {
  const put = (id, ...children) => document.getElementById(id).replaceChildren(...children);
  const { verdict, databases, vitals, requests, process, host } = overview;
  const sentence = document.getElementById("verdict");
  // Screen readers announce each change.
  if (sentence.textContent !== verdict.sentence) sentence.textContent = verdict.sentence;
  sentence.className = verdict.state;
  document.title = `${verdict.sentence} – dbaudit`;
  put("budgets", ...showBudgets(overview.budgets));
  put("findings", ...showFindings(databases));
  put("databases", ...databases.map((database) => showDatabase(database, databases.length > 1)));
  put("pages", showPages(vitals.pages, overview.page_budgets));
  put("endpoints", showEndpoints("API calls", "calls", vitals.endpoints, "No calls yet."));
  put("apis", ...overview.apis.flatMap((api) => [
    el("h3", {}, api.name), api.error ? el("p", { class: "down" }, api.error) : null,
    showEndpoints(`requests, ${api.name}`, "requests", api.endpoints, "No requests since dbaudit started watching."),
  ].filter(Boolean)));
  document.getElementById("apis").parentElement.hidden = overview.apis.length === 0;
  put("host", host.skipped ? el("p", { class: "dim" }, `Not available: ${host.skipped}.`) : tiles([
    ["scope", `the ${host.scope} that dbaudit runs in`],
    ...host.memory ? [["memory", `${bytes(host.memory.used_bytes)} of ${bytes(host.memory.limit_bytes)}`]] : [],
    ...host.cpu ? [["CPU", `${percent(host.cpu.ratio)} of ${host.cpu.cpus}`]] : [],
    ...host.throttled ? [["throttled", percent(host.throttled.ratio)]] : [],
    ...host.disks.map((disk) => [`disk ${disk.path}`, `${bytes(disk.used_bytes)} of ${bytes(disk.total_bytes)}`]),
  ]));
  put("own", tiles([
    ["requests", number(requests.total)], ["per minute", number(requests.per_minute)], ["errors", number(requests.errors)],
    ["average", ms(requests.average_ms)], ["slowest", ms(requests.max_ms)],
    ["memory", bytes(process.resident_bytes)], ["CPU", process.cpu_s === null ? "–" : `${process.cpu_s.toFixed(1)} s`],
    ["beacons", number(vitals.beacons)], ["rejected", number(vitals.refused)], ["uptime", ago(process.started_at)],
  ]));
};
// Open sections stay open; focus and scroll positions are kept.
const keeping = (work) => {
  const keyed = (what = "") => [...document.querySelectorAll(`${what}[data-key]`)];
  const key = (element) => element?.dataset?.key;
  const open = new Map(keyed("summary").map((one) => [key(one), one.parentElement.open]));
  const scrolled = new Map(keyed(".scroll").map((box) => [key(box), [box.scrollLeft, box.scrollTop]]));
  const focused = key(document.activeElement);
  work();
  keyed("summary").forEach((one) => { if (open.has(key(one))) one.parentElement.open = open.get(key(one)); });
  keyed(".scroll").forEach((box) => { if (scrolled.has(key(box))) box.scrollTo(...scrolled.get(key(box))); });
  if (focused) keyed().find((one) => key(one) === focused)?.focus({ preventScroll: true });
};

let wait = 5000;
const refresh = async () => {
  const live = document.getElementById("live");
  try {
    const response = await fetch("/api/overview");
    if (response.status === 401) { location.reload(); return; }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const overview = await response.json();
    // A selection is not disturbed.
    if (String(getSelection()) === "") keeping(() => show(overview));
    wait = Math.min(5000, Math.max(1000, overview.interval_s * 1000));
    live.textContent = `live: as of ${new Date(overview.taken_at).toLocaleTimeString()}`;
    live.className = "dim";
  } catch (error) {
    live.textContent = `not live: ${error.message}`;
    live.className = "error";
    document.getElementById("verdict").className = "unknown";
    document.title = "not live – dbaudit";
  }
  setTimeout(refresh, document.hidden ? wait * 4 : wait);
};
refresh();

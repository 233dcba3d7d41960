// dbaudit: what this page takes. Include it first: <script src="https://…/vitals.js" crossorigin></script>. No
// cookie, no content and no query string is sent, and whatever fails in here fails silently.
(function () {
  try {
    var w = window, d = document, perf = w.performance, script = d.currentScript;
    if (w.__dbaudit || !script || !perf || !navigator.sendBeacon) return;
    w.__dbaudit = 1;
    var to = new URL("vitals", script.src).href, page = location.pathname;
    var lcp, cls = 0, sum = 0, first = 0, last = 0, slow = [], load, told, ended, timer;
    var errors = 0, acts = 0, fetches = [];
    var safe = function (work) {
      return function (x) { try { work(x); } catch (e) {} };
    };
    var watch = function (type, work) {
      safe(function () {
        new PerformanceObserver(safe(function (list) { list.getEntries().forEach(work); }))
          .observe({ type: type, buffered: true, durationThreshold: 40 });
      })();
    };
    watch("largest-contentful-paint", function (e) { lcp = e.startTime; });
    // CLS: the worst window of shifts, a second apart at most and five long.
    watch("layout-shift", function (e) {
      var at = e.startTime;
      if (e.hadRecentInput) return;
      if (at - last > 1000 || at - first > 5000) { sum = 0; first = at; }
      last = at;
      cls = Math.max(cls, sum += e.value);
    });
    // INP: the slowest interaction, but for one in fifty.
    watch("event", function (e) {
      var id = e.interactionId;
      if (!id) return;
      var known = slow.filter(function (s) { return s.id === id; })[0];
      if (!known) slow.push(known = { id: id, ms: 0 });
      known.ms = Math.max(known.ms, e.duration);
      slow.sort(function (a, b) { return b.ms - a.ms; });
      slow.splice(10);
    });
    var flush = safe(function (event) {
      clearTimeout(timer);
      timer = 0;
      var some = errors || acts || fetches.length;
      var body = { page: page, errors: errors, interactions: acts, fetches: fetches };
      if (load && !told) {
        body.load = load.loadEventEnd;
        body.ttfb = load.responseStart;
        some = told = 1;
      }
      if (event && !ended && (d.visibilityState === "hidden" || event.type === "pagehide")) {
        body.lcp = lcp;
        body.cls = cls;
        if (slow[0]) body.inp = slow[Math.min(slow.length - 1, acts / 50 | 0)].ms;
        some = ended = 1;
      }
      if (!some) return;
      errors = acts = 0;
      fetches = [];
      navigator.sendBeacon(to, JSON.stringify(body));
    });
    var due = function () { timer = timer || setTimeout(flush, 3000); };
    var on = function (target, type, work) { target.addEventListener(type, safe(work), true); };
    var err = function () { errors++; due(); };
    var act = function () { acts++; due(); };
    on(w, "load", function () {
      setTimeout(safe(function () { load = perf.getEntriesByType("navigation")[0]; due(); }));
    });
    on(w, "error", err);
    on(w, "unhandledrejection", err);
    on(w, "click", act);
    on(w, "keydown", act);
    on(d, "visibilitychange", flush);
    on(w, "pagehide", flush);
    var real = w.fetch;
    // Without `crossorigin` a browser tells nobody of a rejection that passes through here: then calls are let be.
    if (real && (script.crossOrigin !== null || !to.indexOf(location.origin))) w.fetch = function (input, init) {
      var begun = perf.now(), answer = real.apply(this, arguments);
      var done = safe(function (status) {
        var url = new URL(input.url || input, d.baseURI), o = url.origin === location.origin;
        if (fetches.length < 50) fetches.push({
          m: String((init && init.method) || input.method || "GET").slice(0, 8),
          u: ((o ? "" : url.host) + url.pathname).slice(0, 200),
          s: status,
          d: perf.now() - begun
        });
        due();
      });
      // The page's own promise: what it does not catch stays uncaught.
      return answer.then(function (r) { done(r.status); return r; }, function (e) { done(0); throw e; });
    };
  } catch (e) {}
})();

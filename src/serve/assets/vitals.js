// dbaudit: what this page takes. Include it first: <script src="https://…/vitals.js" crossorigin></script>. No
// cookie, no content and no query string is sent, and whatever fails in here fails silently. Page views and their
// figures are those of Google's `web-vitals` 6: a test holds the two side by side in a browser.
//
// What is served is `vitals.min.js`, made of this by `tests/support/web/minify`.
(() => {
  try {
    const w = window, d = document, perf = w.performance, script = d.currentScript;
    if (w.__dbaudit || !script || !perf || !navigator.sendBeacon) return;
    w.__dbaudit = 1;
    const to = new URL("vitals", script.src).href, home = location.origin;
    // `hard`: the view that the document was loaded, or restored, for; `view`: where its routes have led since.
    let hard, view, begun, ready, painted, final, soft, timer;
    // When nobody saw the page for the first time: what was painted or loaded later is void.
    let hidden = Infinity;
    // The slowest interactions, and how many there were before this view. The running window of shifts.
    let slow, before, sum, first, last;
    let lowest = Infinity, highest = 0;
    const drains = [], calls = [], told = new WeakMap();
    const safe = (work) => (x) => { try { return work(x); } catch {} };
    const on = (target, type, work) => target.addEventListener(type, safe(work), true);
    const now = () => perf.now();
    const path = () => location.pathname.slice(0, 500);
    const unseen = () => d.visibilityState === "hidden";
    const look = () => { hidden = unseen() ? 0 : Infinity; };
    // `drained` entries count even where the browser has not handed them out yet.
    const watch = (types, work, drained, least) => {
      const watcher = new PerformanceObserver(safe((list) => list.getEntries().forEach(work)));
      types.forEach(safe((type) => watcher.observe({ type, buffered: true, durationThreshold: least })));
      if (drained) drains.push(() => watcher.takeRecords().forEach(work));
    };
    const drain = () => drains.forEach(safe((take) => take()));
    const navigation = () => {
      const e = perf.getEntriesByType("navigation")[0];
      return e?.responseStart > 0 && e.responseStart < now() ? e : {};
    };
    // A prerendered page's time begins when it is shown.
    const activation = () => navigation().activationStart || 0;
    const since = (at) => Math.max(at - activation(), 0);
    // Where the browser does not count interactions: their numbers go up by seven.
    const counted = () => perf.interactionCount || (highest && (highest - lowest) / 7 + 1);
    const start = () => {
      slow = [];
      sum = first = last = 0;
      before = begun ? counted() : 0;
      view = { v: Math.random().toString(36).slice(2), page: path(), errors: 0, interactions: 0, more: 0, fetches: [] };
      told.set(view, JSON.stringify(view));
    };
    const send = (it) => {
      const text = JSON.stringify(it);
      if (text === told.get(it)) return;
      // The browser's queue may be full.
      if (!navigator.sendBeacon(to, text)) return due();
      it.errors = it.interactions = it.more = 0;
      it.fetches = [];
      told.set(it, JSON.stringify(it));
    };
    const flush = safe(() => {
      clearTimeout(timer);
      timer = 0;
      if (!begun) return;
      drain();
      const n = counted() - before, inp = slow[Math.min(slow.length - 1, n / 50 | 0)];
      // A document's very first interaction has an entry however quick it was; those of later views have not.
      if (inp || (n && soft)) view.inp = inp ? inp.ms : 8;
      if (painted) view.cls = view.cls || 0;
      send(view);
      send(hard);
    });
    const due = () => { timer = timer || setTimeout(flush, 3000); };
    const begin = () => {
      look();
      perf.getEntriesByType("visibility-state").some((e) =>
        e.name === "hidden" && e.startTime >= activation() && (hidden = e.startTime, true));
      begun = 1;
      view.page = path();
      watch(["paint"], (e) => {
        if (e.name !== "first-contentful-paint" || e.startTime >= hidden) return;
        painted = 1;
        hard.fcp = since(e.startTime);
      });
      watch(["largest-contentful-paint"], (e) => {
        if (!final && e.startTime < hidden) hard.lcp = since(e.startTime);
      });
      // CLS: the worst window of shifts, less than a second apart and less than five long.
      watch(["layout-shift"], (e) => {
        const at = e.startTime;
        if (e.hadRecentInput) return;
        if (!sum || at - last >= 1000 || at - first >= 5000) { sum = 0; first = at; }
        last = at;
        sum += e.value;
        view.cls = Math.max(view.cls || 0, sum);
      }, 1);
      // INP: the slowest interaction, but for one in fifty.
      watch(["event", "first-input"], (e) => {
        const id = e.interactionId;
        if (!id) return;
        let one = slow.find((s) => s.id === id);
        if (!one) slow.push(one = { id, ms: 0 });
        one.ms = Math.max(one.ms, e.duration);
        slow.sort((a, b) => b.ms - a.ms);
        slow.splice(10);
      }, 1, 40);
      if (!("interactionCount" in perf)) watch(["event"], (e) => {
        const id = e.interactionId;
        if (id) { lowest = Math.min(lowest, id); highest = Math.max(highest, id); }
      }, 1, 0);
      const loaded = () => setTimeout(safe(() => {
        const e = navigation();
        ready = e.responseStart;
        if (ready) {
          hard.ttfb = since(ready);
          if (e.loadEventEnd < hidden) hard.load = since(e.loadEventEnd);
        }
        due();
      }));
      if (d.readyState === "complete") loaded();
      else on(w, "load", loaded);
    };
    start();
    hard = view;
    if (d.prerendering) on(d, "prerenderingchange", begin);
    else begin();
    const leave = (event) => {
      const ends = event.type === "pagehide";
      if (!begun || !(ends || unseen())) return;
      final = 1;
      if (ends) {
        drain();
        // Also where the browser keeps the page: this view of it does not see them end.
        calls.filter((c) => !c.stays).forEach((c) => finish(c, -1));
        view.end = hard.end = 1;
      } else hidden = Math.min(hidden, event.timeStamp);
      flush();
    };
    on(d, "visibilitychange", leave);
    on(w, "pagehide", leave);
    on(w, "pageshow", (event) => {
      if (!event.persisted) return;
      soft = final = 1;
      start();
      const it = hard = view;
      if (ready) it.ttfb = 0;
      setTimeout(look);
      requestAnimationFrame(() => requestAnimationFrame(() => {
        painted = 1;
        it.fcp = it.lcp = now() - event.timeStamp;
        due();
      }));
    });
    const fault = () => { view.errors++; due(); };
    const input = (event) => {
      view.interactions++;
      due();
      // The browser's entries for paints before it may be under way.
      if (event.isTrusted) (w.requestIdleCallback || setTimeout)(() => { final = 1; }, { timeout: 1000 });
    };
    on(w, "error", fault);
    on(w, "unhandledrejection", fault);
    on(w, "click", input);
    on(w, "keydown", input);
    const wrap = (of, name, by) => safe(() => {
      const real = of[name], ours = by(real);
      ["name", "length"].forEach((key) => Object.defineProperty(ours, key, { value: real[key], configurable: true }));
      of[name] = ours;
    })();
    // A route of a single-page application is a page view of its own.
    const route = safe(() => {
      if (!begun || path() === view.page) return;
      if (view !== hard) view.end = 1;
      flush();
      soft = 1;
      start();
      due();
    });
    if (w.navigation?.currentEntry) on(w.navigation, "currententrychange", route);
    else {
      on(w, "popstate", route);
      ["pushState", "replaceState"].forEach((name) => wrap(history, name, (real) => function () {
        const answer = real.apply(this, arguments);
        route();
        return answer;
      }));
    }
    // `k`: the first letter of what the browser calls its kind. Of too many at once the oldest is told of without its
    // name: it may be a stream that never ends.
    const call = safe(([method, where, k]) => {
      const url = new URL(where, d.baseURI);
      if (url.protocol.indexOf("http")) return;
      const c = {
        k,
        t: now(),
        m: String(method || "GET").toUpperCase(),
        u: ((url.origin === home ? "" : url.host) + url.pathname).slice(0, 200),
        h: url.href.split("#")[0]
      };
      if (calls.push(c) > 100 && calls.shift()) view.more++;
      return c;
    });
    // Once, whatever happens first. Of more than fifty at once, each kind is counted, and a sample of it timed. Status 0:
    // no answer; -1: given up.
    const finish = (c, s) => {
      const at = calls.indexOf(c), { m, u, e } = c;
      if (at < 0) return;
      calls.splice(at, 1);
      c.signal?.removeEventListener("abort", c.given);
      const one = { m, u, s, d: +(e ? e.duration : now() - c.t).toFixed(1) };
      const full = () => view.fetches.length > 49;
      const like = full() ? view.fetches.filter((f) => f.m === m && f.u === u && f.s === s) : [];
      const kept = like[Math.random() * like.length | 0];
      if (kept) {
        kept.n = (kept.n || 1) + 1;
        if (Math.random() * kept.n < 1) kept.d = one.d;
      } else {
        if (full()) flush();
        if (full()) view.more++;
        else view.fetches.push(one);
      }
      due();
    };
    // A call has ended when its body has: the browser's own entry says when that was.
    const settle = (c) => { if (c.s && c.e) finish(c, c.s); };
    watch(["resource"], (e) => {
      const is = (c) => !c.e && c.k === e.initiatorType[0] && c.h === e.name.split("#")[0] && e.startTime > c.t - 2;
      const c = calls.filter(is).pop();
      if (!c) return;
      c.e = e;
      settle(c);
    }, 1);
    // Without `crossorigin` a browser tells nobody of a rejection that passes through here: then `fetch` is let be.
    if (script.crossOrigin !== null || !to.indexOf(home)) wrap(w, "fetch", (real) => function (input, init) {
      const o = init || {}, from = input || {}, c = call([o.method || from.method, from.url || input, "f"]);
      const answer = real.apply(this, arguments);
      if (!c) return answer;
      const failed = safe((e) => finish(c, c.signal?.aborted && e?.name !== "TimeoutError" ? -1 : 0));
      safe(() => {
        c.stays = o.keepalive || from.keepalive;
        c.signal = o.signal || from.signal;
        c.given = () => { drain(); failed(c.signal.reason); };
        c.signal?.addEventListener("abort", c.given);
      })();
      // The page's own promise: what it does not catch stays uncaught. An answer that it may not look into has no status.
      return answer.then((r) => {
        c.s = r.status || 200;
        safe(settle)(c);
        return r;
      }, (e) => {
        failed(e);
        throw e;
      });
    });
    const asked = new WeakMap(), xhr = XMLHttpRequest.prototype;
    wrap(xhr, "open", (real) => function (method, url) {
      const answer = real.apply(this, arguments);
      asked.set(this, [method, url, "x"]);
      return answer;
    });
    wrap(xhr, "send", (real) => function () {
      safe(() => {
        const c = call(asked.get(this));
        asked.set(this, c);
        on(this, "abort", () => finish(c, -1));
        // It may be opened again, for another, before it has ended.
        on(this, "loadend", () => {
          if (asked.get(this) !== c) return;
          c.s = this.status;
          if (c.s) settle(c);
          else finish(c, 0);
        });
      })();
      return real.apply(this, arguments);
    });
  } catch {}
})();

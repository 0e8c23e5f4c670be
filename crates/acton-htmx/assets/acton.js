// What a page needs beside htmx 2 or htmx 4: the CSRF header, errors that stay in their place,
// and live updates that resume. No inline script, no eval.
(() => {
  "use strict";

  const on = (name, listener) => document.addEventListener(name, listener);
  const v4 = htmx.version.startsWith("4");

  // The CSRF token of the page, sent with every unsafe request to this origin.

  const token = () => document.querySelector('meta[name="csrf-token"]');

  function sign(method, url, headers) {
    const safe = /^(get|head|options|query)$/i.test(method);
    const ours = new URL(url, document.baseURI).origin === location.origin;
    if (token() && !safe && ours) headers["X-CSRF-Token"] = token().content;
  }

  on("htmx:configRequest", ({ detail }) => {
    sign(detail.verb, detail.path, detail.headers);
    // htmx 2 writes the fields of a form into the URL of a DELETE.
    if (/^(get|delete)$/.test(detail.verb)) delete detail.parameters["csrf_token"];
  });
  on("htmx:config:request", ({ detail: { ctx: { request } } }) => {
    sign(request.method, request.action, request.headers);
  });

  // A boosted page brings a token of its own, in a head that htmx drops.
  function renew(html) {
    const head = /<head[\s>][\s\S]*?<\/head>/i.exec(html)?.[0] ?? "";
    if (!token() || !head.includes("csrf-token")) return;
    const page = new DOMParser().parseFromString(head, "text/html");
    const fresh = page.querySelector('meta[name="csrf-token"]');
    if (fresh) token().content = fresh.content;
  }

  on("htmx:beforeOnLoad", ({ detail }) => renew(detail.xhr.responseText));
  on("htmx:after:request", ({ detail: { ctx } }) => renew(ctx.text));

  // An error is swapped when the server says where, when it is a form to mend (422), or when it
  // is the page of a boosted link. Any other error leaves the page alone.
  // What an element takes out of its answer is not in an error with a place of its own, so that is
  // shown whole, unless the server says which part.

  function belongs(status, boosted, retarget, reswap) {
    return status < 400 || status === 422 || boosted || retarget || (reswap && reswap !== "none");
  }

  // Errors are seen on a page without a region for them, too.
  function makeRegion(status, selector) {
    if (status < 400 || !/^#[\w-]+$/.test(selector ?? "") || document.querySelector(selector)) return;
    const region = document.createElement("div");
    region.id = selector.slice(1);
    region.setAttribute("role", "alert");
    document.body.prepend(region);
  }

  on("htmx:beforeOnLoad", ({ detail: { xhr } }) => {
    if (xhr.status >= 400) makeRegion(xhr.status, xhr.getResponseHeader("HX-Retarget"));
  });
  // htmx 2 lets nobody overrule what `HX-Location` selects, so that is kept here meanwhile.
  on("htmx:beforeRequest", ({ detail }) => {
    detail.selected = detail.select;
    detail.select = null;
  });
  on("htmx:beforeSwap", ({ detail }) => {
    const { xhr, boosted } = detail;
    if (!xhr) return;
    if (detail.selected) detail.selectOverride = detail.selected;
    if (xhr.status < 400) return;
    const header = (name) => xhr.getResponseHeader(name);
    detail.shouldSwap = Boolean(belongs(xhr.status, boosted, header("HX-Retarget"), header("HX-Reswap")));
    if (header("HX-Retarget")) detail.selectOverride = "unset";
    if (header("HX-Reswap") === "none") detail.ignoreTitle = true;
  });
  on("htmx:before:response", ({ detail: { ctx } }) => {
    const { hx, response: { status }, request } = ctx;
    makeRegion(status, hx.retarget);
    if (status >= 400 && hx.retarget) ctx.select = null;
    if (!belongs(status, request.headers["HX-Boosted"], hx.retarget, hx.reswap)) hx.reswap = "none";
  });
  on("htmx:before:history:update", (event) => {
    const boosted = event.detail.sourceElement?._htmx?.boosted;
    if (event.detail.response?.status >= 400 && !boosted) event.preventDefault();
  });

  // Whether live updates arrive: `data-sse` is `open` or `reconnecting`, on the connected element
  // and on the root of the page.

  function show(element, state) {
    if (state) element.dataset.sse = state;
    else delete element.dataset.sse;
    const elements = [...document.body.querySelectorAll("[data-sse]")];
    const down = elements.some((other) => other.dataset.sse === "reconnecting");
    if (elements.length) document.documentElement.dataset.sse = down ? "reconnecting" : "open";
    else delete document.documentElement.dataset.sse;
  }

  on("htmx:sseOpen", ({ target }) => show(target, "open"));
  on("htmx:sseError", ({ target }) => show(target, "reconnecting"));
  on("htmx:sseClose", ({ target }) => show(target, null));
  on("htmx:sse:after:connection", ({ target }) => show(target, "open"));
  on("htmx:sse:error", ({ target }) => show(target, "reconnecting"));
  on("htmx:sse:close", ({ target }) => show(target, null));
  on("htmx:sse:before:connection", ({ target, detail: { connection } }) => {
    if (connection.isOver) connection.cancelled = true;
    else if (connection.attempt > 0) show(target, "reconnecting");
  });

  // htmx 2 opens a new connection when the browser gives one up, and forgets where it was.
  // The event `close` is the server's last word: nobody asks again, with or without `sse-close`.

  const sources = new Set();

  function connect(url) {
    const lost = [...sources].find((source) => source.base === url && source.readyState === EventSource.CLOSED);
    sources.delete(lost);
    const resumed = new URL(url, document.baseURI);
    if (lost?.last) resumed.searchParams.set("last-event-id", lost.last);
    const source = new EventSource(resumed, { withCredentials: true });
    source.base = url;
    source.last = lost?.last;
    source.close = () => {
      sources.delete(source);
      EventSource.prototype.close.call(source);
    };
    source.addEventListener("close", () => {
      source.close();
      for (const element of document.querySelectorAll("[sse-connect]")) {
        if (element.getAttribute("sse-connect") === url) show(element, null);
      }
    });
    sources.add(source);
    return source;
  }

  if (!v4) {
    htmx.createEventSource = connect;
    on("htmx:sseMessage", ({ detail }) => {
      if (detail.lastEventId && detail.target instanceof EventSource) detail.target.last = detail.lastEventId;
    });
  }

  // htmx 4 swaps messages without a name and knows no `sse-swap`: markup for htmx 2 goes on working.

  function deliver(api, element, detail) {
    const { data, event, id } = detail.message;
    const name = event || "message";
    if (name === "close") detail.connection.isOver = true;
    const connected = (each) => each.closest("[sse-connect], [hx-sse\\:connect]") === element;
    const inside = (selector) => [element, ...element.querySelectorAll(selector)]
      .filter((each) => each.matches(selector) && connected(each));
    for (const each of inside("[sse-swap]")) {
      if (!each.getAttribute("sse-swap").split(",").some((wanted) => wanted.trim() === name)) continue;
      const target = api.attributeValue(each, "hx-target");
      const swap = `${api.attributeValue(each, "hx-swap") ?? htmx.config.defaultSwap} swapEmpty:false`;
      const place = !target || target === "this" ? each : document.querySelector(target);
      detail.waitUntil(htmx.swap({ text: data, target: place, swap, sourceElement: each }));
    }
    for (const each of inside(`[hx-trigger*="sse:${CSS.escape(name)}"]`)) {
      htmx.trigger(each, `sse:${name}`, { data, id }, false);
    }
    if (!event && element.hasAttribute("sse-connect")) detail.cancelled = true;
  }

  // The extension of htmx 4 asks for a stream with every request, and gives up when the first
  // answer is an error. Here only a stream is asked for as one, and it is asked for again.

  const failures = new WeakMap();
  const isStream = (element) => element?.matches?.("[sse-connect], [hx-sse\\:connect]");

  function askAgain(element, url) {
    const failed = failures.get(element) ?? 0;
    failures.set(element, failed + 1);
    show(element, "reconnecting");
    const delay = Math.min(500 * 2 ** failed, 60000) * (0.7 + Math.random() * 0.6);
    setTimeout(() => element.isConnected && htmx.ajax("GET", url, { source: element }), delay);
  }

  // Attributes are inherited as in htmx 2, apart from the connection: one element opens one.
  function withOwnStreams(api) {
    const value = api.attributeValue;
    api.attributeValue = (element, name, fallback, collect, inherit) =>
      value(element, name, fallback, collect, name.startsWith("hx-sse") ? false : inherit);
    return api;
  }

  if (v4) {
    let internal;
    htmx.registerExtension("acton", {
      init: (api) => { internal = withOwnStreams(api); },
      htmx_sse_before_message: (element, detail) => deliver(internal, element, detail),
    });
    on("htmx:config:request", ({ detail: { ctx } }) => {
      const both = ctx.request.headers.Accept === "text/html, text/event-stream";
      if (both) ctx.request.headers.Accept = isStream(ctx.sourceElement) ? "text/event-stream" : "text/html";
    });
    on("htmx:sse:after:connection", ({ target }) => failures.delete(target));
    on("htmx:finally:request", ({ detail: { ctx } }) => {
      const status = ctx.response?.status ?? 503;
      const passing = status >= 500 || status === 429;
      if (isStream(ctx.sourceElement) && !ctx.extensionPromise && passing) askAgain(ctx.sourceElement, ctx.request.action);
    });
  }
})();

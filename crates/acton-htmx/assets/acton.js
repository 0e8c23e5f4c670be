// What a page needs beside htmx 2 or htmx 4: the CSRF header, errors that stay in their place,
// live updates that resume, and one result in both versions. No inline script, no eval.
(() => {
  "use strict";

  const on = (name, listener) => document.addEventListener(name, listener);
  const v4 = htmx.version.startsWith("4");
  let internal; // what htmx gives to extensions

  // The CSRF token of the page, or else of the form, sent with every unsafe request to this origin.

  const token = () => document.querySelector('meta[name="csrf-token"]');

  // The server asks for it with QUERY, too.
  const isSafe = (method) => /^(get|head|options)$/i.test(method);

  function sign(method, url, headers, element, fields) {
    const ours = new URL(url, document.baseURI).origin === location.origin;
    if (isSafe(method) || !ours) return;
    const ofForm = () => element.closest("form")?.querySelector('[name="csrf_token"]')?.value;
    const value = token()?.content ?? fields.get("csrf_token") ?? ofForm();
    if (value) headers["X-CSRF-Token"] = value;
  }

  // Both versions write the fields of a form into the URL of a GET or DELETE.
  const inUrl = (method) => /^(get|delete)$/i.test(method);

  on("htmx:configRequest", ({ detail }) => {
    sign(detail.verb, detail.path, detail.headers, detail.elt, detail.formData);
    if (inUrl(detail.verb)) delete detail.parameters["csrf_token"];
  });
  on("htmx:config:request", ({ detail: { ctx: { request, sourceElement } } }) => {
    sign(request.method, request.action, request.headers, sourceElement, request.body);
    if (inUrl(request.method)) request.body.delete("csrf_token");
  });

  // The last token of the server counts: a login or logout brings a new one, in a head that htmx
  // drops or in a form. What was asked for before the last unsafe request was answered may be of the
  // session before it.
  let changes = 0; // answers of unsafe requests

  function renew(html, method = "GET", since = changes) {
    if (!isSafe(method)) changes += 1;
    else if (token() && since < changes) return;
    if (!/csrf[-_]token/.test(html)) return;
    const page = new DOMParser().parseFromString(html, "text/html");
    const fresh = page.querySelector('meta[name="csrf-token"][content], input[name="csrf_token"][value]');
    if (!fresh) return;
    if (!token()) document.head.append(Object.assign(document.createElement("meta"), { name: "csrf-token" }));
    token().content = fresh.content ?? fresh.value;
  }

  on("htmx:historyCacheMissLoad", ({ detail }) => renew(detail.response));

  // A whole page is wanted where a part of it is taken or the body gives way, as only htmx 4 says, and it
  // says so also of what is put beside the content of the body.
  const replacesBody = (target, swap) =>
    target === document.body && !/^\s*(before|after|append|prepend|delete|none)/.test(swap ?? "");

  // What a request of htmx 4 would lose and one of htmx 2 carries: lists and objects among the
  // values, the fragment of a location, and headers beyond Latin-1.

  const isData = (value) => typeof value === "object" && value !== null && !(value instanceof Blob);

  function spread(body, values) {
    for (const [name, value] of Object.entries(values).filter(([, value]) => isData(value))) {
      body.delete(name);
      for (const item of [value].flat()) body.append(name, isData(item) ? JSON.stringify(item) : item);
    }
  }

  on("htmx:config:request", ({ detail: { ctx } }) => {
    const { request } = ctx;
    spread(request.body, { ...ctx.vals, ...ctx.values });
    const [action, anchor] = request.action.split("#");
    if (anchor) Object.assign(request, { action, anchor });
  });
  on("htmx:before:request", ({ detail: { ctx } }) => {
    const { headers } = ctx.request;
    ctx.since = changes;
    if (!ctx.select && !replacesBody(ctx.target, ctx.swap)) headers["HX-Request-Type"] = "partial";
    for (const [name, value] of Object.entries(headers)) {
      try {
        new Headers({ [name]: value });
      } catch {
        headers[name] = encodeURIComponent(value);
        headers[`${name}-URI-AutoEncoded`] = "true";
      }
    }
  });

  // Where an answer goes. An error is shown where the server says, as a form to mend (422), or, for
  // a boosted link, as the page. Any other error leaves the page alone, and so do a whole page for a
  // place in it, an answer that has no content, and one whose place is not on the page or has left
  // it meanwhile. Events, and parts for other elements, arrive all the same.

  const isPage = (html) => /^<(!doctype|html[\s>])/i.test(html.replace(/^(\s|<!--[\s\S]*?-->)+/, ""));
  const isEmpty = (status) => status === 204 || status === 304;

  function placeOf({ status, html, boosted, wantsPage, retarget, reselect, reswap, isGone }) {
    if (isEmpty(status) || (status >= 400 && reswap === "none")) return "nowhere";
    const fits = retarget === "body" || reselect || (wantsPage && !retarget) || !isPage(html);
    const isPlaced = status < 400 || (fits && (retarget || reswap || status === 422));
    if (isPlaced) return isGone ? "nowhere" : "as asked";
    return boosted ? "page" : "nowhere";
  }

  // What an element takes out of its answer is not in such an error, so it is shown whole, unless
  // the server says which part.
  const isWhole = (status, place, retarget) => status >= 400 && Boolean(retarget || place !== "as asked");

  // The address follows what is shown, unless the server says otherwise.
  const keepsAddress = ({ status, isGone }, boosted) => isEmpty(status) || (status >= 400 ? !boosted : isGone);

  // Errors are seen on a page without a region for them, too.
  function makeRegion(status, selector) {
    const isId = /^#(\\[\da-f]{1,6}\s?|\\.|[\w-]|[^\0-\x7f])+$/i.test(selector ?? "");
    if (status < 400 || !isId || document.querySelector(selector)) return;
    const region = document.createElement("div");
    region.id = selector.slice(1).replace(/\\(?:([\da-f]{1,6})\s?|(.))/gi, (_, code, character) =>
      character ?? String.fromCodePoint(Number.parseInt(code, 16)));
    region.setAttribute("role", "alert");
    document.body.prepend(region);
  }

  // What htmx 2 reads instead of a header.
  function overrule(xhr, names, change) {
    const header = xhr.getResponseHeader.bind(xhr);
    xhr.getResponseHeader = (name) => (names.test(name) ? change(header(name)) : header(name));
  }

  const inJson = (change) => (line) => {
    if (!line?.startsWith("{")) return line;
    try {
      const value = JSON.parse(line);
      change(value);
      return JSON.stringify(value);
    } catch {
      return line;
    }
  };

  // htmx 2 loses an answer with an event for an element that is not there; htmx 4 fires it on the
  // document.
  const reachable = inJson((events) => {
    for (const detail of Object.values(events)) {
      if (detail?.target && !document.querySelector(detail.target)) detail.target = "html";
    }
  });

  // To htmx 2 this `false` says nothing, so it pushes the path for a source that is boosted.
  const unpushed = inJson((location) => {
    if (location.push === false && !location.replace) location.push = "false";
  });

  // htmx 2 fires its events on elements, where nobody hears them once an element has left the page.
  function keepHeard(detail) {
    const { xhr, target, requestConfig: { elt } } = detail;
    if (!target.isConnected) Object.assign(detail, { target: document.body, isGone: true });
    if (elt.isConnected) return;
    const shelter = document.createElement("div");
    shelter.hidden = true;
    shelter.append(elt.getRootNode({ composed: true }));
    document.documentElement.append(shelter);
    xhr.addEventListener("loadend", () => shelter.remove());
  }

  on("htmx:beforeRequest", ({ detail }) => {
    const { xhr, etc, boosted, target, select, requestConfig: { elt } } = detail;
    const inherited = (name) => internal.getClosestAttributeValue(elt, name);
    detail.since = changes;
    detail.wantsPage = !boosted
      && Boolean(select || inherited("hx-select") || replacesBody(target, etc.swapOverride ?? inherited("hx-swap")));
    if (detail.wantsPage) xhr.setRequestHeader("HX-Request-Type", "full;htmx=2");
    // htmx 2 lets nobody overrule what `HX-Location` selects, so that is kept here meanwhile.
    detail.selected = detail.select;
    detail.select = null;
    xhr.addEventListener("readystatechange", () => xhr.readyState === XMLHttpRequest.DONE && keepHeard(detail));
  });
  // To a place on the page that is shown, a browser would only scroll: the page is asked for again.
  function returns(redirect) {
    const url = new URL(redirect ?? "", location.href);
    const page = ({ href }) => href.split("#")[0];
    if (!redirect || !url.hash || page(url) !== page(location)) return false;
    history.replaceState(history.state, "", url);
    location.reload();
    return true;
  }

  on("htmx:beforeOnLoad", (event) => {
    const { detail } = event;
    const { xhr, etc, boosted, requestConfig: { elt, verb } } = detail;
    if (returns(xhr.getResponseHeader("HX-Redirect"))) return event.preventDefault();
    const retarget = xhr.getResponseHeader("HX-Retarget");
    renew(xhr.responseText, verb, detail.since);
    makeRegion(xhr.status, retarget);
    overrule(xhr, /^hx-trigger/i, reachable);
    overrule(xhr, /^hx-location$/i, unpushed);
    if (retarget) {
      detail.retarget = retarget;
      detail.isGone = retarget !== "this" && !internal.querySelectorExt(elt, retarget);
      if (detail.isGone) overrule(xhr, /^hx-retarget$/i, () => "body");
    }
    if (keepsAddress({ status: xhr.status, isGone: detail.isGone }, boosted)) etc.push = "false";
  });
  on("htmx:beforeSwap", ({ detail }) => {
    const { xhr, boosted, wantsPage, retarget, isGone } = detail;
    if (!xhr) return;
    const { status, responseText: html } = xhr;
    const [reselect, reswap] = ["HX-Reselect", "HX-Reswap"].map((name) => xhr.getResponseHeader(name));
    const place = placeOf({ status, html, boosted, wantsPage, retarget, reselect, reswap, isGone });
    if (status >= 400 || place === "nowhere") detail.shouldSwap = true;
    if (detail.selected) detail.selectOverride = detail.selected;
    if (isWhole(status, place, retarget)) {
      detail.selectOverride = "unset";
      detail.etc.selectOOB = "#acton-nothing";
    }
    if (place === "nowhere") detail.swapOverride = "none";
    if (place === "page") Object.assign(detail, { target: document.body, swapOverride: "innerHTML" });
    const { swapStyle } = internal.getSwapSpecification(detail.requestConfig.elt, detail.swapOverride);
    // What is not swapped has no title, scrolls nothing, and takes nothing that it preserves off the page.
    if (swapStyle === "none") {
      Object.assign(detail, { ignoreTitle: true, swapOverride: "none show:none", selectOverride: ":not(*)" });
    }
    // Where there are only parts for other elements, htmx 2 swaps nothing, and so deletes nothing.
    if (swapStyle === "delete") {
      Object.assign(detail, { serverResponse: `${detail.serverResponse}-`, selectOverride: "unset" });
    }
    if (/^(none|delete)$/.test(swapStyle)) overrule(xhr, /^hx-reselect$/i, () => null);
  });

  // htmx 2 looks for the place of a part from the element that asked, also when a part before has
  // taken that off the page.
  on("htmx:partialErrorNoTarget", ({ detail: { template, targetSelector, sourceElement } }) => {
    if (sourceElement.isConnected) return;
    for (const target of document.querySelectorAll(targetSelector)) {
      const swap = internal.getSwapSpecification(template, template.getAttribute("hx-swap"));
      internal.swap(target, template.content.cloneNode(true), swap, { contextElement: target });
    }
  });

  // A page of the history that cannot be had again is loaded as any other, with its error.
  on("htmx:historyCacheMissLoadError", () => location.reload());
  on("htmx:historyCacheMiss", ({ detail: { xhr } }) => xhr.addEventListener("error", () => location.reload()));
  on("htmx:error", ({ detail: { ctx } }) => {
    if (ctx?.request.headers["HX-History-Restore-Request"]) location.reload();
  });

  // htmx 4 waits for ever for a location whose target or source is not on the page; htmx 2 lets it go.
  function isLost({ location }) {
    if (!location?.startsWith("{")) return false;
    const { target, source } = JSON.parse(location);
    return [target, source].some((selector) => selector && !htmx.find(selector));
  }

  on("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    const { hx, response: { status }, request: { headers, method }, text: html } = ctx;
    if (status >= 400 && headers["HX-History-Restore-Request"]) {
      event.preventDefault();
      location.reload();
      return;
    }
    if (returns(hx.redirect)) return event.preventDefault();
    renew(html, method, ctx.since);
    if (isLost(hx)) return event.preventDefault();
    const { retarget, reselect, reswap } = hx;
    const boosted = headers["HX-Boosted"];
    const wantsPage = headers["HX-Request-Type"] === "full" && !boosted;
    makeRegion(status, retarget);
    const isGone = retarget ? !htmx.find(ctx.sourceElement, retarget)?.isConnected : ctx.target?.isConnected === false;
    ctx.response.isGone = isGone;
    const place = placeOf({ status, html, boosted, wantsPage, retarget, reselect, reswap, isGone });
    if (retarget === "this") hx.retarget = ctx.sourceElement;
    if (isWhole(status, place, retarget)) Object.assign(ctx, { select: null, selectOOB: null });
    if (place === "nowhere") Object.assign(hx, { retarget: "body", reswap: "none" });
    if (place === "page") Object.assign(hx, { retarget: "body", reswap: "innerHTML" });
  });
  on("htmx:before:history:update", (event) => {
    const { response, sourceElement } = event.detail;
    const says = (name) => response.headers.has(name);
    if (!response || says("HX-Push-Url") || says("HX-Replace-Url")) return;
    if (keepsAddress(response, sourceElement?._htmx?.boosted)) event.preventDefault();
  });
  // As in htmx 2, a part of the answer that is not in it leaves the target alone beside other parts.
  on("htmx:before:swap", ({ detail: { ctx, tasks } }) => {
    const main = tasks.find(({ type }) => type === "main");
    if (main?.swapSpec.style === "none") ctx.title = null;
    const isNothing = main && !main.fragment.childElementCount && !main.fragment.textContent.trim();
    if (!isNothing || main.swapSpec.style === "delete" || main.swapSpec.swapEmpty) return;
    if (tasks.some(({ type }) => type === "partial")) main.swapSpec.style = "none";
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

  // A browser hands a message named `error` and an error of the stream to the same listeners.
  const isMessage = (event) => event instanceof MessageEvent;

  on("htmx:sseBeforeMessage", (event) => isMessage(event.detail) || event.preventDefault());
  on("htmx:sseOpen", ({ target }) => show(target, "open"));
  on("htmx:sseError", ({ target, detail: { error } }) => isMessage(error) || show(target, "reconnecting"));
  on("htmx:sseClose", ({ target }) => show(target, null));
  on("htmx:sse:after:connection", ({ target }) => show(target, "open"));
  on("htmx:sse:error", ({ target }) => show(target, "reconnecting"));
  on("htmx:sse:close", ({ target }) => show(target, null));
  on("htmx:sse:before:connection", ({ target, detail: { connection } }) => {
    if (connection.isOver) connection.cancelled = true;
    else if (connection.attempt > 0) show(target, "reconnecting");
  });

  // htmx 4 does not read the server's `retry`, and would come back within half a second with all
  // others. A page of htmx 4 comes back after two to five seconds; one that was only out of sight, at
  // once.

  let isShown = false;

  if (v4) {
    htmx.config.sse = { reconnectDelay: 3500, reconnectJitter: 3 / 7, ...htmx.config.sse };
    on("visibilitychange", () => {
      isShown = !document.hidden;
      setTimeout(() => { isShown = false; });
    });
    on("htmx:sse:before:connection", ({ detail: { connection } }) => {
      if (isShown) queueMicrotask(() => connection.delayCanceller?.());
    });
  }

  // htmx 2 opens a new connection when the browser gives one up, and forgets where it was. It asks
  // again also for an element that has left the page meanwhile.
  // The event `close` is the server's last word: nobody asks again, with or without `sse-close`.

  let connecting = document.documentElement; // whose address htmx 2 has just read
  const sources = new WeakMap(); // the last of each element
  const addressOf = (element) => internal.getAttributeValue(element, "sse-connect");
  const connected = () => [...document.querySelectorAll("[sse-connect], [data-sse-connect]")];

  function at(url, id) {
    const resumed = new URL(url, document.baseURI);
    if (id) resumed.searchParams.set("last-event-id", id);
    return resumed.href;
  }

  function withConnecting(api) {
    const read = api.getAttributeValue;
    api.getAttributeValue = (element, name) => {
      if (name === "sse-connect") connecting = element;
      return read(element, name);
    };
    return api;
  }

  function connect(url) {
    const element = connecting;
    const before = sources.get(element);
    const isLost = before?.readyState === EventSource.CLOSED && !before.isOver && before.base === url;
    const last = isLost ? before.last : undefined;
    const source = new EventSource(at(url, last), { withCredentials: true });
    Object.assign(source, { base: url, last });
    source.close = () => {
      source.isOver = true;
      EventSource.prototype.close.call(source);
    };
    source.addEventListener("close", () => {
      source.close();
      show(element, null);
    });
    sources.set(element, source);
    if (before && !element.isConnected) source.close();
    return source;
  }

  if (!v4) {
    htmx.defineExtension("acton", { init: (api) => { internal = withConnecting(api); } });
    htmx.createEventSource = connect;
    on("htmx:sseMessage", ({ detail }) => {
      if (detail.lastEventId && detail.target instanceof EventSource) detail.target.last = detail.lastEventId;
    });
    // What history keeps holds the messages until now, so their stream goes on from here. What a
    // message made a region ask for and has not arrived is lost: that is a gap.
    const isAsking = (element) => [element, ...element.querySelectorAll("[hx-trigger*='sse:']")]
      .some((each) => internal.getInternalData(each).xhr);
    on("htmx:beforeHistorySave", () => {
      for (const element of connected()) {
        const url = addressOf(element);
        const last = isAsking(element) ? "lost" : sources.get(element)?.last;
        if (!last) continue;
        const name = element.hasAttribute("sse-connect") ? "sse-connect" : "data-sse-connect";
        element.setAttribute(name, at(url, last));
        // The page that was kept stays as it was.
        queueMicrotask(() => element.setAttribute(name, url));
      }
    });
  }

  // htmx 4 swaps messages without a name and knows no `sse-swap`: markup for htmx 2 goes on working.

  function deliver(element, detail) {
    const { data, event, id } = detail.message;
    const name = event || "message";
    if (name === "close") detail.connection.isOver = true;
    const connected = (each) => each.closest("[sse-connect], [hx-sse\\:connect]") === element;
    const inside = (selector) => [element, ...element.querySelectorAll(selector)]
      .filter((each) => each.matches(selector) && connected(each));
    for (const each of inside("[sse-swap]")) {
      if (!each.getAttribute("sse-swap").split(",").some((wanted) => wanted.trim() === name)) continue;
      const target = internal.attributeValue(each, "hx-target");
      const swap = `${internal.attributeValue(each, "hx-swap") ?? htmx.config.defaultSwap} swapEmpty:false`;
      detail.waitUntil(htmx.swap({ text: data, target, swap, sourceElement: each }));
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
    htmx.registerExtension("acton", {
      init: (api) => { internal = withOwnStreams(api); },
      htmx_sse_before_message: (element, detail) => deliver(element, detail),
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

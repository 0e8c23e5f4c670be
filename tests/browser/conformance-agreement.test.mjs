// What htmx 2 and htmx 4 would do differently, or lose, by themselves: one page, one handler, one
// result, once for each major.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { attribute, button, click, openShell, respond, text } from "./shell.mjs";

let fixture;
let browser;

before(async () => {
  fixture = await startExample("conformance");
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await fixture?.stop();
});

const PAGE = `<!-- by a proxy --><!doctype html><html><head><title>Other</title></head>
  <body><main id="other"><p id="frag">whole</p></main></body></html>`;
const NEW = { op: "oob", id: "o1", style: "innerHTML", html: "NEW" };

/** Has every request for `path` answered without the framework, as by a proxy or a stream. */
const answer = (page, path, status, body, headers = {}) =>
  page.route(`**${path}`, (route) =>
    route.fulfill({ status, headers: { "content-type": "text/html", ...headers }, body }));

/** The request that a click makes. */
async function requested(page, path, selector = "#go") {
  const sent = page.waitForRequest((request) => new URL(request.url()).pathname === path);
  await page.click(selector);
  return sent;
}

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);
  const shell = async (markup, query) =>
    openShell(await browser.page(), fixture.origin, version, markup, query);

  named("the page of an error replaces the page, wherever a boosted link puts its answers", async () => {
    const link = (path) => `<div hx-boost="true" hx-target="#out" hx-select="#frag" hx-swap="beforeend">
      <a id="go" href="${path}">go</a></div>`;
    const missing = await shell(link("/no/such/page"));
    await click(missing);
    await missing.locator("h1").waitFor();
    assert.equal(await missing.locator("#out").count(), 0);
    assert.equal(await missing.locator("main").count(), 1);
    assert.equal(missing.url(), `${fixture.origin}/no/such/page`);

    for (const [status, place] of [[422, {}], [502, {}], [500, { "HX-Reswap": "afterend" }], [404, { "HX-Retarget": "#o1" }]]) {
      const page = await shell(link("/elsewhere"));
      await answer(page, "/elsewhere", status, PAGE, place);
      await click(page);
      assert.equal(await page.locator("#other").count(), 1, `${status}`);
      assert.equal(await page.locator("#out").count(), 0, `${status}`);
      assert.equal(await page.title(), "Other");
    }
  });

  named("a form to mend stays where a boosted form has its target", async () => {
    const page = await shell(`<div hx-boost="true" hx-target="#out"><a id="go" href="/elsewhere">go</a></div>`);
    await answer(page, "/elsewhere", 422, "<form>mend</form>");
    await click(page);
    assert.equal(await text(page, "#out"), "mend");
    assert.equal(await page.locator("#main").count(), 1);
  });

  named("a whole page stays out of a fragment also when it is streamed", async () => {
    for (const [status, place] of [[422, {}], [500, { "HX-Retarget": "#o1" }], [409, { "HX-Reswap": "beforeend" }]]) {
      const page = await shell(button("/elsewhere"));
      await answer(page, "/elsewhere", status, PAGE, place);
      for (let times = 0; times < 2; times += 1) {
        await click(page);
        assert.equal(await text(page, "#out"), "old", `${status}`);
        assert.equal(await text(page, "#o1"), "o1", `${status}`);
        assert.equal(await page.locator("main").count(), 1);
        assert.equal(await page.title(), "Shell");
      }
    }
    const page = await shell(button("/elsewhere"));
    await answer(page, "/elsewhere", 500, PAGE, { "HX-Retarget": "#o1", "HX-Reselect": "#frag" });
    await click(page);
    assert.equal(await text(page, "#o1"), "whole", "a part of a page is no page");
  });

  named("the token of the page is in no URL", async () => {
    const form = (attributes) => `<form ${attributes}><input type="hidden" name="csrf_token" value="secret">
      <input name="q" value="1"><button id="go">go</button></form>`;
    for (const method of ["get", "delete"]) {
      const page = await shell(form(`hx-${method}="/form" hx-swap="none"`));
      const token = await page.getAttribute("meta[name=csrf-token]", "content");
      const request = await requested(page, "/form");
      assert.equal(request.method(), method.toUpperCase());
      assert.equal(new URL(request.url()).search, "?q=1");
      const signed = (await request.allHeaders())["x-csrf-token"];
      assert.equal(signed, method === "delete" ? token : undefined);
      assert.equal((await request.response()).status(), 200);
    }
    const page = await shell(form(`method="get" action="/form" hx-boost="true"`));
    assert.equal(new URL((await requested(page, "/form")).url()).search, "?q=1");
  });

  named("a form signs what it sends where the page has no token", async () => {
    for (const method of ["post", "put", "patch", "delete"]) {
      for (const [ofForm, ofButton] of [[`hx-${method}="/form" hx-swap="none"`, ""], ["", `type="button" hx-${method}="/form" hx-swap="none"`]]) {
        const page = await shell(`<form ${ofForm}><input type="hidden" name="csrf_token"><button id="go" ${ofButton}>go</button></form>`);
        await page.evaluate(() => {
          const head = document.querySelector("meta[name=csrf-token]");
          document.querySelector("[name=csrf_token]").value = head.content;
          head.remove();
        });
        const request = await requested(page, "/form");
        assert.equal((await request.response()).status(), 200, `${method} of ${ofForm || ofButton}`);
        await page.context().close();
      }
    }
  });

  named("every request that the server wants signed is", async () => {
    for (const method of ["post", "put", "patch", "delete", ...(version === 4 ? ["query"] : [])]) {
      const page = await shell(`<button id="go" hx-${method}="/form" hx-swap="none">go</button>`);
      const token = await page.getAttribute("meta[name=csrf-token]", "content");
      const request = await requested(page, "/form");
      assert.equal((await request.allHeaders())["x-csrf-token"], token, method);
      assert.equal((await request.response()).status(), method === "query" ? 405 : 200, method);
    }
  });

  named("what replaces the page or takes a part of one gets a whole page", async () => {
    const location = (more) => button(respond({ ops: [{ op: "location", path: "/t/page", ...more }] }));
    const intoBody = '<button id="go" hx-get="/t/page" hx-target="body" hx-push-url="true">go</button>';
    for (const markup of [location({}), location({ target: "body" }), intoBody]) {
      const page = await shell(markup);
      await page.click("#go");
      await page.waitForURL("**/t/page");
      await page.locator("main > #frag").waitFor();
      assert.equal(await page.locator("#out").count(), 0);
      assert.equal(await page.title(), "Page");
    }
    const beside = await shell('<button id="go" hx-get="/t/page" hx-target="body" hx-swap="beforeend">go</button>');
    await beside.click("#go");
    await beside.locator("body > #frag").waitFor();
    const part = { target: "#out", select: "main", push: false };
    for (const markup of [location(part), button("/t/page", 'hx-select="main"')]) {
      const page = await shell(markup);
      await page.click("#go");
      await page.locator("#out > main > #frag").waitFor();
    }
  });

  named("a location to a place that is not on the page leaves the page as it was", async () => {
    const ops = [{ op: "location", path: "/t/page", target: "#nowhere" }, { op: "trigger", name: "seen" }];
    const disabled = version === 2 ? "hx-disabled-elt" : "hx-disable";
    const page = await shell(button(respond({ ops }), `${disabled}="this"`));
    await page.evaluate(() => document.addEventListener("seen", () => { window.seen = true; }));
    await click(page);
    await page.waitForFunction(() => window.seen);
    assert.equal(await page.locator("#go:enabled:not(.htmx-request)").count(), 1);
    assert.equal(await text(page, "#out"), "old");
  });

  named("what is not swapped brings no title", async () => {
    const reswap = { op: "reswap", style: "none", settle_ms: 1 };
    const page = await shell(button(respond({ html: "<title>Other</title><p>m</p>", ops: [reswap] })));
    await click(page);
    assert.equal(await page.title(), "Shell");
  });

  named("a header may hold any text", async () => {
    const headers = attribute(JSON.stringify({ "X-City": "東京", "X-Name": "Zoë", "X-Plain": "a%20b" }));
    const page = await shell(button("/t/plain", `hx-headers="${headers}"`));
    const request = await requested(page, "/t/plain");
    const sent = await request.allHeaders();
    assert.equal(sent["x-city"], encodeURIComponent("東京"));
    assert.equal(sent["x-city-uri-autoencoded"], "true");
    assert.equal(sent["x-plain"], "a%20b");
    assert.equal(sent["x-name-uri-autoencoded"], undefined);
    await page.waitForFunction(() => document.querySelector("#out").textContent.includes("plain"));
  });

  named("an error or an answer without content changes the address only when it says so", async () => {
    const region = { op: "retarget", selector: "#o1" };
    for (const [how, spec] of [
      ["push", { status: 500 }],
      ["replace", { status: 404, html: "<p>gone</p>", ops: [region] }],
      ["push", { status: 422, html: "<p>mend</p>" }],
      ["push", { status: 204 }],
      ["replace", { status: 304 }],
    ]) {
      const page = await shell(button(respond(spec), `hx-${how}-url="/shown"`));
      const before = page.url();
      await click(page);
      assert.equal(page.url(), before, `${spec.status} ${how}`);
      const ops = [...(spec.ops ?? []), { op: `${how}_url`, url: "/said" }];
      const other = await shell(button(respond({ ...spec, ops })));
      await click(other);
      assert.equal(other.url(), `${fixture.origin}/said`, `${spec.status} ${how}`);
    }
    const page = await shell(button(respond({ html: "<p>m</p>" }), `hx-push-url="/shown"`));
    await click(page);
    assert.equal(page.url(), `${fixture.origin}/shown`);
  });

  named("an answer without content leaves the target as it is", async () => {
    for (const status of [204, 304]) {
      const ops = [{ op: "trigger", name: "late", when: "settle" }];
      const page = await shell(button(respond({ status, ops })));
      await page.evaluate(() => {
        window.seen = 0;
        document.addEventListener("late", () => { window.seen += 1; });
      });
      await click(page);
      await page.waitForFunction(() => window.seen === 1);
      assert.equal(await text(page, "#out"), "old", `${status}`);
    }
  });

  named("the server may choose the element that asked", async () => {
    for (const status of [200, 409]) {
      const ops = [{ op: "retarget", selector: "this" }];
      const page = await shell(button(respond({ status, html: "<b>new</b>", ops })));
      await click(page);
      assert.equal(await text(page, "#go b"), "new", `${status}`);
      assert.equal(await text(page, "#out"), "old");
    }
  });

  named("an element is removed beside parts for others", async () => {
    const deleted = { op: "reswap", style: "delete" };
    for (const markup of [
      button(respond({ ops: [deleted, NEW] })),
      button(respond({ ops: [deleted, NEW] }), 'hx-select="#none"'),
      button(respond({ ops: [NEW] }), 'hx-swap="delete"'),
      button(respond({ html: "<p>m</p>", ops: [deleted, NEW] })),
      button(respond({ html: "<p>m</p>", ops: [deleted, { op: "reselect", selector: "#nowhere" }, NEW] })),
    ]) {
      const page = await shell(markup);
      await click(page);
      assert.equal(await page.locator("#out").count(), 0, markup);
      assert.equal(await text(page, "#o1"), "NEW", markup);
    }
    const page = await shell(button(respond({ ops: [deleted] })));
    await click(page);
    assert.equal(await page.locator("#out").count(), 0);
  });

  named("what an answer does not hold leaves the target alone beside other parts", async () => {
    const nothing = { op: "reselect", selector: "#nowhere" };
    const page = await shell(button(respond({ html: "<p>m</p>", ops: [nothing, NEW] })));
    await click(page);
    assert.equal(await text(page, "#out"), "old");
    assert.equal(await text(page, "#o1"), "NEW");
  });

  named("parts arrive also behind one that takes the element that asked off the page", async () => {
    const ops = [
      { op: "oob", id: "row", html: '<p id="row">gone</p>' },
      { op: "oob", id: "rows", style: "beforeend", html: '<tr id="row-2"><td>2</td></tr>' },
      { op: "oob", selector: ".count", style: "innerHTML", html: "2" },
      NEW,
    ];
    for (const html of ["", "<p>m</p>"]) {
      const counts = '<i class="count">1</i><i class="count">1</i>';
      const page = await shell(`<p id="row">${button(respond({ html, ops }))}</p>${counts}`);
      await page.click("#go");
      await page.locator("#o1", { hasText: "NEW" }).waitFor();
      assert.equal(await text(page, "#row"), "gone");
      assert.equal(await page.locator("#rows tr").count(), 2);
      assert.deepEqual(await page.locator(".count").allTextContents(), ["2", "2"]);
      assert.equal(await text(page, "#out"), html ? "m" : "old");
    }
  });

  named("parts for other places arrive with an error, too", async () => {
    for (const status of [409, 500]) {
      const page = await shell(button(respond({ status, html: "<p>m</p>", ops: [NEW] })));
      await click(page);
      assert.equal(await text(page, "#out"), "old", `${status}`);
      assert.equal(await text(page, "#o1"), "NEW", `${status}`);
    }
  });

  named("an error takes nothing off the page and nothing into it", async () => {
    const kept = '<p id="kept" hx-preserve="true">kept</p>';
    const html = '<title>Other</title><p id="kept" hx-preserve="true">x</p><div id="o1">x</div>';
    const region = { op: "retarget", selector: "#errors" };
    for (const spec of [{ status: 500, html }, { status: 404, html: "<div id=o1>x</div>", ops: [region] }]) {
      const page = await shell(kept + button(respond(spec), 'hx-select-oob="#o1"'));
      await click(page);
      assert.equal(await text(page, "#kept"), "kept");
      assert.equal(await text(page, "#out"), "old");
      assert.equal(await page.title(), "Shell");
      const inRegion = spec.ops ? 1 : 0;
      assert.equal(await page.locator("#errors #o1").count(), inRegion);
      assert.equal(await text(page, "body > #o1"), "o1");
    }
  });

  named("no event waits for a swap that never comes", async () => {
    const events = ["swap", "settle"].map((when) => ({ op: "trigger", name: when, when }));
    for (const spec of [
      { ops: [...events, { op: "location", path: "/t/plain", target: "#o1", push: false }] },
      { status: 409, html: "<p>m</p>", ops: [...events, { op: "reswap", style: "none" }] },
    ]) {
      const page = await shell(button(respond(spec)));
      await page.evaluate(() => {
        window.seen = [];
        for (const name of ["swap", "settle"]) document.addEventListener(name, () => window.seen.push(name));
      });
      await click(page);
      await page.waitForFunction(() => window.seen.length === 2);
      assert.deepEqual(await page.evaluate(() => window.seen), ["swap", "settle"]);
    }
  });

  named("an event for an element that is not there fires on the document and loses nothing", async () => {
    const ops = [{ op: "trigger", name: "saved", detail: { q: "é" }, target: "#nowhere" }, NEW];
    const page = await shell(button(respond({ html: "<p>m</p>", ops })));
    await page.evaluate(() => {
      window.seen = [];
      document.addEventListener("saved", ({ detail }) => window.seen.push(detail.q));
    });
    await click(page);
    assert.equal(await text(page, "#out"), "m");
    assert.equal(await text(page, "#o1"), "NEW");
    assert.deepEqual(await page.evaluate(() => window.seen), ["é"]);
  });

  named("lists and objects arrive as values", async () => {
    const values = { id: [1, 2], none: [], filter: { open: true }, q: "é" };
    const query = [["id", "1"], ["id", "2"], ["filter", '{"open":true}'], ["q", "é"]];
    const sent = async (page) => [...new URL((await requested(page, "/t/plain")).url()).searchParams];
    const ops = [{ op: "location", path: "/t/plain", values, push: false }];
    const location = await shell(button(respond({ ops })));
    assert.deepEqual((await sent(location)).sort(), query.sort());
    const vals = await shell(button("/t/plain", `hx-vals="${attribute(JSON.stringify(values))}"`));
    assert.deepEqual((await sent(vals)).sort(), query.sort());
  });

  named("a location keeps its fragment", async () => {
    const ops = [{ op: "location", path: "/t/page?a=1#frag" }];
    const page = await shell(button(respond({ ops })));
    await page.click("#go");
    await page.locator("#frag").waitFor();
    await page.waitForURL(`${fixture.origin}/t/page?a=1#frag`);
  });

  named("a message of a stream goes where htmx would put an answer", async () => {
    const topic = `agreement${version}`;
    const page = await shell(`<section hx-ext="sse" sse-connect="/t/sse?topic=${topic}">
      <article><i sse-swap="a" hx-target="closest article"></i></article>
      <div hx-target="this" id="own"><i sse-swap="b"></i></div>
      <i sse-swap="c" hx-target="next p"></i><p id="next">old</p></section>`, "&sse=1");
    await page.locator("[data-sse=open]").first().waitFor();
    for (const [event, selector] of [["a", "article"], ["b", "#own"], ["c", "#next"]]) {
      await fetch(`${fixture.origin}/t/sse/publish`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ topic, event, data: `<b>${event}</b>` }),
      });
      await page.waitForFunction(([selector, event]) =>
        document.querySelector(selector).innerHTML.replace(' class=""', "") === `<b>${event}</b>`, [selector, event]);
    }
  });
}

// Streams beside navigation and outages: nothing shown twice, nothing left out, and nobody comes
// back too soon or for a region that is gone.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { attribute, openShell } from "./shell.mjs";
import { eventually, line } from "./task-manager.mjs";

let fixture;
let browser;
let cable;

before(async () => {
  cable = await line(() => new URL(fixture.origin).port);
  fixture = await startExample("conformance");
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  cable?.close();
  await fixture?.stop();
});

/** Publishes an item, perhaps with an id or a name of its own, and returns its id. */
async function publish(topic, text, { id, event } = {}) {
  const answer = await fetch(`${fixture.origin}/t/sse/publish`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ topic, data: `<li>${text}</li>`, id, event }),
  });
  assert.equal(answer.status, 200);
  return (await answer.json()).id;
}

const subscribers = async () => (await (await fetch(`${fixture.origin}/t/sse/stats`)).json()).subscribers;

const address = (topic, cursor) => `/t/sse?topic=${topic}${cursor ? `&last-event-id=${cursor}` : ""}`;

/** A region whose stream adds items to a list, with a link to another page. */
const region = (url) => `
  <div id="live" hx-ext="sse" sse-connect="${attribute(url)}">
    <ul id="list" sse-swap="message" hx-swap="beforeend"></ul>
  </div>`;

const items = (page) => page.locator("#list li").allTextContents();

/** The shell with `markup` and an open stream in it. */
async function open(version, markup, origin = fixture.origin) {
  const page = await openShell(await browser.page(), origin, version, markup, "&sse=1");
  await page.locator("#live[data-sse=open]").waitFor({ state: "attached", timeout: 15_000 });
  return page;
}

/** Has every stream that a page of htmx 2 opens stand in `window.opened`. */
const recordStreams = (page) =>
  page.addInitScript(() => {
    window.opened = [];
    window.EventSource = class extends window.EventSource {
      constructor(...how) {
        super(...how);
        window.opened.push(this);
      }
    };
  });

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);

  named("a page comes back after two to five seconds", async () => {
    const page = await open(version, region(address(`again${version}`)), cable.origin);
    const again = page.waitForRequest((request) => request.url().includes("/t/sse?"), { timeout: 20_000 });
    const cut = Date.now();
    cable.cut();
    cable.mend();
    await again;
    const pause = Date.now() - cut;
    assert.ok(pause >= 1900, `back after ${pause} ms`);
    await page.locator("#live[data-sse=open]").waitFor({ state: "attached", timeout: 15_000 });
    await publish(`again${version}`, "on");
    await eventually(() => items(page), ["on"]);
    await page.context().close();
  });

  named("a page knows its place behind an id of the application's own", async () => {
    const topic = `own${version}`;
    const page = await open(version, region(address(topic)), cable.origin);
    await publish(topic, "1", { id: "own-17" });
    await eventually(() => items(page), ["1"]);
    const again = page.waitForRequest((request) => request.url().includes("/t/sse?"), { timeout: 20_000 });
    cable.cut();
    await publish(topic, "while away");
    cable.mend();
    const headers = await (await again).allHeaders();
    assert.match(headers["last-event-id"], /^(?!own)[0-9a-z]+-[0-9]+$/);
    await eventually(() => items(page), ["1", "while away"]);
    await page.context().close();
  });

  named("a message named error is a message, and an error is none", async () => {
    const topic = `failed${version}`;
    const markup = region(address(topic)).replace('sse-swap="message"', 'sse-swap="error"');
    const { page, problems } = await browser.person();
    await openShell(page, cable.origin, version, markup, "&sse=1");
    await page.locator("#live[data-sse=open]").waitFor({ state: "attached", timeout: 15_000 });
    await publish(topic, "1", { event: "error" });
    await eventually(() => items(page), ["1"]);
    assert.equal(await page.locator("#live").getAttribute("data-sse"), "open");
    cable.cut();
    await page.locator("#live[data-sse=reconnecting]").waitFor({ state: "attached", timeout: 15_000 });
    cable.mend();
    await page.locator("#live[data-sse=open]").waitFor({ state: "attached", timeout: 15_000 });
    await publish(topic, "2", { event: "error" });
    await eventually(() => items(page), ["1", "2"]);
    assert.deepEqual(problems.filter((problem) => problem.startsWith("uncaught")), []);
    await page.context().close();
  });
}

test("htmx 4: a page that is shown again does not wait", async () => {
  const page = await open(4, region(address("shown")));
  await page.evaluate(() => {
    window.hide = (isHidden) => {
      Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    };
    window.hide(true);
  });
  await eventually(subscribers, 0);
  const asked = await page.evaluate(async () => {
    let count = 0;
    const ask = window.fetch;
    window.fetch = (...request) => {
      count += 1;
      return ask(...request);
    };
    window.hide(false);
    // Less than the shortest pause.
    await new Promise((resolve) => { setTimeout(resolve, 1500); });
    return count;
  });
  assert.equal(asked, 1);
  await publish("shown", "on");
  await eventually(() => items(page), ["on"]);
  await page.context().close();
});

test("htmx 2: a region that is gone is not connected again", async () => {
  const page = await browser.page();
  await recordStreams(page);
  let refusals = 0;
  let isDown = true;
  await page.route("**/t/sse?topic=gone*", (route) => {
    if (!isDown) return route.continue();
    refusals += 1;
    return route.fulfill({ status: 503, body: "" });
  });
  await openShell(page, fixture.origin, 2, region(address("gone")), "&sse=1");
  await page.locator("#live[data-sse=reconnecting]").waitFor({ state: "attached" });
  isDown = false;
  const states = await page.evaluate(async () => {
    window.htmx.swap(document.querySelector("#main"), "<p>elsewhere</p>", { swapStyle: "innerHTML" });
    // The second attempt is due half a second after the first, the third a second later.
    await new Promise((resolve) => { setTimeout(resolve, 2500); });
    return window.opened.map(({ readyState }) => readyState);
  });
  assert.deepEqual(new Set(states), new Set([2]), `states ${states} after ${refusals} refusals`);
  assert.ok(states.length > refusals, "the second attempt was due");
  // The region comes back, and so does its stream.
  await page.evaluate((html) => {
    const main = document.querySelector("#main");
    main.innerHTML = html;
    window.htmx.process(main);
  }, region(address("gone")));
  await page.locator("#live[data-sse=open]").waitFor({ state: "attached" });
  await page.context().close();
});

test("htmx 2: two regions with one address each come back to their own place", async () => {
  const page = await browser.page();
  await recordStreams(page);
  const url = address("twins", await publish("twins", "before the page"));
  const other = `<div id="other" hx-ext="sse" sse-connect="${attribute(url)}"><ul sse-swap="other"></ul></div>`;
  await openShell(page, fixture.origin, 2, other + region(url), "&sse=1");
  for (const id of ["live", "other"]) {
    await page.locator(`#${id}[data-sse=open]`).waitFor({ state: "attached", timeout: 15_000 });
  }
  await publish("twins", "1");
  await eventually(() => items(page), ["1"]);
  await publish("twins", "2");
  await eventually(() => items(page), ["1", "2"]);
  await page.evaluate(() => {
    // As when the browser gets an error instead of a stream.
    const sources = [...window.opened].reverse();
    for (const source of sources) EventSource.prototype.close.call(source);
    for (const source of sources) source.dispatchEvent(new Event("error"));
  });
  await publish("twins", "while away");
  await eventually(() => items(page), ["1", "2", "while away"]);
  await page.locator("html[data-sse=open]").waitFor({ state: "attached", timeout: 15_000 });
  await publish("twins", "on");
  await eventually(() => items(page), ["1", "2", "while away", "on"]);
  await page.context().close();
});

test("htmx 2: what live updates brought is there once after Back", async () => {
  const cursor = await publish("back", "before the page");
  const link = '<a id="go" hx-boost="true" href="/t/page">go</a>';
  const page = await open(2, region(address("back", cursor)) + link);
  for (const text of ["1", "2", "3"]) await publish("back", text);
  await eventually(() => items(page), ["1", "2", "3"]);
  await page.click("#go");
  await page.locator("#go").waitFor({ state: "detached" });
  await publish("back", "while away");
  await page.goBack();
  await eventually(() => items(page), ["1", "2", "3", "while away"]);
  await publish("back", "on");
  await eventually(() => items(page), ["1", "2", "3", "while away", "on"]);
  await page.context().close();
});

test("htmx 2: a region that was asking when the page was left asks again after Back", async () => {
  const count = '<p id="count" hx-get="/count" hx-trigger="sse:message, sse:gap">old</p>';
  const link = '<a id="go" hx-boost="true" href="/t/page">go</a>';
  const url = address("asking", await publish("asking", "before the page"));
  const page = await open(2, region(url).replace("</div>", `${count}</div>`) + link);
  let requests = 0;
  await page.route("**/count", (route) => {
    requests += 1;
    if (requests > 1) return route.fulfill({ contentType: "text/html", body: "new" });
    // The first is never answered.
  });
  await publish("asking", "1");
  await eventually(() => requests, 1);
  await page.click("#go");
  await page.locator("#go").waitFor({ state: "detached" });
  await page.goBack();
  await page.locator("#count", { hasText: "new" }).waitFor({ timeout: 15_000 });
  await page.context().close();
});

test("htmx 2: a page that is kept for Back and goes on keeps its stream", async () => {
  const url = address("kept", await publish("kept", "before the page"));
  const button = '<button id="go" hx-get="/t/plain" hx-target="#out" hx-push-url="/t/kept">go</button>';
  const page = await open(2, region(url) + button);
  await publish("kept", "1");
  await eventually(() => items(page), ["1"]);
  await page.click("#go");
  await page.waitForURL("**/t/kept");
  assert.equal(await page.locator("#live").getAttribute("sse-connect"), url);
  await publish("kept", "2");
  await eventually(() => items(page), ["1", "2"]);
  await page.context().close();
});

for (const version of [2, 4]) {
  test(`htmx ${version}: what is published while a boosted page is on its way is on it`, async () => {
    const topic = `boost${version}`;
    const cursor = await publish(topic, "before the page");
    const link = '<a id="go" hx-boost="true" href="/next">go</a>';
    const page = await open(version, region(address(topic, cursor)) + link);
    await page.route("**/next", async (route) => {
      const rendered = await publish(topic, "in the render");
      await publish(topic, "after the render");
      await eventually(() => items(page), ["1", "in the render", "after the render"]);
      const body = `<!doctype html><html><head><title>next</title></head>
        <body><h1>next</h1>${region(address(topic, rendered))}</body></html>`;
      await route.fulfill({ contentType: "text/html", body });
    });
    await publish(topic, "1");
    await eventually(() => items(page), ["1"]);
    await page.click("#go");
    await page.locator("h1", { hasText: "next" }).waitFor();
    await eventually(() => items(page), ["after the render"]);
    await publish(topic, "on");
    await eventually(() => items(page), ["after the render", "on"]);
    await page.context().close();
  });
}

// What htmx does with the framework's answers, in a real browser, once for each major.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { button, openShell, respond, text } from "./shell.mjs";

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

const shell = async (version, markup, query) =>
  openShell(await browser.page(), fixture.origin, version, markup, query);

async function settled(page) {
  await page.waitForTimeout(250);
}

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);

  named("the main content and an out-of-band swap each reach their place", async () => {
    const oob = { op: "oob", id: "o1", html: "<div id=o1>NEW</div>" };
    const page = await shell(version, button(respond({ html: "<p>m</p>", ops: [oob] })));
    await page.click("#go");
    await page.waitForFunction(() => document.querySelector("#o1").textContent.includes("NEW"));
    await settled(page);
    assert.equal((await page.locator("#out").innerHTML()).replace(' class=""', "").trim(), "<p>m</p>");
    assert.equal(await text(page, "#o1"), "NEW");
    assert.equal(await page.locator("#o1").count(), 1);
  });

  named("a table row is swapped out of band beside other content", async () => {
    const oob = { op: "oob", id: "row-1", html: '<tr id="row-1"><td>9</td></tr>' };
    const page = await shell(version, button(respond({ html: "<div>m</div>", ops: [oob] })));
    await page.click("#go");
    await page.waitForFunction(() => document.querySelector("#rows").textContent.includes("9"));
    await settled(page);
    assert.equal(await page.locator("#rows tr").count(), 1);
    assert.equal(await text(page, "#row-1 td"), "9");
    const out = await page.locator("#out").innerHTML();
    assert.equal(out.replace(' class=""', "").trim(), "<div>m</div>");
  });

  named("an answer with only out-of-band parts leaves the target alone", async () => {
    const oob = { op: "oob", id: "o1", html: "<div id=o1>NEW</div>" };
    const page = await shell(version, button(respond({ html: "", ops: [oob] })));
    await page.click("#go");
    await page.waitForFunction(() => document.querySelector("#o1").textContent.includes("NEW"));
    await settled(page);
    assert.equal(await text(page, "#out"), "old");
  });

  named("an event makes exactly one further request", async () => {
    const listener = '<i hx-get="/t/plain" hx-trigger="saved from:body" hx-swap="none"></i>';
    const spec = { html: "<p>m</p>", ops: [{ op: "trigger", name: "saved" }] };
    const page = await shell(version, listener + button(respond(spec)));
    const requests = [];
    page.on("request", (request) => requests.push(new URL(request.url()).pathname));
    const fired = page.waitForResponse((response) => response.url().endsWith("/t/plain"));
    await page.click("#go");
    await fired;
    await settled(page);
    assert.equal(requests.filter((path) => path === "/t/plain").length, 1);
  });

  named("a location changes the page without a reload, a redirect with one", async () => {
    const location = { ops: [{ op: "location", path: "/t/page" }] };
    const page = await shell(version, button(respond(location)));
    await page.evaluate(() => (window.__m = 1));
    await page.click("#go");
    await page.waitForURL("**/t/page");
    await page.locator("#frag").waitFor();
    assert.equal(await page.evaluate(() => window.__m), 1);

    const redirect = { ops: [{ op: "redirect", url: "/t/page" }] };
    const other = await shell(version, button(respond(redirect)));
    await other.evaluate(() => (window.__m = 1));
    await other.click("#go");
    await other.waitForURL("**/t/page");
    assert.equal(await other.evaluate(() => window.__m), undefined);
  });

  named("an invalid form comes back with its message and what was typed", async () => {
    const page = await shell(version, '<div hx-get="/t/form" hx-trigger="load" hx-swap="innerHTML"></div>');
    await page.locator("#f").waitFor();
    for (const typed of ["", "   "]) {
      await page.fill("#f [name=name]", typed);
      const answered = page.waitForResponse((response) => response.request().method() === "POST");
      await page.click("#f [type=submit]");
      assert.equal((await answered).status(), 422);
      await page.locator("#err-name").waitFor({ state: "visible" });
      await settled(page);
      assert.equal(await page.locator("#f").count(), 1);
      assert.equal(await page.locator("#err-name").count(), 1);
      assert.equal(await page.inputValue("#f [name=name]"), typed);
    }
  });

  named("a valid form is posted once and its message shown once", async () => {
    const page = await shell(version, '<div hx-get="/t/form" hx-trigger="load" hx-swap="innerHTML"></div>');
    await page.locator("#f").waitFor();
    const methods = [];
    page.on("request", (request) => {
      if (request.resourceType() !== "stylesheet" && request.resourceType() !== "script") {
        methods.push(`${request.method()} ${new URL(request.url()).pathname}`);
      }
    });
    await page.fill("#f [name=name]", "Ada");
    await page.click("#f [type=submit]");
    await page.locator("#flash li").waitFor();
    assert.match(await text(page, "#flash"), /saved/i);
    assert.deepEqual(
      methods.filter((line) => line.includes("/t/")),
      ["POST /t/form", "GET /t/flash/show"],
    );
    await page.reload();
    assert.equal(await page.locator("#flash li").count(), 0);
    methods.length = 0;
    await page.goBack();
    await settled(page);
    assert.deepEqual(methods.filter((line) => line.startsWith("POST")), []);
  });

  named("an error page never lands in a fragment and the page goes on working", async () => {
    for (const status of [500, 404]) {
      const html = "<!doctype html><html><body><main>broken</main></body></html>";
      const page = await shell(version, button(respond({ status, html })), "&errors=expected");
      for (let click = 0; click < 2; click += 1) {
        const answered = page.waitForResponse((response) => response.url().includes("/t/respond"));
        await page.click("#go");
        assert.equal((await answered).status(), status);
        await settled(page);
      }
      assert.equal(await page.locator("#out main").count(), 0);
      assert.equal(await page.locator("main").count(), 1);
      assert.equal(await text(page, "#out"), "old");
    }
  });

  named("an error fragment is shown in the page's error region", async () => {
    const page = await shell(version, '<div id="errors"></div>' + button(respond({ status: 503 })));
    await page.click("#go");
    await page.waitForFunction(() => document.querySelector("#errors").textContent.trim() !== "");
    assert.equal(await text(page, "#out"), "old");
  });

  named("events of a stream are swapped, trigger requests and carry rows", async () => {
    const markup = `
      <section hx-ext="sse" sse-connect="/t/sse?topic=b${version}" hx-sse:connect="/t/sse?topic=b${version}">
        <p id="news" sse-swap="news"></p>
        <i hx-get="/t/plain" hx-trigger="sse:poke, poke from:closest section" hx-swap="none"></i>
      </section>`;
    const page = await shell(version, markup, "&sse=1");
    const requests = [];
    page.on("request", (request) => requests.push(new URL(request.url()).pathname));
    const publish = (message) =>
      fetch(`${fixture.origin}/t/sse/publish`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ topic: `b${version}`, ...message }),
      });
    const subscribers = async () => (await (await fetch(`${fixture.origin}/t/sse/stats`)).json()).subscribers;
    for (let tries = 0; (await subscribers()) === 0 && tries < 50; tries += 1) await page.waitForTimeout(50);

    await publish({ event: "news", data: "<b>fresh</b>" });
    await page.waitForFunction(() => document.querySelector("#news b")?.textContent === "fresh");
    const poked = page.waitForResponse((response) => response.url().endsWith("/t/plain"));
    await publish({ event: "poke", data: "-" });
    await poked;
    const row = '<hx-partial hx-target="#row-1" hx-swap="outerHTML"><tr id="row-1"><td>7</td></tr></hx-partial>';
    await publish({ event: "news", data: row });
    await page.waitForFunction(() => document.querySelector("#row-1 td")?.textContent === "7");

    requests.length = 0;
    await fetch(`${fixture.origin}/t/sse/close`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ topic: `b${version}` }),
    });
    await page.waitForTimeout(5000);
    assert.deepEqual(requests.filter((path) => path === "/t/sse"), []);
    assert.equal(await subscribers(), 0);
  });
}

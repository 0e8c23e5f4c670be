// Boosted links and the history, once for each major: what a change of the whole page must not lose.

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

const link = (url) => `<div hx-boost="true"><a id="go" href="${attribute(url)}">go</a></div>`;
const GONE = "<!doctype html><html><head><title>Gone</title></head><body><h1>gone</h1></body></html>";
const COUNT = '<button id="count" hx-post="/form" hx-swap="none">count</button>';

/** The status of what the server says to the POST that a click makes. */
async function posted(page, selector) {
  const sent = page.waitForRequest((request) => request.method() === "POST");
  await page.click(selector);
  const response = await (await sent).response();
  return response.status();
}

/** Puts markup into a page that a boosted link has brought. */
const insert = (page, markup) =>
  page.evaluate((html) => {
    const main = document.querySelector("#main");
    main.innerHTML = html;
    window.htmx.process(main);
  }, markup);

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);
  const shell = async (markup) => openShell(await browser.page(), fixture.origin, version, markup);

  named("the token of a new session is sent, whether its page brings it in a form or in the head", async () => {
    // A form without the token in the head, as on a login page.
    const page = await shell(link("/t/form"));
    await page.context().clearCookies();
    await click(page);
    assert.equal(await posted(page, "#f button"), 422, "a form to mend, and no 403");
    await insert(page, COUNT);
    assert.equal(await posted(page, "#count"), 200);

    const other = await shell(link(`/t/shell?v=${version}`));
    await other.context().clearCookies();
    await click(other);
    await insert(other, COUNT);
    assert.equal(await posted(other, "#count"), 200);
  });

  named("a page that came without a token gets one with the next page", async () => {
    for (const path of ["/t/form", `/t/shell?v=${version}`]) {
      const page = await shell(link(path));
      await page.evaluate(() => document.querySelector("meta[name=csrf-token]").remove());
      await click(page);
      await insert(page, COUNT);
      assert.equal(await posted(page, "#count"), 200, path);
    }
  });

  named("a form of an earlier session sends the token of the present one", async () => {
    const page = await shell(`${link(`/t/shell?v=${version}`)}
      <form id="kept" hx-post="/form" hx-swap="none">
        <input type="hidden" name="csrf_token"><button>count</button>
      </form>`);
    await page.evaluate(() => {
      const form = document.querySelector("#kept");
      form.elements.csrf_token.value = document.querySelector("meta[name=csrf-token]").content;
      document.querySelector("[hx-boost]").setAttribute("hx-target", "#out");
    });
    await page.context().clearCookies();
    await click(page);
    assert.equal(await posted(page, "#kept button"), 200);
  });

  named("a slow answer of the session before does not bring its token back", async () => {
    const page = await shell(`${button("/t/form?slow")}
      <form hx-boost="true" action="/login" method="post">
        <input name="username" value="demo"><input name="password" value="demo-password"><button id="in">log in</button>
      </form>`);
    let release;
    const login = new Promise((resolve) => (release = resolve));
    await page.route("**/t/form?slow", async (route) => {
      const response = await route.fetch();
      await login;
      await route.fulfill({ response });
    });
    const asked = page.waitForRequest("**/t/form?slow");
    await page.click("#go");
    const slow = await asked;
    const token = () => page.getAttribute("meta[name=csrf-token]", "content");
    const before = await token();
    await page.click("#in");
    await page.waitForFunction((old) => document.querySelector("meta[name=csrf-token]").content !== old, before);
    const mine = await token();
    release();
    await (await slow.response()).finished();
    await page.evaluate(() => new Promise(requestAnimationFrame));
    assert.equal(await token(), mine);
    await insert(page, COUNT);
    assert.equal(await posted(page, "#count"), 200);
  });

  named("a page of the history that is gone is shown as gone", async () => {
    for (const status of [403, 404, 503]) {
      const page = await shell(link("/t/page"));
      const address = page.url();
      await click(page);
      await page.locator("#frag").waitFor();
      await page.route("**/t/shell*", (route) =>
        route.fulfill({ status, contentType: "text/html", body: GONE }));
      await page.evaluate(() => {
        sessionStorage.removeItem("htmx-history-cache");
        history.back();
      });
      await page.locator("h1", { hasText: "gone" }).waitFor();
      assert.equal(await page.title(), "Gone", `${status}`);
      assert.equal(await page.locator("#frag").count(), 0);
      assert.equal(page.url(), address);
    }
  });

  named("a page of the history that the network does not give is loaded as any other", async () => {
    const page = await shell(link("/t/page"));
    await click(page);
    await page.locator("#frag").waitFor();
    let attempts = 0;
    await page.route("**/t/shell*", (route) => (++attempts === 1
      ? route.abort()
      : route.fulfill({ contentType: "text/html", body: GONE })));
    await page.evaluate(() => {
      sessionStorage.removeItem("htmx-history-cache");
      history.back();
    });
    await page.locator("h1", { hasText: "gone" }).waitFor();
    assert.equal(attempts, 2);
  });

  named("a boosted answer that is shown nowhere scrolls nothing", async () => {
    const ops = [{ op: "trigger", name: "late", when: "settle" }];
    const none = { op: "reswap", style: "none" };
    for (const spec of [{ status: 204, ops }, { html: "<p>m</p>", ops: [...ops, none] }]) {
      const page = await shell(link(respond(spec)));
      const before = await page.evaluate(() => {
        document.querySelector("#main").style.padding = "4000px 0";
        document.querySelector("#go").scrollIntoView();
        window.seen = 0;
        document.addEventListener("late", () => { window.seen += 1; });
        return window.scrollY;
      });
      assert.ok(before > 1000);
      await click(page);
      await page.waitForFunction(() => window.seen === 1);
      assert.equal(await page.evaluate(() => window.scrollY), before, JSON.stringify(spec));
    }
  });

  named("a location that pushes nothing does so for a boosted source, too", async () => {
    const page = await shell(`<button id="go" hx-post="/elsewhere" hx-swap="none">go</button>
      <a id="source" hx-boost="true" href="/t/page">source</a>`);
    const said = { path: "/t/plain", source: "#source", target: "#out", push: false };
    await page.route("**/elsewhere", (route) => route.fulfill({ headers: { "HX-Location": JSON.stringify(said) } }));
    const address = page.url();
    await page.click("#go");
    await page.waitForFunction(() => document.querySelector("#out").textContent.includes("plain"));
    assert.equal(page.url(), address);
  });

  named("a form to mend may say anything in its text", async () => {
    const form = "<form><!-- the <html> of this --><p>mend</p></form>";
    const page = await shell(button(respond({ status: 422, html: form })));
    await click(page);
    assert.equal(await text(page, "#out"), "mend");
  });

  named("a redirect to a place on the page that is shown brings the page anew", async () => {
    for (const from of ["", "#5", "#4"]) {
      const here = `/t/shell?v=${version}`;
      const page = await shell(button(respond({ ops: [{ op: "redirect", url: `${here}#5` }] })));
      await page.evaluate((hash) => {
        if (hash) location.hash = hash;
        window.isOld = true;
      }, from);
      const anew = page.waitForEvent("load", { timeout: 5000 });
      await page.click("#go");
      await anew;
      assert.equal(await page.evaluate(() => window.isOld), undefined);
      assert.equal(page.url(), `${fixture.origin}${here}#5`);
    }
  });
}

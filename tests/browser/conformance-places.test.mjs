// Where the parts of an answer go, and what errors, history and other origins do to a page: further
// forms of the promises in conformance.test.mjs, once for each major of htmx.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { button as fetching, openShell, respond, text } from "./shell.mjs";

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

const shell = async (version, markup) =>
  openShell(await browser.page(), fixture.origin, version, markup);

const button = (spec) => fetching(respond(spec));

async function click(page) {
  const answered = page.waitForResponse((response) => response.url().includes("/t/respond"));
  await page.click("#go");
  await answered;
  await page.waitForTimeout(200);
}

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);

  named("parts are added, removed and updated beside the main content, each in its place", async () => {
    const ops = [
      { op: "oob", id: "rows", style: "beforeend", html: '<tr id="row-2"><td>2</td></tr>' },
      { op: "oob", id: "row-1", style: "beforebegin", html: '<tr id="row-0"><td>0</td></tr>' },
      { op: "oob", id: "pick", style: "innerHTML", html: "<option>a</option><option selected>b</option>" },
      { op: "oob", selector: "p.count", style: "innerHTML", html: "3" },
      { op: "oob", id: "gone", style: "delete", html: "" },
      { op: "oob", id: "é:1", html: '<b id="é:1">new</b>' },
    ];
    const markup = `<select id="pick"><option>x</option></select><p class="count">1</p><p class="count">1</p>
      <u id="gone">g</u><b id="é:1">old</b>${button({ html: "<i>m</i>", ops })}`;
    const page = await shell(version, markup);
    await click(page);
    const rows = await page.locator("#rows > tr").evaluateAll((all) => all.map((row) => row.id));
    assert.deepEqual(rows, ["row-0", "row-1", "row-2"]);
    assert.equal(await page.locator("#rows td").count(), 3);
    assert.equal(await page.inputValue("#pick"), "b");
    assert.equal(await page.locator("#pick option").count(), 2);
    assert.deepEqual(await page.locator("p.count").allTextContents(), ["3", "3"]);
    assert.equal(await page.locator("#gone").count(), 0);
    assert.deepEqual(await page.locator('[id="é:1"]').allTextContents(), ["new"]);
    assert.equal((await page.locator("#out").innerHTML()).replace(' class=""', "").trim(), "<i>m</i>");
  });

  named("a part without its target loses nothing else", async () => {
    const ops = [
      { op: "oob", id: "nowhere", html: "<p>lost</p>" },
      { op: "oob", id: "o1", html: "<div id=o1>NEW</div>" },
    ];
    const page = await shell(version, button({ html: "<p>m</p>", ops }));
    await click(page);
    assert.equal(await text(page, "#out"), "m");
    assert.equal(await text(page, "#o1"), "NEW");
  });

  named("the server chooses target, part and way of the swap", async () => {
    const ops = [
      { op: "retarget", selector: "#o1" },
      { op: "reselect", selector: "#frag" },
      { op: "reswap", style: "beforeend", settle_ms: 1, transition: false },
    ];
    const page = await shell(version, button({ html: '<div><p id="frag">part</p></div><p>rest</p>', ops }));
    await click(page);
    assert.equal(await text(page, "#out"), "old");
    assert.equal(await text(page, "#o1"), "o1part");
  });

  named("every event of an answer fires once, with its detail and on its target", async () => {
    const ops = [
      { op: "trigger", name: "first", detail: { q: 'é日😀"<' } },
      { op: "trigger", name: "on-out", detail: 7, target: "#out" },
      { op: "trigger", name: "swapped", when: "swap" },
      { op: "trigger", name: "settled", when: "settle" },
      { op: "trigger", name: "a, b" },
    ];
    const page = await shell(version, button({ html: "<p>m</p>", ops }));
    await page.evaluate(() => {
      window.seen = [];
      for (const name of ["first", "on-out", "swapped", "settled", "a, b"]) {
        document.addEventListener(name, ({ target, detail }) => {
          window.seen.push([name, target.id, detail?.q ?? detail?.value ?? null]);
        });
      }
    });
    await click(page);
    const seen = await page.evaluate(() => window.seen.sort());
    assert.deepEqual(seen, [
      ["a, b", "go", null],
      ["first", "go", 'é日😀"<'],
      ["on-out", "out", 7],
      ["settled", "go", null],
      ["swapped", "go", null],
    ]);
  });

  named("the address bar shows what the server says and Back returns", async () => {
    const page = await shell(version, button({ html: "<p>m</p>", ops: [{ op: "push_url", url: "/t/page?é=1" }] }));
    const before = page.url();
    await click(page);
    assert.equal(page.url(), `${fixture.origin}/t/page?%C3%A9=1`);
    await page.goBack();
    await page.locator("#out").waitFor();
    assert.equal(page.url(), before);
    await page.goForward();
    await page.waitForURL("**/t/page?**");
    await page.locator("#main").waitFor({ state: "attached" });
    assert.equal(await page.locator("main").count(), 1);

    const none = await shell(version, button({ ops: [{ op: "push_url", url: false }] }));
    await none.evaluate(() => document.querySelector("#go").setAttribute("hx-push-url", "true"));
    const shown = none.url();
    await click(none);
    assert.equal(none.url(), shown);
  });

  named("a boosted link shows a whole page, also when it is an error or behind a login", async () => {
    const links = `<div hx-boost="true"><a id="page" href="/t/page">page</a>
      <a id="missing" href="/no/such/page">missing</a><a id="private" href="/t/private">private</a></div>`;
    for (const [id, path, shows] of [
      ["page", "/t/page", "#frag"],
      ["missing", "/no/such/page", "h1"],
      ["private", "/login?next=%2Ft%2Fprivate", "input[name=password]"],
    ]) {
      const page = await shell(version, links);
      await page.click(`#${id}`);
      await page.waitForURL(`${fixture.origin}${path}`);
      await page.locator(shows).first().waitFor();
      assert.equal(await page.locator("main").count(), 1, id);
    }
  });

  named("untrusted text stays text wherever it is put", async () => {
    const hostile = `"'><script>window.pwned=1</script><hx-partial hx-target="#out">x</hx-partial>`;
    const page = await shell(version, `<div id="here"></div>
      <button id="go" hx-get="/t/render?text=${encodeURIComponent(hostile)}" hx-target="#here" hx-select="#main">go</button>`);
    await page.click("#go");
    await page.locator("#r").waitFor();
    assert.equal(await page.getAttribute("#r", "title"), hostile);
    assert.equal(await text(page, "#r"), hostile);
    assert.equal(await page.inputValue("#here input"), hostile);
    assert.deepEqual(JSON.parse(await page.getAttribute("#r", "hx-vals")), { q: hostile });
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.equal(await text(page, "#out"), "old");
  });

  named("an event stream's message is a fragment with parts for other places", async () => {
    const page = await browser.page();
    await page.goto(`${fixture.origin}/t/shell?v=${version}&sse=1`);
    const topic = `places${version}`;
    await page.evaluate((path) => {
      const main = document.querySelector("#main");
      main.innerHTML = `<section hx-ext="sse" sse-connect="${path}"><p id="news" sse-swap="news">old</p></section>`;
      window.htmx.process(main);
    }, `/t/sse?topic=${topic}`);
    await page.locator("[data-sse=open]").first().waitFor();
    const oob = (await (await fetch(fixture.origin + respond({
      ops: [{ op: "oob", id: "o1", style: "innerHTML", html: "NEW" }],
    }), { headers: { "HX-Request": "true" } })).text());
    await fetch(`${fixture.origin}/t/sse/publish`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ topic, event: "news", data: oob }),
    });
    await page.waitForFunction(() => document.querySelector("#o1").textContent === "NEW");
    assert.equal(await text(page, "#news"), "old", "only parts for other places");
  });
}

// Where an answer goes that names its place: another target, another swap, or no place at all; once
// for each htmx major.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { button, click, openShell, respond, text } from "./shell.mjs";

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

const PAGE = `<!doctype html><html><head><title>Other</title></head>
  <body><main id="other"><p id="frag">whole</p></main></body></html>`;
const TARGET = { op: "retarget", selector: "#o1" };
const SWAP = { op: "reswap", style: "beforeend" };

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);
  const shell = async (spec, more) =>
    openShell(await browser.page(), fixture.origin, version, button(respond(spec), more));

  named("the page of an error goes to no place in the page, whatever the answer says", async () => {
    for (const status of [404, 422, 500]) {
      for (const ops of [[TARGET], [SWAP], [TARGET, SWAP]]) {
        const page = await shell({ status, html: PAGE, ops });
        for (let times = 0; times < 2; times += 1) {
          await click(page);
          assert.equal(await text(page, "#o1"), "o1", `${status}`);
          assert.equal(await text(page, "#out"), "old", `${status}`);
          assert.equal(await page.locator("main").count(), 1, `${status}`);
          assert.equal(await page.title(), "Shell");
        }
      }
    }
  });

  named("a part of a page goes where the error says, and so does a part of an error page", async () => {
    for (const status of [404, 422, 500]) {
      const part = await shell({ status, html: "<p>part</p>", ops: [TARGET] });
      await click(part);
      assert.equal(await text(part, "#o1"), "part");
      const reselect = { op: "reselect", selector: "#frag" };
      const taken = await shell({ status, html: PAGE, ops: [TARGET, reselect] });
      await click(taken);
      assert.equal(await text(taken, "#o1"), "whole");
      assert.equal(await taken.locator("#other").count(), 0);
    }
  });

  named("the page of an error may take the place of the page", async () => {
    const ops = [{ op: "retarget", selector: "body" }, { op: "reswap", style: "innerHTML" }];
    const page = await shell({ status: 404, html: PAGE, ops });
    await click(page);
    await page.locator("#other").waitFor();
    assert.equal(await page.locator("main").count(), 1);
    assert.equal(await page.locator("#out").count(), 0);
  });

  named("of two swaps the last one counts", async () => {
    const ops = [{ op: "reswap", style: "outerMorph" }, { op: "reswap", style: "outerHTML" }];
    const page = await shell({ html: '<div id="out">new</div>', ops });
    await page.evaluate(() => { document.querySelector("#out").mark = 1; });
    await click(page);
    assert.equal(await text(page, "#out"), "new");
    assert.equal(await page.evaluate(() => document.querySelector("#out").mark), undefined);
  });

  named("an answer of parts without any part leaves the page alone", async () => {
    const page = await openShell(await browser.page(), fixture.origin, version, button("/nobody"));
    const body = '<hx-partial hx-target="head" hx-swap="none"></hx-partial>';
    await page.route("**/nobody", (route) => route.fulfill({ contentType: "text/html", body }));
    const before = await page.evaluate(() => [document.head.innerHTML, document.title]);
    await click(page);
    assert.equal(await text(page, "#out"), "old");
    assert.equal(await text(page, "#o1"), "o1");
    const afterwards = await page.evaluate(() => [document.head.innerHTML, document.title]);
    assert.deepEqual(afterwards, before);
  });
}

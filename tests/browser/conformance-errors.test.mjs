// Errors where an element takes only a part of its answer, forms to mend, and parts in the words of
// the version that asked: further forms of the promises in conformance.test.mjs, once for each major.

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

/** Clicks, and gives htmx time for the answer. */
async function click(page) {
  const answered = page.waitForResponse((response) => response.url().includes("/t/respond"));
  await page.click("#go");
  const answer = await answered;
  await page.waitForTimeout(250);
  return answer;
}

const shell = async (version, markup) =>
  openShell(await browser.page(), fixture.origin, version, markup);

const isShown = (page) =>
  page.waitForFunction(() => document.querySelector("#errors")?.textContent.includes("Request"));

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);

  named("an error is seen also where the element takes only a part of its answer", async () => {
    for (const status of [404, 422, 500]) {
      const url = respond({ status });
      const inherited = `<div hx-select="#frag">${button(url)}</div>`;
      for (const markup of [button(url, 'hx-select="#frag"'), inherited]) {
        const page = await shell(version, markup);
        for (let times = 0; times < 2; times += 1) {
          assert.equal((await click(page)).status(), status);
          await isShown(page);
          assert.equal(await page.locator("#errors .error").count(), 1);
          assert.equal(await text(page, "#out"), "old");
          await page.evaluate(() => document.querySelector("#errors").replaceChildren());
        }
      }
    }
  });

  named("the server may still choose a part of an error", async () => {
    const html = '<div><b id="part">part</b></div><i id="frag">rest</i>';
    const ops = [{ op: "retarget", selector: "#o1" }, { op: "reselect", selector: "#part" }];
    const page = await shell(version, button(respond({ status: 404, html, ops }), 'hx-select="#frag"'));
    await click(page);
    assert.equal(await text(page, "#o1"), "part");
    assert.equal(await text(page, "#out"), "old");
  });

  named("an element goes on taking its part of an answer that is no error", async () => {
    const html = '<div><p id="frag">part</p></div><p>rest</p>';
    for (const status of [200, 422]) {
      const page = await shell(version, button(respond({ status, html }), 'hx-select="#frag"'));
      await click(page);
      assert.equal(await text(page, "#out"), "part");
    }
    const path = respond({ html });
    const ops = [{ op: "location", path, target: "#out", select: "#frag", push: false }];
    const page = await shell(version, button(respond({ ops })));
    await click(page);
    await page.waitForFunction(() => document.querySelector("#out").textContent.trim() === "part");
  });

  named("an error is seen where a location selects a part", async () => {
    const ops = [{ op: "location", path: "/no/such/page", select: "#frag", push: false }];
    const page = await shell(version, button(respond({ ops })));
    await click(page);
    await isShown(page);
    assert.equal(await text(page, "#out"), "old");
  });

  named("a whole page to mend a form never lands in a fragment", async () => {
    const html = "<!doctype html><html><head><title>Other</title></head><body><main>form</main></body></html>";
    const page = await shell(version, button(respond({ status: 422, html })));
    for (let times = 0; times < 2; times += 1) {
      assert.equal((await click(page)).status(), 422);
      assert.equal(await text(page, "#out"), "old");
      assert.equal(await page.locator("main").count(), 1);
      assert.equal(await page.title(), "Shell");
    }
    const form = await shell(version, button(respond({ status: 422, html: "<p>mend</p>" })));
    await click(form);
    assert.equal(await text(form, "#out"), "mend");
  });

  named("a part is swapped as this version of htmx can", async () => {
    const lines = Array.from({ length: 50 }, (_, line) => `<p>${line}</p>`).join("");
    const ops = [
      { op: "oob", id: "kept", style: "outerMorph", html: '<p id="kept" class="new">NEW</p>' },
      { op: "oob", id: "o1", style: "innerHTML strip:true", html: "<div><b>x</b></div>" },
      { op: "oob", id: "scrolls", style: "innerHTML scroll:#log:bottom focus-scroll:false", html: "s" },
    ];
    const markup = `<p id="kept">old</p><u id="scrolls"></u><div id="log">${lines}</div>`;
    const page = await shell(version, markup + button(respond({ html: "<i>m</i>", ops })));
    await page.evaluate(() => {
      const log = document.querySelector("#log");
      log.style.height = "40px";
      log.style.overflow = "auto";
      document.querySelector("#kept").mark = 1;
    });
    await click(page);
    assert.equal(await text(page, "#out"), "m");
    assert.equal(await text(page, "#kept.new"), "NEW");
    const kept = await page.evaluate(() => document.querySelector("#kept").mark === 1);
    assert.equal(kept, version === 4, "htmx 4 merges, htmx 2 replaces");
    assert.equal(await page.locator("#o1 > b").count(), version === 4 ? 1 : 0, "strip");
    assert.equal(await page.locator("#o1 b").count(), 1);
    assert.ok(await page.evaluate(() => document.querySelector("#log").scrollTop > 0), "scrolled");
  });
}

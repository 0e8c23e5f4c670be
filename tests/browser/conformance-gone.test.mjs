// Answers whose place is not on the page, or that come for elements which have left it meanwhile, as
// when a poll replaces a row: what they say is lost in neither major.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { answered, attribute, button, click, openShell, respond, text } from "./shell.mjs";

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

const NEW = { op: "oob", id: "o1", style: "innerHTML", html: "NEW" };
const SAVED = { op: "trigger", name: "saved" };
const LATE = { op: "trigger", name: "late", when: "settle" };
const ERRORS = { op: "retarget", selector: "#errors" };
const INNER = { op: "reswap", style: "innerHTML" };

/** Counts the events that reach the document. */
const count = (page) =>
  page.evaluate(() => {
    window.seen = { saved: 0, late: 0 };
    for (const name of ["saved", "late"]) document.addEventListener(name, () => { window.seen[name] += 1; });
  });

/** Has a poll replace the row between question and answer. */
async function clickAndLose(page) {
  let open;
  const opened = new Promise((resolve) => { open = resolve; });
  await page.route("**/t/respond?*", async (route) => {
    await opened;
    await route.continue();
  });
  const asked = page.waitForRequest("**/t/respond?*");
  await page.click("#go");
  await asked;
  await click(page, "#poll");
  await answered(page, open);
}

for (const version of [2, 4]) {
  const named = (name, run) => test(`htmx ${version}: ${name}`, run);
  const shell = async (markup) => openShell(await browser.page(), fixture.origin, version, markup);

  const POLL = '<button id="poll" hx-get="/t/plain" hx-target="#row" hx-swap="innerHTML">poll</button>';
  const asker = (spec, target) =>
    `<button id="go" hx-get="${attribute(respond(spec))}" hx-target="${target}" hx-push-url="/shown">go</button>`;
  const INSIDE = '<p id="place">old</p>';
  const ways = {
    "both are gone": (spec) => `<div id="row">${INSIDE}${asker(spec, "#place")}</div>${POLL}`,
    "what asked is gone": (spec) => `<div id="row">${asker(spec, "#out")}</div>${POLL}`,
    "the target is gone": (spec) => `<div id="row">${INSIDE}</div>${asker(spec, "#place")}${POLL}`,
  };

  for (const [way, markup] of Object.entries(ways)) {
    named(`nothing is lost of an answer when ${way}`, async () => {
      const page = await shell(markup({ html: "<p>m</p>", ops: [SAVED, LATE, NEW] }));
      const address = page.url();
      await count(page);
      await clickAndLose(page);
      await page.waitForFunction(() => window.seen.late === 1);
      assert.deepEqual(await page.evaluate(() => window.seen), { saved: 1, late: 1 });
      assert.equal(await text(page, "#o1"), "NEW");
      assert.match(await text(page, "#row"), /plain/);
      const isShown = way === "what asked is gone";
      assert.equal(await text(page, "#out"), isShown ? "m" : "old");
      assert.equal(page.url(), isShown ? `${fixture.origin}/shown` : address, "the address follows what is shown");
      assert.equal(await page.locator("html > *").count(), 2, "nothing is left over");
    });

    named(`an error is seen when ${way}`, async () => {
      const page = await shell(markup({ status: 403, html: "<b>denied</b>", ops: [ERRORS, INNER] }));
      await clickAndLose(page);
      assert.equal(await text(page, "#errors"), "denied");
      assert.match(await text(page, "#row"), /plain/);
    });
  }

  named("an answer for the element that asked says the rest when that is gone", async () => {
    const itself = { op: "retarget", selector: "this" };
    const page = await shell(ways["both are gone"]({ html: "<p>m</p>", ops: [itself, NEW] }));
    await clickAndLose(page);
    assert.equal(await text(page, "#o1"), "NEW");
    assert.match(await text(page, "#row"), /plain/);
  });

  named("a place that is not on the page loses only what was for it", async () => {
    const nowhere = { op: "retarget", selector: ".nowhere" };
    for (const status of [200, 409]) {
      const spec = { status, html: "<p>m</p>", ops: [nowhere, SAVED, LATE, NEW] };
      const page = await shell(button(respond(spec), 'hx-push-url="/shown"'));
      const address = page.url();
      await count(page);
      await click(page);
      await page.waitForFunction(() => window.seen.late === 1);
      assert.deepEqual(await page.evaluate(() => window.seen), { saved: 1, late: 1 }, `${status}`);
      assert.equal(await text(page, "#o1"), "NEW", `${status}`);
      assert.equal(await text(page, "#out"), "old");
      assert.equal(page.url(), address);
    }
  });

  named("a region for errors is made whatever its name", async () => {
    for (const [selector, id] of [["#fehler-für", "fehler-für"], ["#a\\:b", "a:b"], ["#\\31 x", "1x"]]) {
      const spec = { status: 404, html: "<b>gone</b>", ops: [{ op: "retarget", selector }, INNER] };
      const page = await shell(button(respond(spec)));
      for (let times = 0; times < 2; times += 1) await click(page);
      assert.equal(await text(page, `[id="${id}"]`), "gone", selector);
    }
  });

  named("parts are what the server wrote, also where nothing else is swapped", async () => {
    const parts = [
      { ...NEW, html: "<i>say hx-preserve</i>" },
      { op: "oob", id: "wrap", style: "innerHTML", html: '<p id="kept" hx-preserve>fresh</p>' },
    ];
    const html = '<p id="other" hx-preserve>x</p>';
    const none = { op: "reswap", style: "none" };
    for (const ops of [[none], [none, { op: "reselect", selector: "#other" }]]) {
      const page = await shell(`<p id="other">other</p><div id="wrap"><p id="kept" hx-preserve>live</p></div>
        ${button(respond({ html, ops: [...ops, ...parts] }))}`);
      await click(page);
      assert.equal(await text(page, "#o1"), "say hx-preserve");
      assert.equal(await text(page, "#kept"), "live");
      assert.equal(await text(page, "#other"), "other");
      assert.equal(await text(page, "#out"), "old");
    }
  });
}

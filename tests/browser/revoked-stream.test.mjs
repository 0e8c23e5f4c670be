// A stream whose session is revoked elsewhere: the page is told, and no browser hammers the server afterwards.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { eventually, line } from "./task-manager.mjs";

const STREAM = "/t/sse/private?topic=user:alice";

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

/** Posts a form as a page of the fixture does. */
async function post(page, path, fields) {
  const status = await page.evaluate(async ([path, fields]) => {
    const token = document.querySelector('meta[name="csrf-token"]').content;
    const body = new URLSearchParams({ ...fields, csrf_token: token });
    return (await fetch(path, { method: "POST", body })).status;
  }, [path, fields]);
  assert.ok(status < 400, `${path}: ${status}`);
}

/** A session of Alice's, whose page has just been opened. */
async function alice(version) {
  const page = await browser.page();
  const shell = `/t/shell?v=${version}&sse=1`;
  await page.goto(fixture.origin + shell);
  await post(page, "/login", { username: "alice", password: "correct horse alice" });
  return { page, open: (origin = fixture.origin) => page.goto(origin + shell) };
}

/** Ends every other session of hers, as somebody does who has lost a telephone. */
async function revokeOthers(version) {
  const { page, open } = await alice(version);
  await open();
  await post(page, "/password", { current: "correct horse alice", new: "correct horse alice" });
  await page.context().close();
}

/** Opens her stream on the page and waits until it is there. */
async function listen(page) {
  await page.evaluate((stream) => {
    const main = document.querySelector("#main");
    main.innerHTML = `
      <section hx-ext="sse" sse-connect="${stream}">
        <p id="news" sse-swap="news">old</p>
        <i hx-get="/t/plain" hx-trigger="sse:close" hx-swap="none"></i>
      </section>`;
    window.htmx.process(main);
  }, STREAM);
  await page.locator("section[data-sse=open]").waitFor();
}

async function publish(data) {
  const answer = await fetch(`${fixture.origin}/t/sse/publish`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ topic: "user:alice", event: "news", data }),
  });
  assert.equal(answer.status, 200);
}

/** The moments at which the page asks for its stream from now on. */
function asked(page) {
  const moments = [];
  page.on("request", (request) => {
    if (new URL(request.url()).pathname === "/t/sse/private") moments.push(Date.now());
  });
  return moments;
}

for (const version of [2, 4]) {
  test(`htmx ${version}: a page whose session is revoked is told, and does not come back`, async () => {
    const { page, open } = await alice(version);
    await open();
    await listen(page);
    await publish("for Alice");
    await page.locator("#news", { hasText: "for Alice" }).waitFor();
    const requests = asked(page);
    const told = page.waitForResponse((response) => response.url().endsWith("/t/plain"));
    await revokeOthers(version);
    await told;
    await publish("not for this page");
    await page.waitForTimeout(5000);
    assert.deepEqual(requests, []);
    assert.equal(await page.locator("#news").textContent(), "for Alice");
    assert.equal(await page.locator("[data-sse]").count(), 0, "nothing is reconnecting");
  });

  test(`htmx ${version}: a page that was away when its session was revoked is refused, and asks more and more seldom`, async () => {
    const { page, open } = await alice(version);
    cable.mend();
    await open(cable.origin);
    await listen(page);
    await publish("before");
    await page.locator("#news", { hasText: "before" }).waitFor();
    cable.cut();
    await page.locator("section[data-sse=reconnecting]").waitFor();
    await revokeOthers(version);
    await publish("not for this page");
    const refused = page.waitForResponse((response) => new URL(response.url()).pathname === "/t/sse/private", { timeout: 20_000 });
    cable.mend();
    assert.equal((await refused).status(), 401);
    const requests = asked(page);
    await page.waitForTimeout(6000);
    // Pauses of half a second that double, less what chance takes off, leave room for four.
    assert.ok(requests.length <= 4, `${requests.length} requests in six seconds`);
    assert.equal(await page.locator("#news").textContent(), "before");
    await eventually(() => page.locator("section").getAttribute("data-sse"), "reconnecting");
  });
}

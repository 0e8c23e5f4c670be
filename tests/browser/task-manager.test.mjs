// The task manager in a real browser: every promise of its page, under htmx 2 and htmx 4.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { openBrowser, startExample } from "./harness.mjs";
import { add, agree, clear, counts, edit, eventually, fillCredentials, line, logIn, photograph, register, remove, row, titles, toggle, violations } from "./task-manager.mjs";

for (const htmx of process.env.HTMX ? [Number(process.env.HTMX)] : [2, 4]) {
  describe(`the task manager under htmx ${htmx}`, () => {
    let server, browser, cable;
    let people = [];
    let serial = 0;

    before(async () => {
      cable = await line(() => new URL(server.origin).port);
      server = await startExample("task-manager", {
        ACTON_HTMX__VERSION: String(htmx),
        ACTON_CSRF__TRUSTED_ORIGINS: cable.origin,
      });
      browser = await openBrowser();
    });
    after(async () => {
      await browser?.close();
      cable?.close();
      await server?.stop();
    });
    afterEach(async () => {
      const finished = people;
      people = [];
      for (const { context } of finished) await context.close();
      const problems = finished.flatMap(({ problems, expected }) => problems.filter((problem) => !expected.test(problem)));
      assert.deepEqual(problems, [], "the console stays quiet");
    });

    /** A browser of its own. What its console complains about fails the test, unless it is expected. */
    async function visitor({ expected = /^$/, ...options } = {}) {
      const person = await browser.person({ baseURL: server.origin, ...options });
      people.push({ ...person, expected });
      return person.page;
    }

    async function member(name = "demo", options = {}) {
      const page = await visitor(options);
      if (name === "demo") await logIn(page, "demo", "demo-password");
      else await register(page, name, `password of ${name}`);
      return page;
    }

    const fresh = (words) => `${words} ${htmx}.${++serial}`;
    const newcomer = () => `user-${htmx}-${++serial}`;
    const lost = /\[object Event\]|htmx:sse/; // what htmx 2 and 4 say about a stream that ended
    const unreachable = /\[object Event\]|net::ERR|Failed to fetch|htmx:/;
    const refused = /status of 4(01|03|04|22|29)|Status Error Code 403/; // Chromium logs every such answer

    describe("who is here", () => {
      test("a visitor is sent to the login page and lands where they wanted", async () => {
        const page = await visitor();
        await page.goto("/?filter=pending");
        assert.equal(new URL(page.url()).pathname, "/login");
        assert.equal(new URL(page.url()).searchParams.get("next"), "/?filter=pending");
        await fillCredentials(page, "demo", "demo-password");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.waitForURL("/?filter=pending");
        assert.match(await page.getByRole("navigation", { name: "Account" }).textContent(), /demo/);
      });

      test("the login page shows the demo account", async () => {
        const page = await visitor();
        await page.goto("/login");
        assert.match(await page.locator(".demo").textContent(), /demo-password/);
      });

      test("logging in changes the session cookie", async () => {
        const page = await visitor();
        await page.goto("/login");
        const before = await page.context().cookies();
        await logIn(page, "demo", "demo-password");
        const after = await page.context().cookies();
        assert.equal(after.length, 1);
        assert.notEqual(after[0].value, before[0]?.value);
      });

      test("a wrong password says so and keeps the name", async () => {
        const page = await visitor({ expected: refused });
        await page.goto("/login");
        await fillCredentials(page, "nobody", "not the password");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.getByRole("alert").filter({ hasText: "wrong" }).waitFor();
        assert.equal(await page.inputValue("input[name=username]"), "nobody");
        assert.equal(await page.inputValue("input[name=password]"), "");
      });

      test("registering needs a free name and a long password", async () => {
        const page = await visitor({ expected: refused });
        await page.goto("/register");
        await fillCredentials(page, "demo", "short");
        await page.getByRole("button", { name: "Create account" }).click();
        await page.locator("#password-problem").waitFor();
        assert.equal(await page.inputValue("input[name=username]"), "demo");
        await fillCredentials(page, "demo", "long enough");
        await page.getByRole("button", { name: "Create account" }).click();
        await page.locator("#username-problem").filter({ hasText: "taken" }).waitFor();
      });

      test("a remembered browser is still known when its session is gone", async () => {
        const page = await visitor();
        await page.goto("/login");
        await page.getByRole("checkbox", { name: "Keep me signed in" }).check();
        await fillCredentials(page, "demo", "demo-password");
        await page.getByRole("button", { name: "Log in" }).click();
        await page.waitForURL("/");
        await page.context().clearCookies({ name: "id" });
        await page.goto("/?filter=completed");
        assert.equal(new URL(page.url()).pathname, "/");
      });

      test("a session elsewhere can be seen and ended, and its page goes to the login", async () => {
        const name = newcomer();
        const here = await member(name);
        const elsewhere = await visitor({ expected: new RegExp(`${lost.source}|${refused.source}`) });
        await logIn(elsewhere, name, `password of ${name}`);
        await here.getByRole("link", { name: "Sessions" }).click();
        assert.equal(await here.locator(".sessions li").count(), 2);
        assert.match(await here.locator(".sessions").textContent(), /Chrome on Linux/);
        await here.getByRole("button", { name: "End it" }).click();
        await here.locator("#flash").filter({ hasText: "over" }).waitFor();
        assert.equal(await here.locator(".sessions li").count(), 1);
        await elsewhere.waitForURL("**/login*");
      });

      test("logging out ends it", async () => {
        const page = await member(newcomer(), { expected: new RegExp(`${lost.source}|${refused.source}`) });
        await page.getByRole("button", { name: "Log out" }).click();
        await page.waitForURL("**/login*");
        await page.goto("/");
        assert.equal(new URL(page.url()).pathname, "/login");
      });
    });

    describe("the list", () => {
      test("a new task appears on top, is counted once, and the field is ready for the next", async () => {
        const page = await member();
        const before = await counts(page);
        const title = fresh("Buy milk");
        await add(page, title);
        assert.equal((await titles(page))[0], title);
        assert.equal(await row(page, title).count(), 1);
        await eventually(() => counts(page), { ...before, total: before.total + 1, pending: before.pending + 1 });
        assert.equal(await page.inputValue("#title"), "");
        await eventually(() => page.evaluate(() => document.activeElement.id), "title");
        assert.match(await row(page, title).textContent(), /demo/);
      });

      test("an empty title is refused beside the field", async () => {
        const page = await member("demo", { expected: refused });
        await page.fill("#title", "   ");
        const answer = page.waitForResponse((response) => response.request().method() === "POST");
        await page.press("#title", "Enter");
        assert.equal((await answer).status(), 422);
        await page.locator("#new-task .problem").waitFor();
        assert.equal(await page.locator("#new-task").count(), 1);
        assert.equal(await page.getAttribute("#title", "aria-invalid"), "true");
      });

      test("a title over 200 characters is refused and kept as typed", async () => {
        const page = await member("demo", { expected: refused });
        const long = "ä".repeat(201);
        await page.fill("#title", long);
        await page.press("#title", "Enter");
        await page.locator("#new-task .problem").filter({ hasText: "200" }).waitFor();
        assert.equal(await page.inputValue("#title"), long);
        const title = fresh("ö".repeat(190));
        await add(page, title);
        assert.equal(await page.locator("#new-task .problem").count(), 0);
      });

      test("text that looks like markup stays text", async () => {
        const page = await member();
        const title = fresh(`<img src=x onerror=alert(1)> "'&amp; <hx-partial hx-target="body">`);
        await add(page, title);
        assert.equal((await titles(page))[0], title);
        assert.equal(await remove(page, title), `Delete “${title}”?`);
        await row(page, title).waitFor({ state: "detached" });
      });

      test("the checkbox completes and reopens, and the counters follow", async () => {
        const page = await member();
        const title = fresh("Call the bank");
        await add(page, title);
        const before = await counts(page);
        await toggle(page, title);
        await eventually(() => counts(page), { ...before, pending: before.pending - 1, completed: before.completed + 1 });
        assert.equal(await row(page, title).getByRole("checkbox").isChecked(), true);
        await toggle(page, title);
        await eventually(() => counts(page), before);
        assert.equal(await row(page, title).getByRole("checkbox").isChecked(), false);
      });

      test("Enter saves an edit", async () => {
        const page = await member();
        const title = fresh("Water the plants");
        await add(page, title);
        const field = await edit(page, title);
        assert.equal(await field.inputValue(), title);
        await eventually(() => field.evaluate((element) => element === document.activeElement), true);
        await field.fill(`${title} today`);
        await field.press("Enter");
        await row(page, `${title} today`).waitFor();
        await eventually(() => page.locator(".task.editing").count(), 0);
      });

      test("Escape cancels an edit and gives the focus back", async () => {
        const page = await member();
        const title = fresh("Paint the fence");
        await add(page, title);
        const field = await edit(page, title);
        await field.fill("Something else");
        await field.press("Escape");
        await row(page, title).waitFor();
        await eventually(() => page.evaluate(() => document.activeElement.textContent.trim()), "Edit");
      });

      test("an edit to an empty title is refused beside the field", async () => {
        const page = await member("demo", { expected: refused });
        const title = fresh("Sharpen the knives");
        await add(page, title);
        await (await edit(page, title)).fill("");
        await page.getByRole("button", { name: "Save" }).click();
        await page.locator(".task.editing .problem").waitFor();
        assert.equal(await page.locator(".task.editing").count(), 1);
        await page.getByRole("link", { name: "Cancel" }).click();
        await row(page, title).waitFor();
      });

      test("deleting asks first", async () => {
        const page = await member();
        const title = fresh("Sell the bike");
        await add(page, title);
        const before = await counts(page);
        await remove(page, title, false);
        assert.equal(await row(page, title).count(), 1);
        await remove(page, title);
        await row(page, title).waitFor({ state: "detached" });
        await eventually(() => counts(page), { ...before, total: before.total - 1, pending: before.pending - 1 });
        await page.locator("#flash").filter({ hasText: title }).waitFor();
      });

      test("the focus stays in the list when its row goes", async () => {
        const page = await member();
        const title = fresh("Cancel the order");
        await add(page, title);
        await row(page, title).getByRole("button", { name: "Delete", exact: true }).focus();
        page.once("dialog", (dialog) => dialog.accept());
        await page.keyboard.press("Enter");
        await row(page, title).waitFor({ state: "detached" });
        await eventually(() => page.evaluate(() => document.activeElement.id), "task-list");
      });

      test("a filter is an address: it survives reload and Back", async () => {
        const page = await member();
        const [open, done] = [fresh("Open"), fresh("Done")];
        await add(page, open);
        await add(page, done);
        await toggle(page, done);
        await page.getByRole("link", { name: "Completed" }).click();
        await row(page, open).waitFor({ state: "detached" });
        assert.equal(new URL(page.url()).search, "?filter=completed");
        await row(page, done).waitFor();
        await page.getByRole("link", { name: "Pending" }).click();
        await row(page, done).waitFor({ state: "detached" });
        await page.reload();
        assert.equal(await row(page, open).count(), 1);
        assert.equal(await row(page, done).count(), 0);
        await page.goBack();
        await row(page, done).waitFor();
        assert.equal(new URL(page.url()).search, "?filter=completed");
        assert.equal(await row(page, open).count(), 0);
        assert.equal(await page.getByRole("link", { name: "Completed" }).getAttribute("aria-current"), "page");
      });

      test("a task that leaves the filter leaves the list", async () => {
        const page = await member();
        const title = fresh("File the report");
        await add(page, title);
        await page.getByRole("link", { name: "Pending" }).click();
        await page.waitForURL("**/?filter=pending");
        await toggle(page, title);
        await row(page, title).waitFor({ state: "detached" });
        await page.getByRole("link", { name: "Completed" }).click();
        await row(page, title).waitFor();
        const later = fresh("Not completed");
        await page.fill("#title", later);
        await page.press("#title", "Enter");
        await eventually(() => page.inputValue("#title"), "");
        assert.equal(await row(page, later).count(), 0);
      });

      test("a slow answer shows that it is awaited", async () => {
        const page = await member();
        const waiting = () => page.locator(".waiting").evaluate((element) => getComputedStyle(element).opacity);
        assert.equal(await waiting(), "0");
        await page.route("**/tasks", async (route) => {
          await new Promise((resolve) => setTimeout(resolve, 1500));
          await route.continue();
        });
        const title = fresh("Slowly");
        await page.fill("#title", title);
        await page.press("#title", "Enter");
        await eventually(waiting, "1", 1400);
        await row(page, title).waitFor();
        await eventually(waiting, "0");
      });

      test("everything can be done from the keyboard", async () => {
        const page = await member();
        const title = fresh("Typed only");
        await page.keyboard.press("Tab");
        assert.match(await page.evaluate(() => document.activeElement.textContent), /Skip/);
        await page.focus("#title");
        await page.keyboard.type(title);
        await page.keyboard.press("Enter");
        await row(page, title).waitFor();
        await row(page, title).getByRole("checkbox").focus();
        await page.keyboard.press("Space");
        await eventually(() => row(page, title).getByRole("checkbox").getAttribute("checked"), "");
        assert.match(await page.evaluate(() => document.activeElement.id), /^done-/);
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.locator(".task.editing").waitFor();
        await page.keyboard.press("End");
        await page.keyboard.type("!");
        await page.keyboard.press("Enter");
        await row(page, `${title}!`).waitFor();
      });
    });

    describe("several people", () => {
      test("each change reaches the other browser, exactly once", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        const title = fresh("Shared");
        await add(mine, title);
        await row(yours, title).waitFor();
        assert.equal(await row(yours, title).count(), 1);
        await agree(counts, yours, mine);

        await toggle(yours, title);
        await eventually(() => row(mine, title).getByRole("checkbox").isChecked(), true);
        await agree(counts, mine, yours);

        const field = await edit(mine, title);
        await field.fill(`${title}, renamed`);
        await field.press("Enter");
        await row(yours, `${title}, renamed`).waitFor();
        assert.equal(await row(yours, title).count(), 0);

        await remove(yours, `${title}, renamed`);
        await row(mine, `${title}, renamed`).waitFor({ state: "detached" });
        await agree(counts, mine, yours);
      });

      test("the one who made a change is not told of it", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        const requests = [];
        mine.on("request", (request) => requests.push(`${request.method()} ${new URL(request.url()).pathname}`));
        const title = fresh("Mine");
        await add(mine, title);
        await row(yours, title).waitFor();
        await mine.waitForTimeout(400);
        // Who is here is another matter.
        assert.deepEqual(requests.filter((request) => request !== "GET /here"), ["POST /tasks"]);
        assert.equal(await row(mine, title).count(), 1);
      });

      test("everybody sees who is here, once each", async () => {
        const [one, two] = [newcomer(), newcomer()];
        const mine = await member(one);
        const here = mine.locator("#here");
        await eventually(async () => (await here.textContent()).includes(one), true);
        const yours = await member(two);
        await eventually(async () => (await here.textContent()).includes(two), true);
        const second = await yours.context().newPage();
        await second.goto("/");
        await second.locator("#here", { hasText: one }).waitFor();
        assert.equal((await here.textContent()).split(two).length, 2);
        await yours.context().close();
        await here.filter({ hasNotText: two }).waitFor({ timeout: 20_000 });
      });

      test("two windows of one person see each other's changes", async () => {
        const first = await member(newcomer());
        const second = await first.context().newPage();
        await second.goto("/");
        const title = fresh("Both windows");
        await add(first, title);
        await row(second, title).waitFor();
      });

      test("a change elsewhere leaves what is being typed alone", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        const [title, other] = [fresh("Being edited"), fresh("Meanwhile")];
        await add(mine, title);
        await mine.fill("#title", "half a thou");
        const field = await edit(mine, title);
        await field.fill("half an edit");
        await add(yours, other);
        await row(mine, other).waitFor();
        assert.equal(await field.inputValue(), "half an edit");
        assert.equal(await mine.inputValue("#title"), "half a thou");
        await eventually(() => field.evaluate((element) => element === document.activeElement), true);
        await field.press("Enter");
        await row(yours, "half an edit").waitFor();
      });

      test("an edit stays open when somebody else completes its task", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        const title = fresh("Completed elsewhere");
        await add(mine, title);
        await mine.getByRole("link", { name: "Pending" }).click();
        await mine.waitForURL("**/?filter=pending");
        const field = await edit(mine, title);
        await field.fill(`${title}, typed`);
        const before = await counts(mine);
        await toggle(yours, title);
        await eventually(() => counts(mine), { ...before, pending: before.pending - 1, completed: before.completed + 1 });
        assert.equal(await field.inputValue(), `${title}, typed`);
        await field.press("Enter");
        await row(yours, `${title}, typed`).waitFor();
        await eventually(() => mine.locator(".task.editing").count(), 0);
        assert.equal(await row(mine, `${title}, typed`).count(), 0, "it is not pending any more");
      });

      test("an edit of a task that somebody else deleted loses nothing", async () => {
        const [mine, yours] = [await member("demo", { expected: refused }), await member(newcomer())];
        const [title, later] = [fresh("Deleted elsewhere"), fresh("Added later")];
        await add(mine, title);
        const field = await edit(mine, title);
        await field.fill("typed in vain");
        await remove(yours, title);
        await add(yours, later);
        await row(mine, later).waitFor();
        assert.equal(await field.inputValue(), "typed in vain");
        await field.press("Enter");
        await mine.locator("#flash").filter({ hasText: "typed in vain" }).waitFor();
        await eventually(() => mine.locator(".task.editing").count(), 0);
        await agree(titles, mine, yours);
      });

      test("the last of two edits wins and says what it replaced", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        const title = fresh("Twice edited");
        await add(mine, title);
        await row(yours, title).waitFor();
        const [here, there] = [await edit(mine, title), await edit(yours, title)];
        await there.fill(`${title}, theirs`);
        await there.press("Enter");
        await row(yours, `${title}, theirs`).waitFor();
        await here.fill(`${title}, mine`);
        await here.press("Enter");
        await row(yours, `${title}, mine`).waitFor();
        await mine.locator("#flash").filter({ hasText: `${title}, theirs` }).waitFor();
        await agree(titles, mine, yours);
      });

      test("deleting what is deleted already takes its row away", async () => {
        const [mine, yours] = [await member("demo", { expected: new RegExp(`${lost.source}|${unreachable.source}`) }), await member(newcomer())];
        const title = fresh("Deleted twice");
        await add(mine, title);
        await mine.route(/\/\?/, (route) => route.abort()); // what would refresh the list
        await remove(yours, title);
        await row(yours, title).waitFor({ state: "detached" });
        await remove(mine, title);
        await row(mine, title).waitFor({ state: "detached" });
        await mine.locator("#flash").filter({ hasText: "Somebody has deleted" }).waitFor();
      });

      test("a filtered list takes in what belongs there and nothing else", async () => {
        const [mine, yours] = [await member(), await member(newcomer())];
        await yours.goto("/?filter=completed");
        const title = fresh("Only when done");
        await add(mine, title);
        await agree(counts, yours, mine);
        assert.equal(await row(yours, title).count(), 0);
        await toggle(mine, title);
        await row(yours, title).waitFor();
      });

      /** Plays changes while `yours` hears nothing, and expects it to be right afterwards. */
      async function missed(mine, yours, away, back) {
        const [kept, gone, added] = [fresh("Kept"), fresh("Gone"), fresh("Added")];
        await add(mine, kept);
        await add(mine, gone);
        await row(yours, gone).waitFor();
        await away();
        await yours.locator("#offline").waitFor();
        await add(mine, added);
        await toggle(mine, kept);
        await remove(mine, gone);
        await row(mine, gone).waitFor({ state: "detached" });
        await yours.waitForTimeout(1000);
        assert.equal(await row(yours, added).count(), 0);
        await back();
        await row(yours, added).waitFor({ timeout: 20_000 });
        await row(yours, gone).waitFor({ state: "detached" });
        assert.equal(await row(yours, kept).getByRole("checkbox").isChecked(), true);
        await agree(titles, yours, mine);
        await agree(counts, yours, mine);
        await yours.locator("#offline").waitFor({ state: "hidden" });
      }

      test("a browser that was offline says so, and is right again afterwards", async () => {
        const [mine, yours] = [await member(), await member(newcomer(), { expected: unreachable })];
        const offline = (is) => () => yours.context().setOffline(is);
        await missed(mine, yours, offline(true), offline(false));
      });

      test("a browser whose line was cut says so, and is right again afterwards", async () => {
        const [mine, yours] = [await member(), await member(newcomer(), { expected: unreachable, baseURL: cable.origin })];
        await missed(mine, yours, cable.cut, cable.mend);
      });

      test("tasks and users survive a restart of the server", async () => {
        const name = newcomer();
        const page = await member(name, { expected: new RegExp(`${unreachable.source}|${refused.source}`) });
        const title = fresh("Kept in the file");
        await add(page, title);
        await server.end();
        await page.locator("#offline").waitFor();
        await server.restart();
        // Its session was in memory: the page goes to the login, and from there back.
        await page.waitForURL("**/login*");
        await fillCredentials(page, name, `password of ${name}`);
        await page.getByRole("button", { name: "Log in" }).click();
        await row(page, title).waitFor();
      });

      test("a toggle that could not be sent springs back", async () => {
        const page = await member("demo", { expected: unreachable });
        const title = fresh("Unsent");
        await add(page, title);
        await page.context().setOffline(true);
        await toggle(page, title);
        await eventually(() => row(page, title).getByRole("checkbox").isChecked(), false);
        await page.locator("#errors").filter({ hasText: "did not reach the server" }).waitFor();
      });

      test("a task that could not be sent stays in its field", async () => {
        const page = await member("demo", { expected: unreachable });
        const title = fresh("Not yet");
        await page.context().setOffline(true);
        await page.fill("#title", title);
        await page.press("#title", "Enter");
        await page.locator("#errors").filter({ hasText: "did not reach the server" }).waitFor();
        await page.context().setOffline(false);
        await page.press("#title", "Enter");
        await row(page, title).waitFor();
        assert.equal(await page.locator("#errors").textContent(), "");
      });

      test("an error that the server explains is told in its words", async () => {
        const page = await member("demo", { expected: refused });
        await page.fill("#title", "Never added");
        await page.context().clearCookies();
        await page.press("#title", "Enter");
        await page.locator("#errors").filter({ hasText: "out of date" }).waitFor();
        assert.equal(await page.inputValue("#title"), "Never added");
      });

      test("a new task that is being typed outlives a login, for who typed it", async () => {
        const name = newcomer();
        const page = await member(name, { expected: refused });
        await page.fill("#title", "Half a thou");
        await page.context().clearCookies();
        await page.reload();
        await logIn(page, name, `password of ${name}`);
        assert.equal(await page.inputValue("#title"), "Half a thou");
        await page.getByRole("button", { name: "Log out" }).click();
        await logIn(page, "demo", "demo-password");
        assert.equal(await page.inputValue("#title"), "");
        await page.getByRole("button", { name: "Log out" }).click();
        await logIn(page, name, `password of ${name}`);
        const title = fresh("A whole thought");
        await add(page, title);
        await page.reload();
        assert.equal(await page.inputValue("#title"), "");
      });

      test("what is typed while an answer is awaited stays", async () => {
        const page = await member();
        await page.route("**/tasks", async (route) => {
          await new Promise((resolve) => setTimeout(resolve, 1000));
          await route.continue();
        });
        const title = fresh("First");
        await page.fill("#title", title);
        await page.press("#title", "Enter");
        await page.locator("#new-task.htmx-request").waitFor();
        await page.keyboard.type(" Second");
        await page.keyboard.press("Enter");
        await row(page, title).waitFor();
        await eventually(() => page.inputValue("#title"), "Second");
        await page.keyboard.type(" and more");
        assert.equal(await page.inputValue("#title"), "Second and more");
      });

      test("clicking twice adds and saves once", async () => {
        const page = await member();
        const title = fresh("Impatient");
        await page.fill("#title", title);
        await page.getByRole("button", { name: "Add task" }).dblclick();
        await row(page, title).waitFor();
        const field = await edit(page, title);
        await field.fill(`${title}, edited`);
        await page.getByRole("button", { name: "Save" }).dblclick();
        await row(page, `${title}, edited`).waitFor();
        await page.reload();
        assert.equal((await titles(page)).filter((each) => each.startsWith(title)).length, 1);
      });

      test("the second click of a double click asks nothing when the answer was faster", async () => {
        const page = await member();
        let posts = 0;
        page.on("request", (request) => request.method() === "POST" && posts++);
        const title = fresh("Quick answer");
        await page.fill("#title", title);
        const { x, y, width, height } = await page.getByRole("button", { name: "Add task" }).boundingBox();
        const place = [x + width / 2, y + height / 2];
        await page.mouse.click(...place);
        await row(page, title).waitFor();
        await page.mouse.down({ clickCount: 2 });
        await page.mouse.up({ clickCount: 2 });
        await page.waitForTimeout(400);
        assert.equal(posts, 1);
        assert.equal(await page.locator("#title-problem").count(), 0);
      });
    });

    describe("for everybody", () => {
      const looks = {
        light: { colorScheme: "light", viewport: { width: 1100, height: 820 } },
        dark: { colorScheme: "dark", viewport: { width: 1100, height: 820 } },
        narrow: { colorScheme: "light", viewport: { width: 360, height: 780 }, hasTouch: true, isMobile: true },
      };

      /** Waits until no answer is under way and nothing fades: what is half faded has half its contrast. */
      async function still(page) {
        await page.waitForFunction(() => {
          const fading = document.getAnimations().filter((each) => each.effect.getTiming().iterations !== Infinity);
          return fading.every((each) => each.playState === "finished") && !document.querySelector(".htmx-request");
        });
      }

      for (const [look, options] of Object.entries(looks)) {
        test(`every page passes the accessibility rules, ${look}`, async () => {
          const axe = /Applying inline style/; // what axe-core does to measure
          const page = await visitor({ ...options, expected: new RegExp(`${axe.source}|${refused.source}`) });
          const check = async (name) => {
            await still(page);
            await photograph(page, `task-manager-${htmx}-${name}-${look}`);
            assert.deepEqual(await violations(page), [], name);
          };
          await page.goto("/register");
          await fillCredentials(page, "demo", "short");
          await page.getByRole("button", { name: "Create account" }).click();
          await check("register");
          await page.goto("/login");
          await check("login");
          await logIn(page, "demo", "demo-password");
          await clear(page);
          await check("empty");
          for (const title of ["Renew the certificate", "Check the restore of last night’s backup on a machine that has never seen this database before", "Write the release notes", "Agree on the launch date with the pilot customers"]) await add(page, title);
          await toggle(page, "Renew the certificate");
          await eventually(async () => (await counts(page)).completed, 1);
          await check("board");
          await edit(page, "Write the release notes");
          await page.fill("#task-list input[name=title]", "");
          await page.press("#task-list input[name=title]", "Enter");
          await page.locator(".task.editing .problem").waitFor();
          await check("edit");
          await page.fill("#title", "");
          await page.press("#title", "Enter");
          await page.locator("#title-problem").waitFor();
          await page.getByRole("link", { name: "Completed" }).click();
          await page.waitForURL("**/?filter=completed");
          await check("completed");
          await page.goto("/account/sessions");
          await check("sessions");
          await page.goto("/no-such-page");
          await check("missing");
        });
      }
    });

    describe("without JavaScript", () => {
      const plain = { javaScriptEnabled: false };

      test("a task is added, completed, edited, filtered and deleted with plain forms", async () => {
        const page = await member("demo", { ...plain, expected: refused });
        const title = fresh("Plain");
        await add(page, title);
        assert.equal(new URL(page.url()).pathname, "/");
        await page.locator("#flash").filter({ hasText: title }).waitFor();

        await row(page, title).getByRole("button", { name: "Complete" }).click();
        await page.getByRole("link", { name: "Completed" }).click();
        assert.equal(new URL(page.url()).search, "?filter=completed");
        assert.equal(await row(page, title).getByRole("checkbox").isChecked(), true);

        await row(page, title).getByRole("button", { name: "Edit" }).click();
        await page.fill("#task-list input[name=title]", "");
        await page.getByRole("button", { name: "Save" }).click();
        await page.locator(".task.editing .problem").waitFor();
        await page.fill("#task-list input[name=title]", `${title}, renamed`);
        await page.getByRole("button", { name: "Save" }).click();
        await row(page, `${title}, renamed`).waitFor();
        assert.equal(new URL(page.url()).search, "?filter=completed");

        await row(page, `${title}, renamed`).getByRole("button", { name: "Delete" }).click();
        await page.getByRole("heading", { name: "Delete this task?" }).waitFor();
        await page.getByRole("link", { name: "Keep it" }).click();
        await row(page, `${title}, renamed`).getByRole("button", { name: "Delete" }).click();
        await page.getByRole("button", { name: "Delete" }).click();
        await page.locator("#flash").filter({ hasText: "Deleted" }).waitFor();
        assert.equal(await row(page, `${title}, renamed`).count(), 0);
        await page.reload();
        assert.equal(await page.locator("#flash li").count(), 0);
      });

      test("a refused title keeps what was typed", async () => {
        const page = await member("demo", { ...plain, expected: refused });
        const long = "x".repeat(201);
        await page.fill("#title", long);
        const [answer] = await Promise.all([page.waitForNavigation(), page.press("#title", "Enter")]);
        assert.equal(answer.status(), 422);
        assert.equal(await page.inputValue("#title"), long);
        await page.locator("#title-problem").waitFor();
      });

      test("registering, logging out and logging in again work", async () => {
        const name = newcomer();
        const page = await member(name, plain);
        await page.getByRole("button", { name: "Log out" }).click();
        await logIn(page, name, `password of ${name}`);
      });
    });
  });
}

// What a person sees and does on the task board, by the words on the screen.

import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { isDeepStrictEqual } from "node:util";

const axe = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

/** Opens the login page and signs in; waits for the board. */
export async function logIn(page, username, password) {
  await page.goto("/login");
  await fillCredentials(page, username, password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

/** Creates an account; the new user is signed in. */
export async function register(page, username, password) {
  await page.goto("/register");
  await fillCredentials(page, username, password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.waitForURL((url) => url.pathname === "/");
}

export async function fillCredentials(page, username, password) {
  await page.fill("input[name=username]", username);
  await page.fill("input[name=password]", password);
}

/** The row of the task with exactly this title. */
export function row(page, title) {
  return page.locator("#task-list > li").filter({ has: page.getByText(title, { exact: true }) });
}

export const titles = (page) => page.locator("#task-list .title").allTextContents();

export async function add(page, title) {
  await page.fill("#new-task input[name=title]", title);
  await page.press("#new-task input[name=title]", "Enter");
  await row(page, title).waitFor();
}

export const toggle = (page, title) => row(page, title).getByRole("checkbox").click();

export async function edit(page, title) {
  await row(page, title).getByRole("button", { name: "Edit", exact: true }).click();
  const field = page.locator("#task-list input[name=title]");
  await field.waitFor();
  return field;
}

/** Clicks Delete and answers the question. */
export async function remove(page, title, confirm = true) {
  const question = page.waitForEvent("dialog").then(async (dialog) => {
    await (confirm ? dialog.accept() : dialog.dismiss());
    return dialog.message();
  });
  await row(page, title).getByRole("button", { name: "Delete", exact: true }).click();
  return question;
}

/** Deletes every task. */
export async function clear(page) {
  for (const title of await titles(page)) {
    await remove(page, title);
    await row(page, title).waitFor({ state: "detached" });
  }
}

/** Keeps a picture for people to look at. A busy machine may need a second attempt. */
export async function photograph(page, name) {
  const picture = { path: `screenshots/${name}.png` };
  await page.screenshot(picture).catch(() => page.screenshot({ ...picture, timeout: 60_000 }));
}

/** What axe-core finds wrong with the page, in a line each. */
export async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target} ${failureSummary}`));
}

/** The three counters, as numbers. */
export async function counts(page) {
  const read = async (id) => Number(await page.locator(`#${id}`).textContent());
  return { total: await read("total-count"), pending: await read("pending-count"), completed: await read("completed-count") };
}

/** Waits until `look` gives `expected`; fails with the last thing seen. */
export async function eventually(look, expected, milliseconds = 8000) {
  const want = JSON.stringify(expected);
  const deadline = Date.now() + milliseconds;
  let seen;
  do {
    seen = JSON.stringify(await look());
    if (seen === want) return;
    await new Promise((resolve) => setTimeout(resolve, 40));
  } while (Date.now() < deadline);
  throw new Error(`expected ${want}, saw ${seen}`);
}

/** Waits until both pages show the same. */
export async function agree(look, one, other) {
  await eventually(async () => {
    const [here, there] = [await look(one), await look(other)];
    return isDeepStrictEqual(here, there) ? "the same" : { here, there };
  }, "the same");
}

/** A line to the server at `port()` that can be cut: nothing gets through until it is mended. */
export function line(port) {
  const open = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(port(), "127.0.0.1");
    for (const [from, to] of [[near, far], [far, near]]) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => open.delete(from) && to.destroy());
    }
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({
        origin: `http://127.0.0.1:${server.address().port}`,
        cut() {
          isCut = true;
          for (const socket of open) socket.destroy();
        },
        mend: () => (isCut = false),
        close: () => server.close(),
      }),
    );
  });
}

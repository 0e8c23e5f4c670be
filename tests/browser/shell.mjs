// The shell page of the conformance fixture: a suite puts markup into it and clicks.

/** The address of an answer that `spec` describes. */
export const respond = (spec) => `/t/respond?spec=${encodeURIComponent(JSON.stringify(spec))}`;

/** Text for a quoted attribute. */
export const attribute = (html) =>
  html.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");

/** A button that fetches `url` into `#out`; `more` are further attributes. */
export const button = (url, more = "") =>
  `<button id="go" hx-get="${attribute(url)}" hx-target="#out" ${more}>go</button>`;

/** The trimmed text of an element. */
export const text = async (page, selector) => (await page.locator(selector).textContent()).trim();

/** Opens the shell with the scripts of one version, and puts markup into it as a server would. */
export async function openShell(page, origin, version, markup, query = "") {
  await page.goto(`${origin}/t/shell?v=${version}${query}`);
  await page.evaluate((html) => {
    const main = document.querySelector("#main");
    main.innerHTML = html;
    window.htmx.process(main);
  }, markup);
  return page;
}

/** Acts, and waits until htmx has swapped an answer or left it. */
export async function answered(page, act) {
  await page.evaluate(() => {
    window.answered = false;
    for (const name of ["htmx:afterOnLoad", "htmx:finally:request"]) {
      document.addEventListener(name, () => { window.answered = true; }, { once: true });
    }
  });
  await act();
  await page.waitForFunction(() => window.answered, null, { timeout: 5000 });
}

/** Clicks, and waits until htmx has swapped the answer or left it. */
export const click = (page, selector = "#go") => answered(page, () => page.click(selector));

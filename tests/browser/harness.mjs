// Starts examples and browsers for the suites, and ends them.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { accessSync, constants } from "node:fs";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * Starts a built example on a free port, in an empty folder of its own.
 *
 * `environment` adds to the framework's own keys. Returns its origin, `stop()`, and `restart()`,
 * which keeps port and folder.
 */
export async function startExample(name, environment = {}) {
  const program = resolve(process.env.ACTON_EXAMPLES ?? "../../target/debug/examples", name);
  const folder = await mkdtemp(join(tmpdir(), `acton-${name}-`));
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const env = {
    PATH: process.env.PATH,
    RUST_LOG: "warn",
    ACTON_SERVICE__BIND: `127.0.0.1:${port}`,
    ACTON_SERVICE__PUBLIC_ORIGIN: origin,
    ...environment,
  };
  let child;
  const start = async () => {
    child = spawn(program, { cwd: folder, env, stdio: ["ignore", "inherit", "inherit"] });
    await answering(origin, child);
  };
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), 5000);
    const code = await ended;
    clearTimeout(force);
    if (code !== 0) throw new Error(`the example did not end by itself within 5 s, with code ${code}`);
  };
  await start();
  return {
    origin,
    async stop() {
      await end();
      await rm(folder, { recursive: true, force: true });
    },
    async restart() {
      await end();
      await start();
    },
    /** Ends it and leaves it down until `restart()`. */
    end,
  };
}

/** One Chromium, with contexts that report what a person would find in the console. */
export async function openBrowser() {
  const browser = await chromium.launch({ executablePath: findChromium(), args: FLAGS });
  return {
    /** A new person: a context of their own, with a page in it. `options` are Playwright's. */
    async person(options = {}) {
      const context = await browser.newContext(options);
      const page = await context.newPage();
      const problems = watch(page);
      return { context, page, problems };
    },
    /** A page in a new context, for suites that expect errors of their own making. */
    async page(options = {}) {
      return (await this.person(options)).page;
    },
    close: () => browser.close(),
  };
}

/** Collects uncaught errors, violations of the Content-Security-Policy and console errors. */
function watch(page) {
  const problems = [];
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
  return problems;
}

async function answering(origin, child) {
  for (let tries = 0; tries < 400; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the example ended at start with ${child.exitCode}`);
    const answer = await fetch(`${origin}/health`).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nothing answers at ${origin}/health`);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function findChromium() {
  for (const folder of process.env.PATH.split(delimiter)) {
    for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not here
      }
    }
  }
  throw new Error("Chromium is not installed; on Debian: apt-get install chromium");
}

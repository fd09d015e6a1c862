// Headless Chromium.  In: a page's URL and a scenario.  Out: what the page logged, what the
// network refused and what the console complained about.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

export const executable = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Why there is nothing to run, or false. */
export const missing = existsSync(executable) ? false : `no Chromium at ${executable}`;

const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--autoplay-policy=no-user-gesture-required", "--mute-audio",
];

export async function launch() {
  return chromium.launch({ executablePath: executable, headless: true, args: flags });
}

/** Runs `scenario` of client.mjs in a page of its own. */
export async function run(browser, pages, scenario, player, url, more) {
  const page = await browser.newPage();
  const network = [];
  page.on("console", (message) => {
    if (message.type() === "error") network.push(`console: ${message.text()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) network.push(`${response.status()} ${response.url()}`);
  });
  page.on("pageerror", (error) => network.push(`page: ${error.message}`));
  try {
    await page.goto(`${pages}/page.html`);
    await page.waitForFunction("globalThis.scenario");
    const call = ([scenario, ...rest]) => globalThis.scenario[scenario](...rest);
    const result = await page.evaluate(call, [scenario, player, url, more]);
    return { ...result, network };
  } catch (error) {
    throw new Error(`${error.message} ${JSON.stringify(network)}`);
  } finally {
    await page.close();
  }
}

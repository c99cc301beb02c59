/** The browser of the tests: Debian's Chromium, or the one that CHROMIUM_PATH names. */
import { type Browser, chromium } from 'playwright';

const executablePath = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

/** Without what calls home. @param more  arguments of its own */
export function launchChromium(...more: string[]): Promise<Browser> {
  return chromium.launch({
    timeout: 120_000,
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}

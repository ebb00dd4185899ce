import { type Browser, chromium } from "playwright-core";

import { findProgram } from "./installed-program.ts";

/** The Chromium that is installed here, under one of its names; undefined if none is installed. */
export async function findChromium(): Promise<string | undefined> {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    const path = await findProgram(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Starts the installed Chromium without a window. Close it at the end. */
export function launchChromium(executablePath: string): Promise<Browser> {
  // Its sandbox does not work for root, or in most containers. It opens pages of this test alone.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";

import { type Browser, chromium } from "playwright-core";

/** The Chromium that is installed here, under one of its names; undefined if none is installed. */
export async function findChromium(): Promise<string | undefined> {
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter((entry) => entry !== "");
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const directory of directories) {
      const path = join(directory, name);
      const usable = await access(path, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (usable) return path;
    }
  }
  return undefined;
}

/** Starts the installed Chromium without a window. Close it at the end. */
export function launchChromium(executablePath: string): Promise<Browser> {
  // Its sandbox does not work for root, or in most containers. It opens pages of this test alone.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

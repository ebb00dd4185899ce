// Writes docs/flags.md from the flags of the command: node scripts/flags-page.ts
import { readFileSync, writeFileSync } from "node:fs";

import { loadCommands } from "../packages/cli/src/commands/index.ts";
import { flagsPage } from "../packages/cli/src/manual/flags-page.ts";

const page = new URL("../docs/flags.md", import.meta.url);
// The text before the first command is written by hand.
const [introduction = ""] = readFileSync(page, "utf8").split(/^(?=## upload$)/m);
writeFileSync(page, flagsPage(await loadCommands(), introduction.trimEnd() + "\n"));

import { execFile } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ForeignTool } from "./foreign-tool.ts";

/** A Python that has some modules, or why it is not available. The first one on the path may lack what the system's one has. */
export async function findPython(...modules: readonly string[]): Promise<ForeignTool> {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"].filter((entry) => entry !== "");
  for (const directory of new Set(directories)) {
    const path = join(directory, "python3");
    const imported = promisify(execFile)(path, ["-c", `import ${modules.join(", ")}`]);
    const present = await imported.then(
      () => true,
      () => false,
    );
    if (present) return ForeignTool.at(`Python's ${modules[0]}`, path);
  }
  return ForeignTool.at(`Python's ${modules[0]}`, undefined);
}

/** The path of a program in `test/python`. */
export function pythonProgram(name: string): string {
  return fileURLToPath(new URL(`../python/${name}.py`, import.meta.url));
}

import { styleText } from "node:util";

import { type DefinedCommand, defineCommand } from "../command.ts";
import type { Outcome, Scene } from "../demo/scene.ts";
import { pictureLines, wirePicture } from "../demo/wire-picture.ts";
import type { Run } from "../process/process-run.ts";
import { wrappedText } from "../terminal/wrapped-text.ts";

interface DemoArguments {
  readonly json: boolean;
  readonly quiet: boolean;
}

const flags = {
  json: { type: "boolean", default: false, describe: "print a JSON object for each scene" },
  quiet: { alias: "q", type: "boolean", default: false, describe: "print only scenes that ended otherwise" },
} as const;

/** `trailsum demo` */
export const demoCommand: DefinedCommand = defineCommand<DemoArguments>({
  synopsis: "trailsum demo",
  about: "Each scene checks what it shows. The exit status is 1 if one ended otherwise.",
  examples: [
    { does: "watch a client, a proxy and a server, and what faults do", line: "trailsum demo" },
    { does: "see that everything works here", line: "trailsum demo --json | jq -c '[.scene, .ok]'" },
  ],
  flags,
  run: demo,
});

async function demo({ json, quiet }: DemoArguments, run: Run): Promise<void> {
  const [{ openStage }, { scenes }] = await Promise.all([import("../demo/stage.ts"), import("../demo/scenes.ts")]);
  const stage = await openStage(run.signal);
  const isText = !json && !quiet;
  let failed = 0;
  try {
    if (isText) await run.print("A server, and in front of it a proxy that verifies what it forwards.\n");
    for (const [at, scene] of scenes.entries()) {
      const title = `\n${styleText("bold", `${at + 1}. ${scene.title}`)}\n`;
      if (isText) await run.print(title);
      const outcome = await scene.play(stage);
      run.signal.throwIfAborted();
      if (!outcome.ok) failed += 1;
      if (quiet && outcome.ok) continue;
      if (json) await run.print(`${JSON.stringify(jsonResult(scene, outcome))}\n`);
      else await run.print(isText ? outcomeText(outcome) : title + outcomeText(outcome));
    }
  } finally {
    await stage.close();
  }
  if (isText) await run.print(`\n${failed === 0 ? "All scenes ended as expected." : `${failed} ended otherwise.`}\n`);
  if (failed > 0) run.fail(1);
}

const INDENT = 3;
/** The narrowest usual terminal has 80. */
const COLUMNS = 80 - 2 * INDENT - 1;

function outcomeText({ ok, seen, exit, hops = [] }: Outcome): string {
  const pictures = hops.flatMap(({ hop, record }) => [
    "",
    styleText("underline", `From the ${hop.replace(" to ", " to the ")}:`),
    ...pictureLines(wirePicture(record), COLUMNS).map((line) => (line === "" ? "" : " ".repeat(INDENT) + line)),
  ]);
  const verdict = ok ? styleText("green", "as expected") : styleText("red", "NOT as expected");
  const sentences = seen.flatMap((sentence) => wrappedText(sentence, COLUMNS));
  const lines = [...pictures, "", ...sentences, `Exit status ${exit}: ${verdict}.`];
  return `${lines.map((line) => (line === "" ? "" : " ".repeat(INDENT) + line)).join("\n")}\n`;
}

function jsonResult({ name, title }: Scene, { ok, seen, exit, hops = [] }: Outcome): object {
  return {
    scene: name,
    title,
    ok,
    exit,
    seen,
    ...(hops.length > 0 && {
      hops: hops.map(({ hop, record }) => {
        const { head, trailers, bytes } = wirePicture(record);
        return { hop, head, trailers, bytes };
      }),
    }),
  };
}

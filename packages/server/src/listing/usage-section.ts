import type { ListedDirectory } from "./listed-directory.ts";
import { htmlText } from "@trailsum/shared";

/** What the root page says of this server: what it does, and the commands that use it. */
export function usageSection({ url, readOnly }: ListedDirectory): string {
  const commands = [...(readOnly ? [] : uploading(url)), ...downloading(url)];
  return `<section class="usage" aria-labelledby="usage">
<h2 id="usage">${readOnly ? "Download from here" : "Upload and download"}</h2>
<p>This is a trailsum server. It checks the digests of what it receives, keeps only what matches them, and sends digests
with every download.</p>
<dl>
${commands.map(([what, command]) => `<dt>${htmlText(what)}</dt><dd><pre><code>${htmlText(command)}</code></pre></dd>`).join("\n")}
</dl>
</section>
`;
}

type Command = readonly [what: string, command: string];

function uploading(url: string): Command[] {
  const digest = `$(openssl dgst -sha256 -binary FILE | base64)`;
  return [
    ["Upload a file with trailsum", `trailsum upload FILE ${url}`],
    ["Upload a pipe", `tar c . | trailsum upload - ${url}backup.tar`],
    ["Upload a file with curl", `curl -T FILE -H "Repr-Digest: sha-256=:${digest}:" ${url}`],
  ];
}

function downloading(url: string): Command[] {
  return [
    ["Download and verify with trailsum", `trailsum download ${url}FILE`],
    ["Download with curl", `curl -fO ${url}FILE`],
  ];
}

import { extraRequests, faultsOf, type WalkedPath, type WalkedPaths } from "./walked.ts";

/** What was measured as a Markdown document. */
export function pathsReport({ size, flippedSize, paths }: WalkedPaths): string {
  return `# Which path takes which delivery mode

A pipe of ${size / 2 ** 20} MiB and unknown length, uploaded by \`trailsum upload -\` with default flags to \`trailsum serve\`. Made by
\`pnpm conformance paths\`. An empty cell was not measured.

${modesTable(paths)}

${promise(paths)}

## Why, and by which requests

${reasonsTable(paths)}

\`requests\` are those that reached the server, and how many of them are more than the mode takes: when nothing is known of a
path, one asks what the server supports and what happens to trailers (OPTIONS with a trailer). Over TLS without a hop they cannot be seen.

## One bit flipped between the last hop and the server

Exit codes of uploads of ${flippedSize / 2 ** 20} MiB by \`--delivery\`. 6 says that the content is another one. On a path that loses
trailers, \`trailers\` fails for that reason, with 7 or 3. Nothing was stored. \`header\` uploads a file, the others a pipe.

${table(
  ["path", "client speaks", "auto", "trailers", "header", "two-step"],
  paths.flatMap((path) =>
    path.flipped === undefined
      ? []
      : [
          [
            titleOf(path),
            protocolOf(path),
            ...["auto", "trailers", "header", "two-step"].map((asked) => `${path.flipped![asked as "auto"]}`),
          ],
        ],
  ),
)}
`;
}

/** What holds on all paths, or where it does not. */
function promise(paths: readonly WalkedPath[]): string {
  const faulty = paths.filter((path) => faultsOf(path).length > 0);
  if (faulty.length === 0) return "On every path the content was sent once, and what was stored is what was sent.";
  return `Not as promised: ${faulty.map((path) => `${path.name} (${faultsOf(path).join("; ")})`).join(", ")}.`;
}

/** The mode of each path, by what the client speaks. */
function modesTable(paths: readonly WalkedPath[]): string {
  const titles = [...new Set(paths.map(titleOf))];
  const mode = (title: string, version: string): string => {
    const path = paths.find((one) => titleOf(one) === title && one.version === version);
    return path === undefined ? "" : (path.mode ?? `exit ${path.exitCode}`);
  };
  return table(
    ["path", "HTTP/1.1", "HTTP/2 over TLS"],
    titles.map((title) => [title, mode(title, "1.1"), mode(title, "2")]),
  );
}

/** Each upload: its mode, its requests and the reason of the mode. */
function reasonsTable(paths: readonly WalkedPath[]): string {
  return table(
    ["path", "client speaks", "mode", "requests", "reason"],
    paths.map((path) => [
      titleOf(path),
      protocolOf(path),
      path.mode ?? `exit ${path.exitCode}`,
      requestsOf(path),
      path.reason ?? path.complaint ?? "",
    ]),
  );
}

function titleOf({ name, software }: WalkedPath): string {
  return software.length === 1 && !software[0]!.startsWith("v") ? name.replace(/^([^,]+)/, `$1 ${software[0]}`) : name;
}

function protocolOf({ version }: WalkedPath): string {
  return version === "2" ? "HTTP/2 over TLS" : "HTTP/1.1";
}

function requestsOf(path: WalkedPath): string {
  if (path.requests === undefined) return "";
  const extra = extraRequests(path) ?? 0;
  return extra > 0 ? `${path.requests.length} (${extra} extra)` : `${path.requests.length}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

import type { ConformanceCase } from "./conformance-case.ts";
import { count, type Outcome, type Score } from "./score.ts";

const SIGNS = { kept: "✓", differs: "·", wrong: "✗" } as const;

/** The scores as a Markdown document: at a glance, area by area, case by case. */
export function report(scores: readonly Score[], cases: readonly ConformanceCase[]): string {
  const areas = [...new Set(cases.map(areaOf))];
  const names = scores.map(({ name, version }) => `${name} ${version}`);
  const outcome = ({ outcomes }: Score, { id }: ConformanceCase): Outcome | undefined => outcomes[id];
  const cell = (score: Score, some: readonly ConformanceCase[]): string => {
    const { kept, wrong, asked } = count(some.map((one) => outcome(score, one)));
    return asked === 0 ? "" : `${kept}/${asked}${wrong === 0 ? "" : ` (${wrong} ✗)`}`;
  };
  const total = scores.map((score) => {
    const { kept, differs, wrong, asked } = count(cases.map((one) => outcome(score, one)));
    return [`${score.name} ${score.version}`, kept, differs, wrong, asked].map(String);
  });
  return [
    "# Which reverse proxy keeps what",
    "",
    `${cases.length} cases on the wire of HTTP/1.1, each with a scripted origin and a raw client. Made by \`pnpm conformance\`.`,
    "✓ kept · differs where the RFCs leave a choice ✗ wrong. Cases about settings of one proxy are asked of that one alone.",
    "",
    table(["proxy", "kept", "differs by choice", "wrong", "asked"], total),
    "",
    "## By area: kept of those asked, and how many are wrong",
    "",
    table(
      ["area", ...names],
      areas.map((area) => {
        const some = cases.filter((one) => areaOf(one) === area);
        return [area, ...scores.map((score) => cell(score, some))];
      }),
    ),
    "",
    ...areas.flatMap((area) => [
      `## ${area}`,
      "",
      table(
        ["case", "rules", "choice", ...names],
        cases.filter((one) => areaOf(one) === area).map((one) => row(one, scores)),
      ),
      "",
    ]),
  ].join("\n");
}

function row(one: ConformanceCase, scores: readonly Score[]): string[] {
  const name = `${one.id.slice(one.id.indexOf("/") + 1)}: ${one.title}`;
  const signs = scores.map(({ outcomes }) => sign(outcomes[one.id]));
  return [name, one.rules.join(", "), one.choice ? "yes" : "", ...signs];
}

function areaOf({ id }: ConformanceCase): string {
  return id.slice(0, id.indexOf("/"));
}

function sign(outcome: Outcome | undefined): string {
  return outcome === undefined ? "" : SIGNS[outcome.verdict];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

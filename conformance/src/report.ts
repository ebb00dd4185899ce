import { type Combination, combinationId, combinations, combinationTitle } from "./combination.ts";
import type { ConformanceCase } from "./conformance-case.ts";
import { casesOf } from "./playable.ts";
import { count, type Outcome, type Score } from "./score.ts";

const SIGNS = { kept: "✓", differs: "·", wrong: "✗" } as const;

/** The name of the file with the cases of a combination. */
export function reportFile(combination: Combination): string {
  return `reverse-proxies-${combinationId(combination)}.md`;
}

/** All scores as a Markdown document: at a glance, a combination a column. */
export function overview(scores: readonly Score[], cases: readonly ConformanceCase[]): string {
  const total = combinations.reduce((sum, combination) => sum + casesOf(cases, combination).length, 0);
  const links = combinations.map(
    (one) => `- [${combinationTitle(one)}](${reportFile(one)}), ${casesOf(cases, one).length} cases`,
  );
  return [
    "# Which reverse proxy keeps what",
    "",
    `${cases.length} cases, each with a scripted origin and a raw client, in all combinations of protocols that they can be played`,
    `in: ${total} exchanges. Made by \`pnpm conformance\`. A cell shows how many are kept of those asked; of the others those that`,
    "are wrong, where the RFCs leave no choice. Cases about settings of one proxy are asked of that one alone; an empty cell is",
    "a combination that the proxy does not speak.",
    "",
    table(
      ["proxy", ...combinations.map(combinationTitle)],
      scores.map((score) => [
        `${score.name} ${score.version}`,
        ...combinations.map((one) => cell(Object.values(score.outcomes[combinationId(one)] ?? {}))),
      ]),
    ),
    "",
    "Case by case:",
    "",
    ...links,
    "",
  ].join("\n");
}

/** The scores in one combination as a Markdown document: at a glance, area by area, case by case. */
export function report(
  all: readonly Score[],
  { cases, combination }: { readonly cases: readonly ConformanceCase[]; readonly combination: Combination },
): string {
  const id = combinationId(combination);
  const scores = all.filter(({ outcomes }) => outcomes[id] !== undefined);
  const asked = casesOf(cases, combination);
  const areas = [...new Set(asked.map(areaOf))];
  const names = scores.map(({ name, version }) => `${name} ${version}`);
  const outcomeOf = (score: Score, one: ConformanceCase): Outcome | undefined => score.outcomes[id]?.[one.id];
  const totals = scores.map((score) => {
    const counts = count(asked.map((one) => outcomeOf(score, one)));
    return [`${score.name} ${score.version}`, counts.kept, counts.differs, counts.wrong, counts.asked].map(String);
  });
  return [
    `# Which reverse proxy keeps what: ${combinationTitle(combination)}`,
    "",
    `${asked.length} cases, client and origin speaking ${combinationTitle(combination)}. Made by \`pnpm conformance\`.`,
    "✓ kept · differs where the RFCs leave a choice ✗ wrong. Cases about settings of one proxy are asked of that one alone.",
    "",
    table(["proxy", "kept", "differs by choice", "wrong", "asked"], totals),
    "",
    "## By area: kept of those asked, and how many are wrong",
    "",
    table(
      ["area", ...names],
      areas.map((area) => {
        const some = asked.filter((one) => areaOf(one) === area);
        return [area, ...scores.map((score) => cell(some.map((one) => outcomeOf(score, one))))];
      }),
    ),
    "",
    ...areas.flatMap((area) => [
      `## ${area}`,
      "",
      table(
        ["case", "rules", "choice", ...names],
        asked
          .filter((one) => areaOf(one) === area)
          .map((one) => {
            const about = [
              `${one.id.slice(area.length + 1)}: ${one.title}`,
              one.rules.join(", "),
              one.choice ? "yes" : "",
            ];
            return about.concat(scores.map((score) => sign(outcomeOf(score, one))));
          }),
      ),
      "",
    ]),
  ].join("\n");
}

function cell(outcomes: readonly (Outcome | undefined)[]): string {
  const { kept, wrong, asked } = count(outcomes);
  if (asked === 0) return "";
  return `${kept}/${asked}${wrong === 0 ? "" : ` (${wrong} ✗)`}`;
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

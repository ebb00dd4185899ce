/** Figures as they are to be drawn. */
export type Plot = BarPlot | LinePlot;

/** One bar for each subject, ours set apart. */
export interface BarPlot {
  readonly kind: "bars";
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly { readonly label: string; readonly value: number; readonly pale?: boolean }[];
}

/** One line for each subject. */
export interface LinePlot {
  readonly kind: "lines";
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly lines: readonly Line[];
}

interface Line {
  readonly label: string;
  readonly points: readonly (readonly [number, number])[];
  /** What the others are compared with. */
  readonly pale?: boolean;
}

interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
  /** Where it is marked, without which it is at round numbers. */
  readonly marks?: readonly { readonly at: number; readonly label: string }[];
}

const WIDTH = 820;
const OWN = "#c2410c";
const GREY = "#64748b";
const COLOURS = ["#2563eb", "#059669", "#7c3aed", "#a16207", "#db2777", "#0891b2", "#65a30d", "#111827"];

/** A plot as an SVG document. */
export function draw(plot: Plot): string {
  return plot.kind === "bars" ? drawBars(plot) : drawLines(plot);
}

function drawBars({ title, unit, bars }: BarPlot): string {
  const [left, top, rowHeight] = [300, 44, 26];
  const height = top + bars.length * rowHeight + 16;
  const most = Math.max(...bars.map(({ value }) => value));
  const rows = bars.map(({ label, value, pale }, row) => {
    const y = top + row * rowHeight;
    const length = (value / most) * (WIDTH - left - 110);
    const fill = isOwn(label) ? OWN : GREY;
    return [
      text(left - 8, y + 14, label, "end"),
      `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="18" fill="${fill}"${pale ? ' fill-opacity="0.4"' : ""}/>`,
      text(left + length + 6, y + 14, `${rounded(value)} ${unit}`),
    ].join("\n");
  });
  return document(title, height, rows);
}

function drawLines({ title, x, y, lines }: LinePlot): string {
  const [left, top, right, bottom, height] = [70, 64, 240, 52, 440];
  const all = lines.flatMap(({ points }) => points);
  const across = scaleOf(
    x,
    all.map(([at]) => at),
    left,
    WIDTH - right,
  );
  const upward = scaleOf(
    y,
    all.map(([, at]) => at),
    height - bottom,
    top,
  );
  const grid = [
    ...across.marks.map(({ at, label }) =>
      [
        rule(across.place(at), top, across.place(at), height - bottom),
        text(across.place(at), height - 32, label, "middle"),
      ].join("\n"),
    ),
    ...upward.marks.map(({ at, label }) =>
      [
        rule(left, upward.place(at), WIDTH - right, upward.place(at)),
        text(left - 8, upward.place(at) + 4, label, "end"),
      ].join("\n"),
    ),
    text((left + WIDTH - right) / 2, height - 10, x.label, "middle"),
    text(left - 8, top - 14, y.label, "end"),
  ];
  const drawn = lines.map(({ label, points, pale = false }, number) => {
    const colour = isOwn(label) ? OWN : pale ? GREY : COLOURS[number % COLOURS.length]!;
    const path = points.map(([px, py]) => `${across.place(px).toFixed(1)},${upward.place(py).toFixed(1)}`).join(" ");
    const legend = top + 10 + number * 22;
    return [
      `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="${isOwn(label) ? 3 : 1.75}"${pale ? ' stroke-dasharray="4 3"' : ""}/>`,
      ...points.map(
        ([px, py]) =>
          `<circle cx="${across.place(px).toFixed(1)}" cy="${upward.place(py).toFixed(1)}" r="3" fill="${colour}"/>`,
      ),
      `<rect x="${WIDTH - right + 16}" y="${legend - 9}" width="14" height="4" fill="${colour}"/>`,
      text(WIDTH - right + 36, legend - 2, label),
    ].join("\n");
  });
  return document(title, height, [...grid, ...drawn]);
}

interface Scale {
  place(value: number): number;
  readonly marks: readonly { readonly at: number; readonly label: string }[];
}

/** How values lie between two places. */
function scaleOf(axis: Axis, values: readonly number[], from: number, to: number): Scale {
  const log = axis.scale === "log";
  const bend = log ? Math.log10 : (value: number): number => value;
  const least = log ? Math.min(...values) : 0;
  const most = Math.max(...values);
  const [low, high] = [bend(least), bend(most)];
  return {
    place: (value) => from + ((bend(value) - low) / (high - low || 1)) * (to - from),
    marks: axis.marks ?? (log ? decades(least, most) : steps(most)).map((at) => ({ at, label: rounded(at) })),
  };
}

function decades(least: number, most: number): number[] {
  const first = Math.ceil(Math.log10(least));
  const marks = Array.from({ length: Math.floor(Math.log10(most)) - first + 1 }, (_, at) => 10 ** (first + at));
  // Within one decade there are no two of them to read a scale by.
  return marks.length > 1 ? marks : [least, (least + most) / 2, most];
}

function steps(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most || 1));
  const step = [0.2, 0.5, 1, 2].map((part) => part * power).find((width) => most / width <= 6) ?? power;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, at) => at * step);
}

function rounded(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end" = "start"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escape(content)}</text>`;
}

function rule(x1: number, y1: number, x2: number, y2: number): string {
  return `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" stroke="#e2e8f0"/>`;
}

function document(title: string, height: number, content: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" font-family="sans-serif" font-size="13" fill="#1e293b">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="12" y="22" font-size="15" font-weight="bold">${escape(title)}</text>
${content.join("\n")}
</svg>
`;
}

/** Subjects are distinguished by their names. */
function isOwn(label: string): boolean {
  return label.replaceAll("`", "").startsWith("trailsum");
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("`", "");
}

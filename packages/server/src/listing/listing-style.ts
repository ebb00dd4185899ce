/** The style of the page: no script, no other file, light and dark, from 320 px up. */
export const listingStyle = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2024, #e6e9ee);
  --quiet: light-dark(#5b6470, #9aa4b2);
  --line: light-dark(#e3e7ec, #2a3039);
  --hover: light-dark(#f3f6f9, #1b2027);
  --paper: light-dark(#ffffff, #12161b);
  --panel: light-dark(#f7f9fb, #181d24);
  --link: light-dark(#0b5cad, #7db7f5);
  --good: light-dark(#17693a, #6fcf97);
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 72rem; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--text);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
a { color: var(--link); text-decoration: none; text-underline-offset: .2em }
a:hover, a:focus-visible { text-decoration: underline }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 2px }
nav ol { display: flex; flex-wrap: wrap; margin: 0; padding: 0; list-style: none; color: var(--quiet); font-size: .9375rem }
nav li + li::before { content: "/"; padding: 0 .5rem }
nav bdi, h1 { overflow-wrap: anywhere }
h1 { margin: .25rem 0 1.25rem; font-size: clamp(1.375rem, 4vw, 1.75rem); line-height: 1.25; letter-spacing: -.01em }
h2 { margin: 0 0 .25rem; font-size: 1.0625rem }
table { width: 100%; border-collapse: collapse }
caption { padding: 0 0 .75rem; text-align: start; color: var(--quiet); font-size: .9375rem }
thead { border-bottom: 1px solid var(--line) }
th, td { padding: .5rem .75rem; text-align: start; vertical-align: baseline; font-weight: 400 }
:is(th, td):first-child { padding-inline-start: 0 }
:is(th, td):last-child { padding-inline-end: 0 }
thead th { color: var(--quiet); font-size: .8125rem; white-space: nowrap }
thead th:first-child { width: 100% }
thead a { color: inherit }
th[aria-sort] a { color: var(--text); font-weight: 600 }
th[aria-sort=ascending] a::after { content: " \\2191" }
th[aria-sort=descending] a::after { content: " \\2193" }
tbody tr { border-bottom: 1px solid var(--line) }
tbody tr:hover { background: var(--hover) }
tbody th { overflow-wrap: anywhere; min-width: 12rem }
.directory a { font-weight: 600 }
.size { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums }
time { white-space: nowrap; font-variant-numeric: tabular-nums }
td { color: var(--quiet); font-size: .9375rem }
.verified time::before { content: "\\2713\\a0" / ""; color: var(--good) }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .8125rem }
.digest code { display: block; width: 15ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; user-select: all }
.empty { padding: 2.5rem 1rem; border: 1px dashed var(--line); border-radius: .5rem; text-align: center; color: var(--quiet) }
.usage { margin-top: 2.5rem; padding: 1.25rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--panel) }
.usage p { margin: 0 0 1rem; color: var(--quiet); max-width: 65ch }
dl { margin: 0 }
dt { margin-top: .75rem; font-size: .875rem; color: var(--quiet) }
dd { margin: .25rem 0 0 }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; user-select: all }
footer { margin-top: 2rem; color: var(--quiet); font-size: .8125rem }
@media (max-width: 44rem) {
  table, caption, thead, tbody { display: block }
  thead tr { display: flex; gap: 1.25rem; padding-bottom: .5rem }
  thead th, thead th:first-child { padding: 0; width: auto }
  thead th:not(:has(a)) { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
  tbody tr { display: grid; grid-template-columns: 1fr auto; gap: .125rem 1rem; padding: .75rem 0 }
  tbody th, td { padding: 0; min-width: 0 }
  tbody th { grid-column: 1 / -1 }
  td { font-size: .8125rem }
  td.size { order: 1 }
  .verified { order: 2 }
  .digest { order: 3; grid-column: 2 }
  .digest code { width: 14ch }
  .verified:empty, .digest:empty, .size:empty { display: none }
}
@media print { body { max-width: none; padding: 0 } .digest code { width: auto; white-space: normal; overflow-wrap: anywhere } .usage { display: none } }
`;

/** The style of the page: no other file, light and dark, from 320 px up. */
export const statusStyle = `
:root {
  color-scheme: light dark;
  --text: light-dark(#1c2024, #e6e9ee);
  --quiet: light-dark(#5b6470, #9aa4b2);
  --line: light-dark(#e3e7ec, #2a3039);
  --paper: light-dark(#ffffff, #12161b);
  --good: light-dark(#17693a, #6fcf97);
  --bad: light-dark(#a3261b, #ff9d92);
}
* { box-sizing: border-box }
body {
  margin: 0 auto; max-width: 64rem; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--text); font: 1rem/1.5 system-ui, sans-serif;
}
h1 { margin: 0 0 1rem; font-size: 1.5rem }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.0625rem }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); gap: .75rem; margin: 0 }
dl div { padding: .5rem .75rem; border: 1px solid var(--line); border-radius: .5rem }
dt, p, thead th { color: var(--quiet); font-size: .875rem }
dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums }
table { width: 100%; border-collapse: collapse }
th, td { padding: .375rem .75rem .375rem 0; text-align: start; vertical-align: baseline; font-weight: 400; border-bottom: 1px solid var(--line) }
td { font-variant-numeric: tabular-nums }
bdi { overflow-wrap: anywhere }
progress { width: 6rem; max-width: 100%; accent-color: var(--good) }
.good { color: var(--good) }
.bad { color: var(--bad) }
`;

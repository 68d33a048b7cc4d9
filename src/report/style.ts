/** The look of a page: one column, light or dark as the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --paper: #ffffff; --soft: #f3f4f6; --line: #d5d9de; --blue: #2563a8; --amber: #c77d11; --red: #b3261e; --band: rgba(179, 38, 30, 0.13); }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --paper: #16191d; --soft: #20252b; --line: #3a4149; --blue: #7db3e8; --amber: #e3a94f; --red: #f08a80; --band: rgba(240, 138, 128, 0.18); } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
header, main { max-width: 1080px; margin: 0 auto; padding: 1rem 1.25rem; }
header { padding-bottom: 0; }
h1 { font-size: 1.6rem; margin: 0.5rem 0 0; }
h2 { font-size: 1.1rem; margin: 1.75rem 0 0.5rem; }
header p, .legend { color: color-mix(in srgb, var(--ink) 70%, transparent); margin: 0.25rem 0 0; }
.notes { background: var(--soft); border-left: 3px solid var(--amber); padding: 0.6rem 0.75rem 0.6rem 2rem; margin: 1rem 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.6rem; }
.figures div { background: var(--soft); padding: 0.5rem 0.75rem; border-radius: 4px; }
dt { font-size: 0.8rem; } dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.chart { width: 100%; min-height: 260px; }
.legend span { display: inline-block; width: 1rem; height: 0.8rem; vertical-align: -1px; margin-left: 0.75rem; }
.legend .episode { background: var(--band); border: 1px solid var(--red); }
.legend .action { width: 3px; background: var(--blue); }
.legend .threshold { height: 0; border-top: 2px dashed var(--amber); vertical-align: 4px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
`;

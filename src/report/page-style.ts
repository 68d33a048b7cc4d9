/** The look of the daemon's pages: one column that fits a phone, light or dark as the reader's system is. */
import { STYLE } from './style.ts';

export const PAGE_STYLE = `${STYLE}
header, main { max-width: 860px; }
.top { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; align-items: baseline; border-bottom: 1px solid var(--line); }
.top .who { margin-left: auto; }
.top form { display: inline; }
a { color: var(--blue); }
h1 { overflow-wrap: anywhere; }
.state { border-left: 4px solid var(--line); background: var(--soft); padding: 0.6rem 0.9rem; margin: 1rem 0; }
.state.waiting { border-color: var(--amber); }
.state.granted { border-color: #2e7d32; }
.state.denied, .state.expired, .state.withdrawn, .state.changed, .state.error { border-color: var(--red); }
.state p { margin: 0.2rem 0; }
dl.rows { display: grid; grid-template-columns: minmax(7rem, 11rem) 1fr; gap: 0.3rem 1rem; margin: 0.5rem 0; }
dl.rows dt { font-weight: 600; font-size: 0.95rem; }
dl.rows dd { font-size: 1rem; overflow-wrap: anywhere; }
pre { background: var(--soft); padding: 0.6rem 0.75rem; overflow-x: auto; margin: 0.3rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.card { border: 1px solid var(--line); border-radius: 4px; padding: 0.6rem 0.9rem; margin: 0.6rem 0; }
.card h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
figure { margin: 0.5rem 0; max-width: 640px; }
th { white-space: normal; }
figcaption { font-size: 0.9rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
svg .frame { fill: var(--soft); }
svg .line { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; }
svg .point { fill: var(--blue); }
svg .threshold { stroke: var(--amber); stroke-width: 2; stroke-dasharray: 6 4; }
svg .opened { stroke: var(--red); stroke-width: 1.5; }
svg .asked { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 2 3; }
form.decide, form.login { background: var(--soft); padding: 0.9rem; border-radius: 4px; }
label { display: block; font-weight: 600; margin: 0.6rem 0 0.2rem; }
textarea, input[type='password'] { width: 100%; font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--ink); border-radius: 4px; padding: 0.5rem; }
.buttons { display: flex; flex-wrap: wrap; gap: 0.75rem; margin-top: 0.9rem; }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: 0.4rem 1.4rem; border-radius: 4px; border: 1px solid var(--ink); background: var(--paper); color: var(--ink); cursor: pointer; }
button.yes { background: #1b5e20; border-color: #1b5e20; color: #ffffff; }
button.no { background: #8c1d18; border-color: #8c1d18; color: #ffffff; }
button.plain { min-height: 0; padding: 0 0.5rem; font-weight: 400; }
:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
@media (max-width: 32rem) { dl.rows { grid-template-columns: 1fr; gap: 0; } dl.rows dd { margin-bottom: 0.5rem; } .buttons button { flex: 1; } }
`;

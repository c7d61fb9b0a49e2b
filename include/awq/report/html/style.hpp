// SPDX-License-Identifier: MIT
#ifndef AWQ_REPORT_HTML_STYLE_HPP
#define AWQ_REPORT_HTML_STYLE_HPP

#include <awq/support/requires_hosted.hpp>

#include <string_view>

namespace awq::html {

/// How a report looks: one column, light or dark as the reader has it, and dark on white on paper.
inline constexpr std::string_view style_sheet = R"css(
:root {
  color-scheme: light dark;
  --page: #fcfcfa; --ink: #1d2125; --soft: #5d666e; --line: #dcdfe1; --card: #f3f4f2;
  --before: #cfd8dc; --after: #0b7285; --warn: #a1480a;
  --c0: #0b7285; --c1: #d9822b; --c2: #6b5fb5; --c3: #3f8f4f; --c4: #b8476d; --c5: #8a8f94;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #14181b; --ink: #e7e9ea; --soft: #9ba5ad; --line: #31383d; --card: #1c2226;
    --before: #3a454c; --after: #4cc0d0; --warn: #f2a65a;
    --c0: #4cc0d0; --c1: #eda35c; --c2: #a79cf0; --c3: #7fc78c; --c4: #ec86a8; --c5: #8d959b;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 56px; }
header p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
h1 { font-size: 34px; line-height: 1.15; margin: 4px 0 6px; letter-spacing: -0.02em; overflow-wrap: anywhere; }
h2 { font-size: 20px; line-height: 1.3; margin: 44px 0 6px; letter-spacing: -0.01em; }
h3 { font-size: 15px; margin: 22px 0 6px; overflow-wrap: anywhere; }
section > p { margin: 0 0 14px; color: var(--soft); max-width: 68ch; }
code { font: 0.9em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  unicode-bidi: isolate; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(172px, 1fr)); gap: 12px;
  margin: 26px 0 0; padding: 0; }
.tiles div { background: var(--card); border-radius: 10px; padding: 14px 16px 13px; break-inside: avoid; }
.tiles dt { font-size: 27px; line-height: 1.15; white-space: nowrap; font-weight: 650; letter-spacing: -0.02em;
  font-variant-numeric: tabular-nums; }
.tiles dd { margin: 5px 0 0; font-size: 14px; line-height: 1.4; color: var(--soft); overflow-wrap: anywhere; }
.tiles .first dt { color: var(--after); }
ul.notes { list-style: none; margin: 10px 0 0; padding: 0; max-width: 80ch; }
ul.notes li { padding: 7px 0 7px 14px; border-left: 3px solid var(--line); margin: 0 0 8px; overflow-wrap: anywhere; }
ul.notes li.warning { border-color: var(--warn); }
ul.notes b { color: var(--warn); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(280px, 100%), 1fr));
  gap: 22px 28px; margin: 16px 0 0; }
figure { margin: 0; break-inside: avoid; min-width: 0; }
figcaption { font-size: 14px; line-height: 1.35; margin: 0 0 6px; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); font-size: 13px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; font-variant-numeric: tabular-nums; }
svg .name { fill: var(--ink); }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .before { fill: var(--before); } svg .after { fill: var(--after); }
svg .skipped { fill: none; stroke: var(--soft); stroke-width: 1; stroke-dasharray: 2 2; }
svg .frontier { fill: none; stroke: var(--before); stroke-width: 2; }
.key { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; color: var(--soft); padding: 0;
  margin: 8px 0; list-style: none; }
.key svg, .swatch svg { display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; }
.c0 { fill: var(--c0); } .c1 { fill: var(--c1); } .c2 { fill: var(--c2); }
.c3 { fill: var(--c3); } .c4 { fill: var(--c4); } .c5 { fill: var(--c5); }
.bar svg { height: 14px; border-radius: 3px; }
.plot { max-width: 640px; margin: 16px 0 24px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; line-height: 1.4; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; color: var(--soft); }
thead th { border-bottom: 1px solid var(--line); vertical-align: bottom; }
th, td { padding: 5px 16px 5px 0; vertical-align: top; }
.text { white-space: nowrap; } thead .text { white-space: normal; }
tbody th { font-weight: 400; color: var(--ink); }
.wide tbody th { min-width: 11em; } .wide code { overflow-wrap: normal; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
.plain { color: var(--soft); }
table.bars { width: 100%; max-width: 640px; } table.bars .bar { width: 55%; vertical-align: middle; }
table.bars tr > * { border: 0; }
table.options th { color: var(--soft); white-space: nowrap; }
table.options td { overflow-wrap: anywhere; }
details { margin: 8px 0; }
summary { cursor: pointer; color: var(--after); font-size: 15px; }
details > :not(summary) { margin-top: 8px; }
.names { font-size: 14px; color: var(--soft); margin: 4px 0 0; }
.reason { margin: 14px 0 0; max-width: 80ch; overflow-wrap: anywhere; }
footer { margin-top: 48px; padding-top: 12px; border-top: 1px solid var(--line); font-size: 14px;
  color: var(--soft); overflow-wrap: anywhere; }
@media (max-width: 560px) {
  main { padding: 24px 16px 40px; }
  h1 { font-size: 27px; }
  .tiles { grid-template-columns: 1fr 1fr; gap: 8px; } .tiles .first { grid-column: 1 / -1; }
  .tiles div { padding: 12px; } .tiles dt { font-size: 24px; }
  th, td { padding-right: 12px; } .wide tbody th { min-width: 8em; }
}
@page { margin: 16mm 14mm; }
@media print {
  body { font-size: 10pt; background: none; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 22pt; } h2 { font-size: 13pt; margin-top: 20pt; break-after: avoid; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(30mm, 1fr)); }
  .tiles dt { font-size: 17pt; } .tiles dd { font-size: 8.5pt; }
  .tiles div { border: 1px solid var(--line); background: none; }
  .charts { grid-template-columns: repeat(3, 1fr); }
  figcaption { font-size: 9pt; } figcaption span { font-size: 8pt; }
  table { font-size: 8.5pt; } tr { break-inside: avoid; } .wide { overflow: visible; }
  thead { display: table-header-group; }
  details.paper::details-content { content-visibility: visible; height: auto; }
  details:not(.paper):not([open]) { display: none; }
  summary { list-style: none; color: var(--ink); font-weight: 600; break-after: avoid; }
  summary::-webkit-details-marker { display: none; }
}
)css";

} // namespace awq::html

#endif

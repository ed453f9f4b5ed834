'use strict';
const doc = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const el = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined && text !== null) e.textContent = text; if (cls) e.className = cls; return e; };
const num = (n) => n.toLocaleString('en');
const ms = (us) => us >= 1e6 ? (us / 1e6).toFixed(2) + ' s' : (us / 1e3).toFixed(1) + ' ms';
const verdictWord = doc.verdict.replaceAll('_', ' ');
const svg = (tag, attributes) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag); for (const k in attributes) e.setAttribute(k, attributes[k]); return e; };
const row = (table, cells, head) => { const tr = el('tr'); for (const c of cells) { const td = el(head ? 'th' : 'td'); if (c instanceof Node) td.append(c); else td.textContent = c; if (typeof c === 'string' && /^[+−-]?[\d.,]+( (ms|s|%))?$/.test(c)) td.className = 'n'; tr.append(td); } table.append(tr); };

// Head
$('id').textContent = doc.comparison;
$('verdict').textContent = verdictWord;
$('verdict').classList.add(verdictWord.split(' ')[0]);
$('sentence').textContent = doc.sentence;
const sideText = (s) => s.run + (s.label ? ' (' + s.label + ')' : '');
$('sides').textContent = 'Candidate ' + sideText(doc.candidate) + ' against baseline ' + sideText(doc.baseline)
  + (doc.noise_runs.length ? ', noise from ' + doc.noise_runs.map(sideText).join(', ') : '')
  + '. Window ' + doc.from + ' to ' + doc.to + (doc.filters.length ? ', ' + doc.filters.join(' ') : '') + '.';
for (const r of doc.reasons) $('reasons').append(el('li', r));
for (const g of doc.gates) { const li = el('li', g.gate + ': ' + g.text, g.holds ? '' : 'refactor'); li.prepend(g.holds ? '✓ ' : '✗ '); $('gates').append(li); }
const t = doc.totals, share = (n) => t.selected ? (Math.floor(n / t.selected * 10000) / 100).toFixed(2) + ' %' : '-';
for (const [name, n] of [['selected', t.selected], ['captured', t.captured], ['sent', t.sent], ['judged', t.judged], ['same', t.same], ['refactor', t.refactor],
  ['fixed', t.fixed], ['environment', t.environment], ['noise', t.noise], ['rule', t.rule], ['incomparable', t.incomparable]]) row($('shares'), [name, num(n), share(n)]);

// Coverage
(() => {
  const buckets = doc.timeline.buckets, most = Math.max(1, ...buckets.map((b) => b.requests)), w = 1000 / Math.max(1, buckets.length);
  const chart = svg('svg', { viewBox: '0 0 1000 90', preserveAspectRatio: 'none', role: 'img', 'aria-label': 'Requests over the window' });
  buckets.forEach((b, i) => {
    const bar = (n, colour) => { const h = n / most * 84; if (n) chart.append(svg('rect', { x: i * w, y: 88 - Math.max(h, 2), width: Math.max(w - 0.4, 0.6), height: Math.max(h, 2), fill: colour })); };
    if (!b.requests) chart.append(svg('rect', { x: i * w, y: 84, width: w, height: 4, fill: 'var(--mark)' }));
    bar(b.requests, 'var(--doubt)'); bar(b.judged, 'var(--accent)'); bar(b.refactor, 'var(--bad)');
  });
  $('timeline').append(chart);
  const c = doc.coverage, holes = c ? c.minutes - c.minutes_recorded : 0;
  $('legend').textContent = 'Blue: judged. Brown: recorded and not judged. Red: changed by the refactor. Yellow: nothing was recorded. A bar is ' + doc.timeline.bucket_us / 1e6 + ' s. '
    + (c ? num(c.minutes_recorded) + ' of ' + num(c.minutes) + ' minutes were recorded' + (holes ? ', ' + num(holes) + ' were not' : '') + '; ' + num(c.frames_dropped) + ' frames dropped, ' + num(c.gaps) + ' gaps.' : 'The archive has no ledger: what was not recorded is not known.');
})();

// Differences: only the rows in sight exist.
const H = 56, list = $('list'), space = $('space');
const blames = [...new Set(doc.groups.map((g) => g.blame))];
$('blame').append(el('option', 'all blames')); $('blame').firstChild.value = '';
for (const b of blames) $('blame').append(el('option', b));
if (blames.includes('refactor')) $('blame').value = 'refactor';
const text = doc.groups.map((g) => [g.group, g.endpoint, g.part, g.location, g.cause, g.kind, g.blame, ...g.examples.flatMap((e) => [e.exchange, e.expected, e.actual])].join(' ').toLowerCase());
let shown = [], at = -1;
function filter() {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean), b = $('blame').value, s = $('standing').value;
  shown = []; doc.groups.forEach((g, i) => { if ((!b || g.blame === b) && (!s || g.standing === s) && words.every((w) => text[i].includes(w))) shown.push(i); });
  $('count').textContent = num(shown.length) + ' of ' + num(doc.groups.length) + ' groups' + (doc.ungrouped ? ', ' + num(doc.ungrouped) + ' findings in none' : '');
  space.style.height = shown.length * H + 'px'; list.scrollTop = 0; at = -1; draw();
  if (shown.length) select(0, false); else $('detail').replaceChildren(el('p', 'Nothing here.', 'faint'));
}
function draw() {
  const first = Math.max(0, Math.floor(list.scrollTop / H) - 5), last = Math.min(shown.length, first + Math.ceil(list.clientHeight / H) + 10);
  const rows = [];
  for (let i = first; i < last; i++) {
    const g = doc.groups[shown[i]], r = el('div', null, 'group' + (i === at ? ' on' : ''));
    r.style.top = i * H + 'px'; r.setAttribute('role', 'option'); r.setAttribute('aria-selected', i === at); r.dataset.i = i;
    const top = el('div'); top.append(el('span', g.blame + (g.standing ? ', ' + g.standing : ''), 'tag ' + g.blame), ' ' + g.endpoint);
    r.append(top, el('div', num(g.requests) + ' of ' + num(g.of) + '  ' + g.part + ' ' + g.location + ': ' + g.cause, 'mono')); rows.push(r);
  }
  space.replaceChildren(...rows);
}
function select(i, link = true) {
  if (i < 0 || i >= shown.length) return;
  at = i; const g = doc.groups[shown[i]];
  if (i * H < list.scrollTop) list.scrollTop = i * H; else if ((i + 1) * H > list.scrollTop + list.clientHeight) list.scrollTop = (i + 1) * H - list.clientHeight;
  draw(); detail(g); if (link) history.replaceState(null, '', '#' + g.group);
}
function detail(g) {
  const d = [el('h2', g.endpoint), el('p', g.part + ' ' + g.location + ': ' + g.cause),
    el('p', num(g.requests) + ' of ' + num(g.of) + ' judged requests, ' + num(g.findings) + ' findings, first ' + g.first + ', last ' + g.last + '. Group ' + g.group + '.', 'faint')];
  if (g.accepted) d.push(el('p', 'Accepted by ' + g.accepted.by + (g.accepted.until ? ' until ' + g.accepted.until : '') + ': ' + g.accepted.why));
  const table = el('table'); row(table, ['request', 'place', g.blame === 'environment' ? 'recorded' : 'baseline', g.blame === 'environment' ? 'both builds' : 'candidate'], true);
  for (const e of g.examples) row(table, [e.request + '\n' + e.exchange, e.location, e.expected ?? '(nothing)', e.actual ?? '(nothing)']);
  d.push(table);
  if (g.sides) {
    const three = g.sides.rows.some((r) => r.recorded !== null), names = three ? ['recorded', 'baseline', 'candidate'] : ['baseline', 'candidate'];
    const head = el('div', null, 'diff head'); names.forEach((n) => head.append(el('pre', n))); d.push(head);
    for (const r of g.sides.rows) {
      if (r.recorded === null && r.baseline === null && r.candidate === null) { d.push(el('div', '…', 'leap')); continue; }
      const line = el('div', null, 'diff');
      for (const n of names) { const p = el('pre', r[n] ?? ''); if (n === 'candidate' && r.candidate !== r.baseline) p.className = 'plus'; if (n === 'baseline' && r.candidate !== r.baseline) p.className = 'minus'; if (n === 'recorded' && r.recorded !== r.baseline) p.className = 'minus'; line.append(p); }
      d.push(line);
    }
    if (g.sides.rows_left_out) d.push(el('p', num(g.sides.rows_left_out) + ' more rows', 'faint'));
  }
  if (g.script) { d.push(el('h2', 'Reproduce')); d.push(el('pre', g.script, 'script')); }
  else if (g.reproducer.length) d.push(el('p', 'Replay: --exchange ' + g.reproducer.join(' '), 'mono'));
  $('detail').replaceChildren(...d); $('detail').scrollTop = 0;
}
list.addEventListener('scroll', draw, { passive: true });
list.addEventListener('click', (e) => { const r = e.target.closest('.group'); if (r) select(+r.dataset.i); });
for (const id of ['search', 'blame', 'standing']) $(id).addEventListener('input', filter);
document.addEventListener('keydown', (e) => {
  const typing = ['INPUT', 'SELECT'].includes(document.activeElement.tagName);
  if (e.key === '/' && !typing) { e.preventDefault(); $('search').focus(); }
  else if (e.key === 'Escape') { $('search').value = ''; filter(); list.focus(); }
  else if (!typing && (e.key === 'j' || (e.key === 'ArrowDown' && document.activeElement === list))) { e.preventDefault(); select(at + 1); }
  else if (!typing && (e.key === 'k' || (e.key === 'ArrowUp' && document.activeElement === list))) { e.preventDefault(); select(at - 1); }
});
function follow() {
  const g = location.hash.slice(1), i = doc.groups.findIndex((x) => x.group === g);
  if (i < 0) return; $('blame').value = ''; $('search').value = ''; $('standing').value = ''; filter(); select(shown.indexOf(i), false); $('differences').scrollIntoView();
}
addEventListener('hashchange', follow); filter(); follow();

// Latency
(() => {
  row($('latency'), ['endpoint', 'pairs', 'p50', 'p50', 'p99', 'p99', 'distribution', 'slower'], true);
  const all = doc.endpoints.filter((e) => e.latency.replayed.count), most = Math.max(10, ...all.map((e) => Math.max(e.latency.recorded.max_us, e.latency.replayed.max_us)));
  const x = (us) => Math.log(Math.max(us, 1)) / Math.log(most) * 176 + 2;
  for (const e of all.slice(0, 500)) {
    const a = e.latency.recorded, b = e.latency.replayed, plot = svg('svg', { viewBox: '0 0 180 22', role: 'img', 'aria-label': 'Distribution' });
    for (const [p, y, c] of [[a, 6, 'var(--faint)'], [b, 15, 'var(--accent)']]) {
      plot.append(svg('line', { x1: x(p.p50_us), x2: x(p.max_us), y1: y, y2: y, stroke: c, 'stroke-width': 1 }), svg('line', { x1: x(p.p50_us), x2: x(p.p90_us), y1: y, y2: y, stroke: c, 'stroke-width': 5 }), svg('line', { x1: x(p.p99_us), x2: x(p.p99_us), y1: y - 4, y2: y + 4, stroke: c, 'stroke-width': 2 }));
    }
    const s = e.slower, slow = s ? ms(s.mean_us) + ' (' + ms(s.low_us) + ' to ' + ms(s.high_us) + ')' : 'too few pairs';
    row($('latency'), [e.endpoint, num(b.count), ms(a.p50_us), ms(b.p50_us), ms(a.p99_us), ms(b.p99_us), plot, slow]);
  }
})();
row($('schedule'), ['run', 'exchanges', 'largest lag', 'outside of the window', 'not joined', 'state'], true);
for (const s of [doc.baseline, doc.candidate, ...doc.noise_runs]) row($('schedule'), [sideText(s), num(s.exchanges), s.lag_us_max === null ? '-' : ms(s.lag_us_max), num(s.outside), num(s.unjoined), s.state ?? '-']);
row($('noise'), ['endpoint', 'place', 'what', 'bound', 'evidence', 'set aside', 'example'], true);
for (const n of doc.noise.slice(0, 2000)) row($('noise'), [n.endpoint, n.part + ' ' + n.location + (n.kind === 'value' ? '' : ' (' + n.kind + ')'), n.volatile, n.bound, num(n.evidence) + ' of ' + num(n.of), num(n.suppressed), (n.left ?? '-') + ' / ' + (n.right ?? '-')]);
if (!doc.noise.length) $('noise').append(el('caption', doc.noise_runs.length ? 'No field differs.' : 'No --noise run was given: nothing is known of what differs by itself.', 'faint'));
row($('rules'), ['rule', 'set aside'], true);
for (const r of doc.rules) row($('rules'), [r.rule, num(r.suppressed)]);
if (!doc.rules.length) $('rules').append(el('caption', 'No rules.', 'faint'));
$('footer').textContent = 'Written by ' + doc.program + ' from comparison.json (format ' + doc.format + '). Times are UTC. selected = same + refactor + fixed + environment + noise + rule + incomparable.';

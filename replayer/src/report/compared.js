'use strict';
const doc = JSON.parse(document.getElementById('data').textContent);
const $ = (id) => document.getElementById(id);
const el = (tag, text, cls) => { const e = document.createElement(tag); if (text !== undefined && text !== null) e.textContent = text; if (cls) e.className = cls; return e; };
const num = (n) => n.toLocaleString('en');
const ms = (us) => us >= 1e6 ? (us / 1e6).toFixed(2) + ' s' : (us / 1e3).toFixed(1) + ' ms';
const verdictWord = doc.verdict.replaceAll('_', ' ');
const svg = (tag, attributes) => { const e = document.createElementNS('http://www.w3.org/2000/svg', tag); for (const k in attributes) e.setAttribute(k, attributes[k]); return e; };
const row = (table, cells, head) => { const tr = el('tr'); for (const c of cells) { const td = el(head ? 'th' : 'td'); if (c instanceof Node) td.append(c); else td.textContent = c; if (typeof c === 'string' && /^[+−-]?[\d.,]+( (ms|s|%))?$/.test(c)) { td.className = 'n'; const above = table.rows[0]?.cells[tr.cells.length]; if (above) above.className = 'n'; } tr.append(td); } table.append(tr); };

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

// Coverage: requests as bars over recorded time, and below them, on the same axis, what the ledger says was not recorded or lost.
(() => {
  const t = doc.timeline, buckets = t.buckets, most = Math.max(1, ...buckets.map((b) => b.requests));
  const us = (text) => Date.parse(text) * 1000;
  // The axis is the window, and all buckets: a hole before the first or after the last request shows as well.
  const begins = t.start ? us(t.start) : us(doc.from), ends = begins + buckets.length * t.bucket_us;
  const from = Math.min(us(doc.from), begins), to = Math.max(us(doc.to), ends, from + 1), x = (at) => (Math.min(Math.max(at, from), to) - from) / (to - from) * 1000;
  const chart = svg('svg', { viewBox: '0 0 1000 106', preserveAspectRatio: 'none', role: 'img', 'aria-label': 'Requests over the window, and what was not recorded' });
  const rect = (at, end, y, height, fill, title) => { const r = svg('rect', { x: x(at), y, width: Math.max(x(end) - x(at) - 0.4, 1.2), height, fill }); if (title) { const name = svg('title', {}); name.textContent = title; r.append(name); } chart.append(r); };
  const span = (h) => h.from.slice(0, 16).replace('T', ' ') + ' to ' + h.to.slice(0, 16).replace('T', ' ');
  const what = (h) => h.kind === 'not recorded' ? num(h.count) + ' minutes not recorded' : num(h.count) + ' ' + h.kind;
  for (const h of doc.holes) if (h.kind === 'not recorded') rect(us(h.from), us(h.to), 0, 88, 'var(--hole)', span(h) + ': ' + what(h));
  buckets.forEach((b, i) => {
    const at = begins + i * t.bucket_us, title = new Date(at / 1000).toISOString().slice(0, 19).replace('T', ' ') + ': ' + num(b.requests) + ' requests, ' + num(b.judged) + ' judged, ' + num(b.refactor) + ' changed';
    const bar = (n, colour) => { const h = Math.max(n / most * 84, 2); if (n) rect(at, at + t.bucket_us, 88 - h, h, colour, title); };
    bar(b.requests, 'var(--doubt)'); bar(b.judged, 'var(--accent)'); bar(b.refactor, 'var(--bad)');
  });
  for (const h of doc.holes) if (h.kind !== 'not recorded') rect(us(h.from), us(h.to), 92, 6, 'var(--bad)', span(h) + ': ' + what(h));
  chart.append(svg('line', { x1: 0, x2: 1000, y1: 89, y2: 89, stroke: 'var(--line)' }));
  $('timeline').append(chart);
  const axis = el('p', null, 'axis faint');
  for (const at of [from, (from + to) / 2, to]) axis.append(el('span', new Date(at / 1000).toISOString().slice(0, 19).replace('T', ' ')));
  $('timeline').append(axis);
  const key = (cls, words) => { const k = el('span', words, 'key'); const i = el('i', null, cls); k.prepend(i); return k; };
  $('legend').append(key('k-judged', 'judged'), key('k-unjudged', 'recorded, not judged'), key('k-changed', 'changed by the refactor'), key('k-hole', 'not recorded'), key('k-lost', 'lost at capture (lane below)'),
    el('span', 'A bar is ' + t.bucket_us / 1e6 + ' s; times are UTC.'));
  const c = doc.coverage;
  if (!c) $('ledger').textContent = 'The archive has no ledger: what was not recorded is not known.';
  else for (const [n, words, bad] of [[c.minutes_recorded, 'of ' + num(c.minutes) + ' minutes recorded', c.minutes_recorded < c.minutes], [c.exchanges, 'exchanges stored'], [c.exchanges_incomplete, 'of them incomplete', 1], [c.frames_dropped, 'frames dropped', 1],
    [c.frames_truncated, 'frames truncated', 1], [c.gap_bytes, 'bytes lost in ' + num(c.gaps) + ' gaps', 1], [c.exchanges_shed, 'exchanges shed (spool full or damaged)', 1], [c.interruptions, c.interruptions === 1 ? 'interruption of a recorder' : 'interruptions of a recorder', 1], [c.exchanges_sampled_out, 'left out by sampling or filters'], [c.bytes_tls, 'bytes of TLS, not readable', 1]])
    $('ledger').append(el('span', num(n) + ' ' + words, bad && (n || words.startsWith('of ' + num(c.minutes))) ? 'refactor' : ''));
  if (!doc.holes.length) return $('holes').remove();
  row($('hole-table'), ['from', 'to', 'what'], true);
  for (const h of doc.holes) row($('hole-table'), [h.from.slice(0, 16).replace('T', ' '), h.to.slice(0, 16).replace('T', ' '), what(h)]);
  $('holes').firstElementChild.textContent = num(doc.holes.length + doc.holes_left_out) + ' holes' + (doc.holes_left_out ? ', the first ' + num(doc.holes.length) : '');
})();

// Differences: only the rows in sight exist.
const H = 56, list = $('list'), space = $('space');
const blames = [...new Set(doc.groups.map((g) => g.blame))];
$('blame').append(el('option', 'all blames')); $('blame').firstChild.value = '';
for (const b of blames) $('blame').append(el('option', b));
if (blames.includes('refactor')) $('blame').value = 'refactor';
const endpoints = [...new Set(doc.groups.map((g) => g.endpoint))].sort();
$('endpoint').append(el('option', 'all ' + num(endpoints.length) + ' endpoints')); $('endpoint').firstChild.value = '';
for (const e of endpoints) $('endpoint').append(el('option', e));
const text = doc.groups.map((g) => [g.group, g.endpoint, g.part, g.location, g.cause, g.kind, g.blame, ...g.examples.flatMap((e) => [e.exchange, e.expected, e.actual])].join(' ').toLowerCase());
let shown = [], at = -1;
function filter() {
  const words = $('search').value.toLowerCase().split(/\s+/).filter(Boolean), b = $('blame').value, s = $('standing').value, p = $('endpoint').value;
  shown = []; doc.groups.forEach((g, i) => { if ((!b || g.blame === b) && (!p || g.endpoint === p) && (!s || g.standing === s) && words.every((w) => text[i].includes(w))) shown.push(i); });
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
  const link = el('a', 'Link to this group'); link.href = '#' + g.group; d.push(link);
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
  if (g.script) {
    const save = el('a', 'Save it'), file = 'reproduce-' + g.group + '.sh', say = el('p', null, 'faint');
    save.download = file; save.href = 'data:text/x-shellscript;charset=utf-8,' + encodeURIComponent(g.script);
    say.append(num(g.reproducer.length) + (g.reproducer.length === 1 ? ' request. ' : ' requests. '), save, ' and run it: TARGET=http://host:port sh ' + file + '. Exit code 1: reproduced, 0: not.');
    d.push(el('h2', 'Reproduce'), say, el('pre', g.script, 'script'));
  }
  for (const lack of g.script_lacks ?? []) d.push(el('p', lack, 'faint'));
  if (!g.script && g.reproducer.length) d.push(el('p', 'Replay: --exchange ' + g.reproducer.join(' '), 'mono'));
  if (g.blame === 'refactor' && g.standing !== 'known') { d.push(el('h2', 'Accept')); d.push(el('pre', 'replayer accept ' + doc.archive.replace(/\/$/, '') + '/comparisons/' + doc.comparison + ' \\\n  --accepted accepted.toml --group ' + g.group + ' --by NAME --why TEXT', 'script')); }
  $('detail').replaceChildren(...d); $('detail').scrollTop = 0;
}
list.addEventListener('scroll', draw, { passive: true });
list.addEventListener('click', (e) => { const r = e.target.closest('.group'); if (r) select(+r.dataset.i); });
for (const id of ['search', 'endpoint', 'blame', 'standing']) $(id).addEventListener('input', filter);
document.addEventListener('keydown', (e) => {
  const typing = ['INPUT', 'SELECT'].includes(document.activeElement.tagName);
  if (e.key === '/' && !typing) { e.preventDefault(); $('search').focus(); }
  else if (e.key === 'Escape') { $('search').value = ''; filter(); list.focus(); }
  else if (!typing && (e.key === 'j' || (e.key === 'ArrowDown' && document.activeElement === list))) { e.preventDefault(); select(at + 1); }
  else if (!typing && (e.key === 'k' || (e.key === 'ArrowUp' && document.activeElement === list))) { e.preventDefault(); select(at - 1); }
});
function follow() {
  const g = location.hash.slice(1), i = doc.groups.findIndex((x) => x.group === g);
  if (i < 0) return; $('blame').value = ''; $('search').value = ''; $('standing').value = ''; $('endpoint').value = ''; filter(); select(shown.indexOf(i), false); $('differences').scrollIntoView();
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
const NOISE_MAX = 2000;
for (const n of doc.noise.slice(0, NOISE_MAX)) row($('noise'), [n.endpoint, n.part + ' ' + n.location + (n.kind === 'value' ? '' : ' (' + n.kind + ')'), n.volatile, n.bound, num(n.evidence) + ' of ' + num(n.of), num(n.suppressed), (n.left ?? '-') + ' / ' + (n.right ?? '-')]);
if (doc.noise.length > NOISE_MAX) $('noise').append(el('caption', 'The first ' + num(NOISE_MAX) + ' of ' + num(doc.noise.length) + ' fields.', 'faint'));
if (!doc.noise.length) $('noise').append(el('caption', doc.noise_runs.length ? 'No field differs.' : 'No --noise run was given: nothing is known of what differs by itself.', 'faint'));
row($('rules'), ['rule', 'set aside'], true);
for (const r of doc.rules) row($('rules'), [r.rule, num(r.suppressed)]);
if (!doc.rules.length) $('rules').append(el('caption', 'No rules.', 'faint'));
if (doc.templates.length) {
  row($('templates'), ['host', 'template', 'source', 'values', 'requests', 'words that are none'], true);
  for (const p of doc.templates) row($('templates'), [p.host, p.template, p.source, p.values ? num(p.values) : '-', p.values ? num(p.requests) : '-', p.words.join(', ') || '-']);
} else $('templates').append(el('caption', doc.templates_overfull ? 'Nothing was learned: the window has too many different paths.' : 'None: every value in a path shows in how it looks.', 'faint'));
$('footer').textContent = 'Written by ' + doc.program + ' from comparison.json (format ' + doc.format + '). Times are UTC. selected = same + refactor + fixed + environment + noise + rule + incomparable.';

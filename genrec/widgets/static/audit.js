// An audit: questions, their statistics beside what chance gives, the prefixes that say why, and the items under one.

const LEGEND = 'bar: this index; band and line: chance, 95% of its draws and their mean; ~ chance gives as much';

function view(ui) {
  new Audit(ui);
}

function nCodes(depth) {
  return counted(depth, 'code');
}

function percent(share) {
  return share === null ? '-' : (100 * share).toFixed(1) + '%';
}

function rounded(number) {
  return number === null ? '-' : number < 10 ? String(Number(number.toFixed(1))) : thousands(Math.round(number));
}

function track(value, null_, top) { // a bar for the index, a band for 95% of the draws, a line for their mean
  const at = number => Math.max(0, Math.min(100, 100 * number / top)) + '%';
  const parts = [];
  if (value !== null) parts.push(element('i', {class: 'own', style: '--v:' + at(value)}));
  if (null_ && null_[1] !== null) {
    parts.push(element('i', {class: 'null', style: '--low:' + at(null_[1]) + ';--high:' + at(null_[2])}));
  }
  if (null_ && null_[0] !== null) parts.push(element('i', {class: 'mean', style: '--mean:' + at(null_[0])}));
  return element('span', {class: 'track', 'aria-hidden': 'true'}, parts);
}

function statistic({name, beside, of, what, rows}) {
  const numbers = rows.flatMap(([, value, mean, low, high]) => [value, mean, low, high]);
  const top = Math.max(1e-9, ...numbers.filter(number => number !== null));
  const lines = rows.map(([depth, value, mean, low, high, , text]) => element('li', {class: 'measure'},
    element('span', {class: 'soft'}, what === 'code' ? nCodes(depth) : what + depth),
    element('span', {class: 'reading'}, text),
    track(value, [mean, low, high], top)));
  return element('section', {class: 'figure'},
    element('h4', {}, name, of ? soft(' ' + of) : null),
    element('p', {class: 'soft'}, 'beside: ' + beside),
    element('ul', {}, lines));
}

function hits({said, rows}) { // each metric on items and on code strings
  const top = Math.max(1e-9, ...rows.flatMap(([, item, string]) => [item, string]));
  const lines = rows.map(([name, item, string]) => element('li', {class: 'measure pair'},
    element('span', {class: 'soft'}, name),
    element('span', {class: 'reading'}, fixed(item, 4) + ' on items, ' + fixed(string, 4) + ' on code strings'),
    track(item, null, top),
    track(string, null, top)));
  return element('section', {class: 'figure'},
    element('h4', {}, 'On items and on code strings'),
    element('p', {class: 'soft'}, said),
    element('ul', {}, lines));
}

class Audit {
  constructor(ui) {
    this.ui = ui;
    this.state = ui.state;
    this.latest = 0; // numbers of the latest questions: answers to earlier ones come too late
    this.latestOpened = 0;
    this.figures = element('div', {class: 'figures'});
    this.about = element('p', {class: 'soft'});
    this.depths = element('div', {class: 'bar', role: 'group', 'aria-label': 'Codes of a prefix'});
    this.list = scrollBox('Prefixes', [], 'wide prefixes');
    this.list.addEventListener('keydown', event => this.onKey(event));
    this.panel = element('div', {class: 'panel', 'aria-live': 'polite'});
    this.choices = this.state.views.map(({title}, i) => button(title, () => this.show(i), {'aria-pressed': 'false'}));
    const found = this.state.found.map(said => element('li', {}, said));
    ui.body.append(
      element('div', {class: 'bar'}, element('b', {}, this.state.title), soft(this.state.facts)),
      element('details', {open: true}, element('summary', {}, 'What was found'), element('ul', {}, found)),
      element('div', {class: 'bar questions', role: 'group', 'aria-label': 'Question'}, this.choices),
      this.about,
      element('p', {class: 'soft legend'}, LEGEND),
      this.figures,
      this.depths,
      element('div', {class: 'two audit'}, this.list, this.panel));
    this.show(0);
  }

  show(i) {
    this.view = this.state.views[i];
    this.choices.forEach((choice, j) => choice.setAttribute('aria-pressed', i === j));
    this.about.textContent = this.view.about;
    this.ui.timed('question', () => this.drawFigures());
    const depths = this.view.depths.map(depth => button(nCodes(depth), () => this.showPrefixes(depth)));
    this.depths.replaceChildren(soft(this.view.order.title + ', by prefixes of'), ...depths);
    this.showPrefixes(this.view.depth);
  }

  drawFigures() {
    const {statistics, hits: both, notes} = this.view;
    this.figures.replaceChildren(
      ...(both ? [hits(both)] : []),
      ...statistics.map(statistic),
      ...notes.map(note => element('p', {}, note)));
  }

  async showPrefixes(depth) {
    const question = ++this.latest;
    const {key, title} = this.view.order;
    const answer = await this.ui.answered(this.ui.ask('prefixes', key, depth, 0));
    if (answer === undefined || question !== this.latest) return;
    this.ui.say('');
    for (const choice of this.depths.querySelectorAll('button')) {
      choice.setAttribute('aria-pressed', choice.textContent === nCodes(depth));
    }
    this.ui.setValue({question: this.view.title, depth});
    const rows = element('ul', {class: 'groups'});
    const more = button('more prefixes', async () => {
      const next = await this.ui.answered(this.ui.ask('prefixes', key, depth, rows.children.length));
      if (next !== undefined) addRows(next.rows);
    });
    const addRows = prefixes => {
      rows.append(...prefixes.map(row => element('li', {}, this.prefixButton(row, answer.most))));
      more.hidden = rows.children.length >= answer.total;
    };
    addRows(answer.rows);
    const head = counted(answer.total, 'prefix', 'prefixes') + '; ' + title + ', beside ' + answer.chance;
    this.list.replaceChildren(element('p', {class: 'soft'}, head), rows, more);
    if (!this.panel.firstChild && answer.rows.length) this.open(answer.rows[0][0], false);
  }

  prefixButton([path, nItems, value, chance, example], most) {
    const share = this.view.order.share;
    const said = number => share ? percent(number) : rounded(number);
    const reading = said(value) + ' (' + said(chance) + ')';
    const label = 'prefix ' + path.join(' ') + ', ' + counted(nItems, 'item') + ', ' + this.view.order.title + ' ' +
      said(value) + ', by chance ' + said(chance);
    const content = [
      code(path.join(' ')),
      element('span', {class: 'soft num'}, thousands(nItems)),
      track(value, [chance, null, null], most),
      element('span', {class: 'num'}, reading),
      element('span', {class: 'soft example'}, example),
    ];
    return button(content, () => this.open(path), {class: 'group', 'aria-label': label});
  }

  onKey(event) { // arrows go through the prefixes
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
    const rows = [...this.list.querySelectorAll('button')].filter(row => !row.hidden);
    const place = rows.indexOf(event.target);
    if (!step || place < 0 || !rows[place + step]) return;
    event.preventDefault();
    rows[place + step].focus();
  }

  async open(path, chosen = true) {
    const question = ++this.latestOpened;
    const answer = await this.ui.answered(this.ui.ask('under', path, 0));
    if (answer === undefined || question !== this.latestOpened) return;
    if (chosen) {
      this.ui.say('');
      this.ui.setValue({question: this.view.title, prefix: path});
    }
    const counts = answer.taken === null ? '' : ', ' + counted(answer.taken, 'interaction');
    const sharing = answer.colliding ? ', ' + thousands(answer.colliding) + ' share their ID' : '';
    const items = this.itemTable(answer.rows);
    this.panel.replaceChildren(
      this.crumbs(path),
      element('h3', {}, 'Prefix ' + path.join(' '), soft(' ' + counted(answer.total, 'item') + counts + sharing)),
      answer.texts === null ? '' : element('p', {}, this.saidOfTexts(answer)),
      this.parts(path, answer),
      scrollBox('Items', items, 'wide list'),
      this.moreButton(path, items.tBodies[0], answer.total));
  }

  saidOfTexts({texts, total}) {
    if (texts === 1) return 'All have one text: no quantizer of texts could have told them apart.';
    return texts === total ? 'All have texts of their own.' : 'They have ' + counted(texts, 'different text') + '.';
  }

  crumbs(path) {
    const above = path.slice(0, -1).map((_, depth) => path.slice(0, depth + 1));
    const steps = above.map(prefix => button(prefix.join(' '), () => this.open(prefix), {class: 'plain code'}));
    const head = steps.length ? soft('under') : '';
    return element('nav', {class: 'bar crumbs', 'aria-label': 'Prefixes above'}, head, steps);
  }

  parts(path, {parts, n_parts}) {
    if (!parts.length) return '';
    const more = n_parts > parts.length ? soft(' and ' + thousands(n_parts - parts.length) + ' more') : '';
    const next = parts.map(([last, nItems]) => {
      const label = 'prefix ' + [...path, last].join(' ') + ', ' + counted(nItems, 'item');
      const content = [code(last), soft(' ' + thousands(nItems))];
      return button(content, () => this.open([...path, last]), {'aria-label': label});
    });
    return element('div', {class: 'bar', role: 'group', 'aria-label': 'Next codes'}, soft('next codes'), next, more);
  }

  itemRow([item, title, codes, sharing, taken]) {
    return element('tr', {},
      element('td', {}, title, soft(' #' + item)),
      this.state.taken === null ? null : element('td', {class: 'num'}, thousands(taken)),
      element('td', {},
        element('span', {class: 'code'}, codes.join(' ')),
        ' ', sharing > 1 ? badge(sharing + ' share it', 'items with this same ID') : null));
  }

  itemTable(rows) {
    const number = this.state.taken === null ? null : element('th', {class: 'num'}, 'interactions');
    const heads = [element('th', {}, 'item'), number, element('th', {}, 'code')];
    return table(heads.filter(Boolean), rows.map(row => this.itemRow(row)));
  }

  moreButton(path, body, total) {
    const more = button('more items', async () => {
      const answer = await this.ui.answered(this.ui.ask('under', path, body.children.length));
      if (answer === undefined) return;
      body.append(...answer.rows.map(row => this.itemRow(row)));
      more.hidden = body.children.length >= total;
    });
    more.hidden = body.children.length >= total;
    return more;
  }
}

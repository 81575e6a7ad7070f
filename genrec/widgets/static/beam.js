// A beam search, one column a level. A beam: {node, up, score, step, alive, rank, target, label, n, items}.

function view(ui) {
  new BeamSearch(ui);
}

function percent(probability) {
  if (probability >= 0.1) return Math.round(100 * probability) + '%';
  return probability >= 0.001 ? (100 * probability).toFixed(1) + '%' : '<0.1%';
}

function beamKey(level, node) {
  return level + ':' + node;
}

class BeamSearch {
  constructor(ui) {
    this.ui = ui;
    this.state = ui.state;
    this.shownLevels = this.state.levels;
    this.search = null; // the answer that is drawn
    this.columns = element('div', {class: 'cols'});
    this.story = element('p', {'aria-live': 'polite'});
    this.detail = element('div', {class: 'detail'});
    this.width = this.widthField();
    this.less = button('← level', () => this.showLevels(this.shownLevels - 1));
    this.more = button('level →', () => this.showLevels(this.shownLevels + 1));
    ui.body.append(
      this.history(),
      element('div', {class: 'bar'}, this.width, this.less, this.more),
      this.story,
      element('div', {class: 'two beamtwo'}, scrollBox('Levels of the search', this.columns), this.detail));
    this.load(this.state.width);
  }

  widthField() {
    const options = this.state.widths.map(width => [width, counted(width, 'beam'), width === this.state.width]);
    return selectField('beams', options, () => this.load(Number(this.width.value)));
  }

  history() {
    const boxes = this.state.history.map(([item]) => [item, element('span', {class: 'box'})]);
    const items = this.state.history.map(([, title], i) => {
      return element('span', {class: 'past'}, this.state.pictures ? boxes[i][1] : null, title);
    });
    this.ui.showPictures(boxes);
    return element('div', {class: 'bar'}, element('b', {}, 'History'), items);
  }

  showLevels(n) {
    const most = this.state.levels;
    this.shownLevels = Math.max(1, Math.min(most, n));
    [...this.columns.children].forEach((column, level) => {
      column.hidden = level >= this.shownLevels;
    });
    this.less.disabled = this.shownLevels <= 1;
    this.more.disabled = this.shownLevels >= most;
  }

  async load(width) {
    const search = await this.ui.answered(this.ui.ask('beam', width));
    if (search === undefined) return;
    this.ui.say('');
    this.ui.setValue({width, fell: search.fell, ranking: search.ranking.map(([item]) => item)});
    this.ui.timed('beam', () => this.draw(search));
  }

  draw(search) {
    this.search = search;
    this.columns.replaceChildren(...search.levels.map((step, level) => this.column(step, level)));
    this.story.replaceChildren(...storyOf(search, this.state.target));
    this.detail.replaceChildren(element('h3', {}, 'What was recommended'), rankingOf(search));
    this.showLevels(this.shownLevels);
  }

  column(step, level) {
    const nAlive = step.rows.filter(beam => beam.alive).length;
    const cut = thousands(step.cut) + ' of ' + thousands(step.candidates) + ' cut';
    const best = Math.max(...step.rows.map(beam => beam.score));
    const beams = step.rows.map(beam => element('li', {}, this.beamButton(beam, level, best)));
    return element('section', {class: 'col', 'aria-label': 'level ' + level},
      element('h4', {}, 'level ' + level),
      element('p', {class: 'soft'}, nAlive + ' live, ' + cut),
      element('p', {class: 'soft'}, 'the living hold ' + percent(step.mass)),
      element('ul', {}, beams));
  }

  beamButton(beam, level, best) {
    const attributes = {
      class: 'beam',
      'data-key': beamKey(level, beam.node),
      'data-alive': beam.alive ? '1' : '0',
      'data-target': beam.target,
      'aria-pressed': 'false',
      'aria-label': spoken(beam),
    };
    const content = [
      fillBar(Math.max(1, 100 * Math.exp(beam.score - best))),
      code((beam.target ? '★ ' : '') + beam.label),
      element('span', {class: 'name'}, beam.n === 1 ? beam.items[0][1] : thousands(beam.n) + ' items'),
      element('span', {class: 'num'}, fixed(beam.score)),
      beam.alive ? null : badge('cut'),
    ];
    return button(content, () => this.choose(level, beam), attributes);
  }

  choose(level, beam) {
    const related = new Set([...this.ancestors(level, beam), ...this.descendants(level, beam)]);
    const chosen = beamKey(level, beam.node);
    for (const other of this.columns.querySelectorAll('.beam')) {
      other.toggleAttribute('data-on', related.has(other.dataset.key));
      other.setAttribute('aria-pressed', other.dataset.key === chosen);
    }
    this.describe(level, beam);
    this.ui.setValue({level, node: beam.node});
  }

  ancestors(level, beam) { // keys of a beam and of all above it
    const keys = [beamKey(level, beam.node)];
    for (let above = level - 1, child = beam; above >= 0 && child; above -= 1) {
      const parent = child.up;
      keys.push(beamKey(above, parent));
      child = this.search.levels[above].rows.find(other => other.node === parent);
    }
    return keys;
  }

  descendants(level, beam) {
    const keys = [];
    let parents = new Set([beam.node]);
    for (let below = level + 1; below < this.search.levels.length; below += 1) {
      const from = parents;
      const children = this.search.levels[below].rows.filter(other => from.has(other.up));
      keys.push(...children.map(child => beamKey(below, child.node)));
      parents = new Set(children.map(child => child.node));
    }
    return keys;
  }

  describe(level, beam) {
    const fate = (beam.alive ? ' lives' : ' was cut') + ', rank ' + (beam.rank + 1);
    const step = fixed(beam.step) + ' (probability ' + percent(Math.exp(beam.step)) + ')';
    const some = beam.n > beam.items.length ? ', such as' : '';
    this.detail.replaceChildren(
      element('h3', {}, 'Code ' + beam.label + ' at level ' + level, soft(fate)),
      element('p', {}, 'log-probability ' + fixed(beam.score) + ', of which this step ' + step),
      element('p', {class: 'soft'}, counted(beam.n, 'item') + ' under it' + some),
      element('ul', {}, beam.items.map(([, title]) => element('li', {}, title))),
      button('back to the recommendations', () => this.draw(this.search)));
  }
}

function spoken(beam) { // for a screen reader
  const fate = beam.alive ? ', lives' : ', cut at rank ' + (beam.rank + 1);
  return 'code ' + beam.label + ', log-probability ' + fixed(beam.score) + fate + (beam.target ? ', the target' : '');
}

function rankingOf({ranking}) {
  const rows = ranking.map(([, title, score, hit]) => {
    return element('li', {'data-hit': hit}, title, soft(' ' + fixed(score)), hit ? badge('the target') : null);
  });
  return element('ol', {class: 'rank'}, rows);
}

function storyOf(search, target) { // what became of the item that came next
  if (!search.target) return ['No target was given.'];
  const score = search.target[search.target.length - 1];
  const opening = ['Next was ', element('b', {}, target[1]),
    ', to which the model gives log-probability ' + fixed(score) + '. '];
  const place = search.ranking.findIndex(([, , , hit]) => hit);
  if (place >= 0) return [...opening, 'It is recommended at rank ' + (place + 1) + '.'];
  if (search.fell === null) {
    return [...opening, 'Its ID lives to the end, below the last item that was asked for.'];
  }
  return [...opening, ...fallOf(search), ...lossOf(search, score)];
}

function fallOf({fell, levels}) {
  const {rows, candidates} = levels[fell];
  const lastAlive = rows.filter(beam => beam.alive).pop();
  const target = rows.find(beam => beam.target);
  const where = ['Its prefix falls out at ', element('b', {}, 'level ' + fell)];
  if (!target) return [...where, '.'];
  const rank = ', at rank ' + (target.rank + 1) + ' of ' + thousands(candidates);
  const scores = ': ' + fixed(target.score) + ', where the last that lives has ' + fixed(lastAlive.score) + '.';
  return [...where, rank + scores];
}

function lossOf({ranking}, score) { // was it the search that lost the target, or the model?
  const lastScore = ranking.length ? ranking[ranking.length - 1][2] : null;
  if (lastScore === null || score <= lastScore) {
    return [' A wider beam would not bring it above what is recommended.'];
  }
  const why = 'its whole ID beats the last recommended item, which has ' + fixed(lastScore) + '.';
  return [element('b', {}, ' The search lost it: '), why];
}

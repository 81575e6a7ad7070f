// A code tree, the path to the selected code, and the items under it. Rows of items: [item, title, codes, sharing].

const ITEMS_AT_ONCE = 24;
const MOST_FOUND = 50;
const CODES_ONLY = /^[\d\s,;-]*\d[\d\s,;-]*$/;

function view(ui) {
  new Browser(ui);
}

function hasPrefix(codes, path) {
  return path.every((wanted, level) => codes[level] === wanted);
}

class PageItems { // answers `page`, `search` and `all` from the items that a page without a kernel holds
  constructor(rows, nLevels) {
    this.rows = rows;
    this.nLevels = nLevels;
  }

  under(path) {
    return this.rows.filter(([, , codes]) => hasPrefix(codes, path));
  }

  all(path) {
    return this.under(path);
  }

  page(path, start) {
    const rows = this.under(path);
    return {total: rows.length, rows: rows.slice(start, start + ITEMS_AT_ONCE)};
  }

  search(text) {
    const codes = CODES_ONLY.test(text) ? text.match(/\d+/g).map(Number) : null;
    const under = codes && codes.length <= this.nLevels ? this.under(codes) : [];
    if (under.length) return {path: codes, rows: under.slice(0, MOST_FOUND)};
    const words = wordsOf(text);
    const found = words.length ? this.rows.filter(([, title]) => hasWords(title, words)) : [];
    return {path: null, rows: found.slice(0, MOST_FOUND)};
  }
}

class Browser {
  constructor(ui) {
    this.ui = ui;
    this.state = ui.state;
    this.held = this.state.index ? new PageItems(this.state.index, this.state.levels) : null;
    this.latest = 0; // number of the latest question: answers to earlier ones come too late
    this.crumbs = element('nav', {'aria-label': 'Path of codes', class: 'bar crumbs'});
    this.panel = element('div', {class: 'panel'});
    this.search = searchField('words of a title, or codes: 3 12', 'Search titles or codes', text => this.find(text));
    this.tree = new CodeTree(ui, (...question) => this.ask(...question), (path, row) => this.onSelect(path, row));
    ui.body.append(this.head(), this.crumbs, element('div', {class: 'two browse'}, this.tree.list, this.panel));
    this.showPath([]);
    this.showItems([], null);
  }

  ask(call, ...args) {
    if (this.held && this.held[call]) return Promise.resolve(this.held[call](...args));
    return this.ui.ask(call, ...args);
  }

  head() {
    const {title, n, levels, collide} = this.state;
    const collisions = collide ? thousands(collide) + ' in collisions' : 'no collision';
    const facts = [counted(n, 'item'), levels + (levels === 1 ? ' level' : ' levels'), collisions];
    return element('div', {class: 'bar'}, element('b', {}, title), soft(facts.join(', ')), this.search);
  }

  onSelect(path, row) {
    this.showPath(path);
    this.showItems(path, row);
    this.ui.setValue({prefix: path});
  }

  showPath(path) {
    const labels = this.tree.labels(path);
    const all = button('all', () => this.tree.show([]), {class: 'plain', 'aria-current': path.length ? null : 'true'});
    const steps = labels.flatMap((label, depth) => {
      const attributes = {
        class: 'plain code',
        'aria-label': 'code ' + label + ' at level ' + depth,
        'aria-current': depth === path.length - 1 ? 'true' : null,
      };
      const arrow = element('span', {class: 'soft', 'aria-hidden': 'true'}, '›');
      return [arrow, button(label, () => this.tree.show(path.slice(0, depth + 1)), attributes)];
    });
    this.crumbs.replaceChildren(all, ...steps);
  }

  itemRow([item, title, codes, sharing], box) {
    const ids = codes.join(' ');
    const attributes = {class: 'plain code', 'aria-label': 'show code ' + ids + ' in the tree'};
    return element('tr', {},
      this.state.pictures ? element('td', {}, box) : null,
      element('td', {}, title, soft(' #' + item)),
      element('td', {},
        button(ids, () => this.tree.show(codes), attributes),
        sharing > 1 ? badge(sharing + ' share it', 'items with this same ID') : null));
  }

  itemRows(rows) { // the rows, and their boxes for pictures
    const boxes = rows.map(([item]) => [item, element('span', {})]);
    return [rows.map((row, i) => this.itemRow(row, boxes[i][1])), boxes];
  }

  itemTable(rows) {
    const picture = element('th', {}, element('span', {class: 'hide'}, 'picture'));
    const heads = [this.state.pictures ? picture : null, element('th', {}, 'item'), element('th', {}, 'code')];
    return table(heads, rows);
  }

  async showItems(path, row) {
    const question = ++this.latest;
    const answer = await this.ui.answered(this.ask('page', path, 0));
    if (answer === undefined || question !== this.latest) return;
    const n = row ? row.nItems : this.state.n;
    const [rows, boxes] = this.itemRows(answer.rows);
    const items = this.itemTable(rows);
    const title = path.length ? 'Code ' + this.tree.labels(path).join(' ') : 'All items';
    const order = this.state.order && n > 1 ? ', nearest to their mean first' : '';
    const partly = answer.total < n ? element('p', {class: 'soft'}, answer.total + ' of them are on this page') : '';
    this.panel.replaceChildren(
      element('h3', {}, title, soft(' ' + counted(n, 'item') + order)),
      partly,
      scrollBox('Items', items, 'wide list'),
      element('div', {class: 'bar'},
        this.moreButton(path, items.tBodies[0], answer.total),
        button('save as table', () => this.save(path))));
    this.ui.showPictures(boxes);
  }

  moreButton(path, body, total) {
    const more = button('more items', async () => {
      const answer = await this.ui.answered(this.ask('page', path, body.children.length));
      if (answer === undefined) return;
      const [rows, boxes] = this.itemRows(answer.rows);
      body.append(...rows);
      this.ui.showPictures(boxes);
      more.hidden = body.children.length >= answer.total;
    });
    more.hidden = body.children.length >= total;
    return more;
  }

  async find(text) {
    const question = ++this.latest;
    if (!text.trim()) {
      this.ui.say('');
      this.tree.show([]);
      return;
    }
    const answer = await this.ui.answered(this.ask('search', text));
    if (answer === undefined || question !== this.latest) return;
    this.ui.setValue({search: text});
    this.ui.say(answer.rows.length ? '' : this.nothingFound());
    this.showFound(answer);
  }

  nothingFound() {
    const partly = this.held && this.held.rows.length < this.state.n;
    return partly ? 'Nothing among the ' + this.held.rows.length + ' items that this page holds.' : 'Nothing found.';
  }

  showFound({path, rows: found}) {
    const [rows, boxes] = this.itemRows(found);
    const title = path ? 'Items under ' + path.join(' ') : 'Found';
    const number = found.length === MOST_FOUND ? 'the first ' + MOST_FOUND : counted(found.length, 'item');
    const save = button('save as table', () => this.ui.saveTable('found.csv', this.asTable(found)));
    this.panel.replaceChildren(
      element('h3', {}, title, soft(' ' + number)),
      scrollBox('Found items', this.itemTable(rows), 'wide list'),
      element('div', {class: 'bar'}, save));
    this.ui.showPictures(boxes);
  }

  asTable(rows) {
    const levels = Array.from({length: this.state.levels}, (_, level) => 'code_' + level);
    const lines = rows.map(([item, title, codes, sharing]) => [item, title, ...codes, sharing]);
    return [['item', 'title', ...levels, 'same_id'], ...lines];
  }

  async save(path) {
    const rows = await this.ui.answered(this.ask('all', path));
    if (rows === undefined) return;
    this.ui.saveTable(['codes', ...path].join('-') + '.csv', this.asTable(rows));
  }
}

// The list of codes that unfolds: rows are one flat list, as the ARIA tree pattern allows.

const KEYS_THAT_MOVE = { // key -> (place of the focus, number of rows) -> new place
  ArrowDown: place => place + 1,
  ArrowUp: place => place - 1,
  Home: () => 0,
  End: (place, total) => total - 1,
};

function pathKey(path) {
  return path.join(' ');
}

function readRow([code, label, nItems, nIds, nColliding, words, shown, nChildren, closeness]) {
  return {code, label, nItems, nColliding, words, shown, nChildren, closeness};
}

class CodeTree {
  constructor(ui, ask, onSelect) { // onSelect(path, row) is called when a code is selected
    this.ui = ui;
    this.ask = ask;
    this.onSelect = onSelect;
    this.nodes = new Map(); // path as text -> node
    this.root = {path: [], children: [], more: null};
    this.selected = null;
    const label = 'Codes: arrows move and unfold, Enter selects';
    this.list = element('div', {role: 'tree', 'aria-label': label, class: 'tree'});
    this.list.addEventListener('keydown', event => this.onKey(event));
    this.addRows(this.root, ui.state.root, null);
    if (this.list.firstChild) this.list.firstChild.tabIndex = 0;
  }

  rows() {
    return [...this.list.children];
  }

  nodeAt(path) {
    return this.nodes.get(pathKey(path));
  }

  labels(path) {
    return path.map((code, depth) => {
      const node = this.nodeAt(path.slice(0, depth + 1));
      return node ? node.row.label : String(code);
    });
  }

  // rows

  addRows(parent, answer, after) { // children of a node, behind a row; one more row where some are left
    const start = parent.children.length;
    const rows = answer.rows.map(readRow);
    if (!start) parent.largest = Math.max(1, ...rows.map(row => row.nItems));
    const added = rows.map((row, i) => this.addNode(parent, row, {place: start + i + 1, total: answer.total}));
    parent.children.push(...added);
    const left = answer.total - parent.children.length;
    parent.more = left > 0 ? this.moreRow(parent, left) : null;
    const elements = added.map(node => node.element);
    if (parent.more) elements.push(parent.more);
    if (after) after.after(...elements);
    else this.list.append(...elements);
    this.ui.showPictures(added.flatMap(node => node.boxes));
  }

  addNode(parent, row, {place, total}) {
    const path = [...parent.path, row.code];
    const boxes = row.shown.map(item => [item, element('span', {})]);
    const attributes = {
      role: 'treeitem', tabindex: -1, class: 'row', style: '--d:' + path.length,
      'aria-level': path.length, 'aria-posinset': place, 'aria-setsize': total,
      'aria-selected': 'false', 'aria-expanded': row.nChildren ? 'false' : null,
    };
    const children = rowContent(row, parent.largest, boxes);
    const node = {path, row, boxes, open: false, children: null, more: null, element: null};
    node.element = element('div', attributes, children);
    node.element.addEventListener('click', () => {
      this.focus(node.element);
      this.select(node);
      this.toggle(node);
    });
    this.nodes.set(pathKey(path), node);
    return node;
  }

  moreRow(parent, left) {
    const depth = parent.path.length + 1;
    const attributes = {role: 'treeitem', tabindex: -1, 'aria-level': depth, class: 'row more', style: '--d:' + depth};
    const row = element('div', attributes, 'show more: ' + thousands(left) + ' codes left');
    row.addEventListener('click', async () => {
      const before = row.previousElementSibling;
      if (await this.fetchMore(parent)) (before.nextElementSibling || before).focus();
    });
    return row;
  }

  async fetchMore(parent) { // did more children come?
    const row = parent.more;
    const answer = await this.ui.answered(this.ask('children', parent.path, parent.children.length));
    if (answer === undefined || parent.more !== row) return false;
    this.addRows(parent, answer, row);
    row.remove();
    return true;
  }

  // what a reader does

  focus(row) {
    for (const other of this.rows()) other.tabIndex = -1;
    row.tabIndex = 0;
    row.focus();
  }

  select(node) {
    if (this.selected) this.selected.element.setAttribute('aria-selected', 'false');
    this.selected = node;
    if (node) node.element.setAttribute('aria-selected', 'true');
    this.onSelect(node ? node.path : [], node ? node.row : null);
  }

  async toggle(node, open = !node.open) {
    if (!node.row.nChildren || node.open === open) return;
    if (!open) await this.fold(node);
    else if (!await this.unfold(node)) return;
    node.open = open;
    node.element.setAttribute('aria-expanded', open);
    node.element.firstChild.textContent = open ? '▾' : '▸';
  }

  async fold(node) {
    for (const child of node.children) {
      await this.toggle(child, false);
      child.element.remove();
    }
    if (node.more) node.more.remove();
  }

  async unfold(node) { // are the children there?
    if (node.children) {
      node.element.after(...node.children.map(child => child.element), ...(node.more ? [node.more] : []));
      return true;
    }
    const answer = await this.ui.answered(this.ask('children', node.path, 0));
    if (answer === undefined || node.children) return false;
    node.children = [];
    this.ui.timed('unfold', () => this.addRows(node, answer, node.element));
    return true;
  }

  onKey(event) {
    const rows = this.rows();
    const place = rows.indexOf(this.ui.body.getRootNode().activeElement);
    if (place < 0) return;
    const node = [...this.nodes.values()].find(candidate => candidate.element === rows[place]);
    const goTo = to => this.focus(rows[Math.max(0, Math.min(rows.length - 1, to))]);
    const move = KEYS_THAT_MOVE[event.key];
    if (move) goTo(move(place, rows.length));
    else if (event.key === 'ArrowRight') this.onRight(node, () => goTo(place + 1));
    else if (event.key === 'ArrowLeft') this.onLeft(node);
    else if (event.key === 'Enter' || event.key === ' ') this.onEnter(node, rows[place]);
    else return;
    event.preventDefault();
  }

  onRight(node, goDown) { // unfold, or go to the first child
    if (node && node.open) goDown();
    else if (node) this.toggle(node, true);
  }

  onLeft(node) { // fold, or go to the parent
    if (node && node.open) this.toggle(node, false);
    else if (node && node.path.length > 1) this.focus(this.nodeAt(node.path.slice(0, -1)).element);
  }

  onEnter(node, row) {
    if (!node) {
      row.click();
      return;
    }
    this.select(node);
    this.toggle(node, true);
  }

  async show(path) { // unfold as far as there are answers, then select
    let last = null;
    for (let depth = 1; depth <= path.length; depth += 1) {
      const parent = last || this.root;
      const node = await this.findChild(parent, path.slice(0, depth));
      if (!node) break;
      last = node;
      if (depth < path.length) await this.toggle(node, true);
    }
    if (last) {
      this.focus(last.element);
      last.element.scrollIntoView({block: 'nearest'});
    }
    this.select(last);
  }

  async findChild(parent, path) { // among further children too, until it is found or none are left
    while (!this.nodeAt(path) && parent.more) {
      if (!await this.fetchMore(parent)) break;
    }
    return this.nodeAt(path);
  }
}

function rowContent(row, largest, boxes) {
  const number = element('span', {class: 'num'},
    fillBar(100 * row.nItems / largest),
    thousands(row.nItems),
    element('span', {class: 'hide'}, row.nItems === 1 ? ' item' : ' items'));
  const shared = badge(row.nColliding + ' collide', row.nColliding + ' items share their ID with another');
  const title = 'mean cosine of its items to their mean';
  return [
    element('span', {class: 'fold', 'aria-hidden': 'true'}, row.nChildren ? '▸' : '·'),
    code(row.label),
    number,
    row.nColliding ? shared : null,
    element('span', {class: 'words'}, row.words),
    row.closeness === null ? null : element('span', {class: 'soft close', title}, fixed(row.closeness)),
    element('span', {class: 'strip'}, boxes.map(([, box]) => box)),
  ];
}

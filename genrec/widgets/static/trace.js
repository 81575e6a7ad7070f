// The lists of neighbours of one item. A row of a list: [item, title, score, in how many lists the item stands].

function view(ui) {
  new NeighbourLists(ui);
}

class NeighbourLists {
  constructor(ui) {
    this.ui = ui;
    this.visited = [];
    this.at = -1; // place among the visited
    this.latestSearch = 0;
    this.card = element('div', {class: 'card'});
    this.lists = element('div', {class: 'lists'});
    this.found = element('div', {class: 'bar'});
    this.shared = scrollBox('Items that two lists share', []);
    this.back = button('← back', () => this.move(-1), {'aria-label': 'back'});
    this.forward = button('forward →', () => this.move(1), {'aria-label': 'forward'});
    this.search = searchField('go to: words of a title, or #12', 'Go to an item', text => this.find(text));
    ui.body.append(
      element('div', {class: 'bar'}, this.back, this.forward, this.onlyButton(), this.search),
      this.found,
      this.card,
      this.lists,
      element('details', {}, element('summary', {}, 'How many items each two lists share'), this.shared));
    this.updateButtons();
    this.visit(ui.state.item);
  }

  onlyButton() {
    const only = button('only what one list names', () => {
      const pressed = this.lists.toggleAttribute('data-only');
      only.setAttribute('aria-pressed', pressed);
    }, {'aria-pressed': 'false'});
    return only;
  }

  updateButtons() {
    this.back.disabled = this.at < 1;
    this.forward.disabled = this.at >= this.visited.length - 1;
  }

  move(by) {
    if (this.visited[this.at + by] === undefined) return;
    this.at += by;
    this.show(this.visited[this.at]);
  }

  async visit(item) {
    if (!await this.show(item)) return;
    this.visited.splice(this.at + 1);
    this.visited.push(item);
    this.at = this.visited.length - 1;
    this.updateButtons();
  }

  async show(item) { // could it be shown?
    const answer = await this.ui.answered(this.ui.ask('neighbours', item));
    if (answer === undefined) return false;
    this.ui.say('');
    this.ui.setValue({item});
    this.ui.timed('neighbours', () => this.draw(answer));
    this.updateButtons();
    return true;
  }

  // search

  async find(text) {
    const question = ++this.latestSearch;
    if (!text.trim()) {
      this.found.replaceChildren();
      return;
    }
    const rows = this.ui.live ? await this.ui.answered(this.ui.ask('search', text)) : this.findHeld(text);
    if (rows === undefined || question !== this.latestSearch) return;
    this.found.replaceChildren(...rows.map(([item, title]) => button(title, () => this.goToFound(item))));
    const where = this.ui.live ? '.' : ' among the items that this page holds.';
    this.ui.say(rows.length ? '' : 'Nothing found' + where);
  }

  findHeld(text) {
    const words = wordsOf(text);
    const fits = ([item, title]) => text.trim() === '#' + item || hasWords(title, words);
    return this.ui.state.held.filter(fits).slice(0, 20);
  }

  goToFound(item) {
    this.found.replaceChildren();
    this.search.value = '';
    this.visit(item);
  }

  // drawing

  draw(answer) {
    this.boxes = []; // [item, element]: places for pictures
    this.drawCard(answer);
    this.lists.replaceChildren(...answer.lists.map(list => this.listOf(list, answer.lists.length)));
    this.drawShared(answer);
    this.ui.showPictures(this.boxes);
  }

  pictureBox(item) {
    if (!this.ui.state.pictures) return null;
    const box = element('span', {class: 'box'});
    this.boxes.push([item, box]);
    return box;
  }

  drawCard({item, title, codes}) {
    const head = element('h3', {'aria-live': 'polite'}, title, soft(' #' + item));
    const ids = codes.map(([name, id]) => {
      return element('span', {class: 'code'}, name + ' ', element('b', {}, id.join(' ')), '  ');
    });
    this.card.replaceChildren(this.pictureBox(item) || '', element('div', {}, head, ids));
  }

  listOf(list, nLists) {
    const kind = element('span', {class: 'kind'}, list.kind);
    return element('section', {class: 'list', 'aria-label': list.name},
      element('h4', {}, kind, ' ', list.name),
      element('p', {class: 'soft'}, summaryOf(list, nLists)),
      element('ol', {}, list.rows.map(row => this.neighbour(row, nLists))));
  }

  neighbour([item, title, score, nNaming], nLists) {
    const named = nNaming === 1 && nLists > 1 ? 'one' : nNaming === nLists ? 'all' : null;
    const attributes = {
      class: 'item',
      'data-item': item,
      onmouseenter: () => this.markSame(item, true),
      onmouseleave: () => this.markSame(item, false),
      onfocus: () => this.markSame(item, true),
      onblur: () => this.markSame(item, false),
    };
    const content = [
      this.pictureBox(item),
      element('span', {class: 'name'}, title),
      element('span', {class: 'soft num'}, score === null ? '' : fixed(score)),
      badge(nNaming === 1 ? 'only here' : nNaming === nLists ? 'in all' : 'in ' + nNaming),
    ];
    return element('li', {'data-times': named}, button(content, () => this.visit(item), attributes));
  }

  markSame(item, on) { // in the other lists too
    for (const same of this.lists.querySelectorAll('button[data-item="' + item + '"]')) {
      same.toggleAttribute('data-same', on);
    }
  }

  drawShared({lists, shared}) {
    const heads = lists.map(list => element('th', {class: 'num', scope: 'col'}, list.name));
    const rows = lists.map((list, i) => {
      const numbers = shared[i].map(n => element('td', {class: 'num'}, n));
      return element('tr', {}, element('th', {scope: 'row'}, list.name), numbers);
    });
    this.shared.replaceChildren(table([element('th', {}, 'in both'), ...heads], rows));
  }
}

function summaryOf({total, rows}, nLists) { // '12 share it, 3 only here'
  const nAlone = rows.filter(([, , , nNaming]) => nNaming === 1).length;
  const parts = [];
  if (total !== null) parts.push(thousands(total) + ' share it');
  else if (!rows.length) parts.push('nothing');
  if (nAlone && nLists > 1) parts.push(nAlone + ' only here');
  return parts.join(', ');
}

// Groups of one tokenizer, how the other divides them, and who stands with an item in each.

const MOST_PARTS = 24; // of a group that an answer lists

function view(ui) {
  new TwoTokenizers(ui);
}

function nCodes(depth) {
  return counted(depth, 'code');
}

class TwoTokenizers {
  constructor(ui) {
    this.ui = ui;
    this.names = ui.state.names;
    this.depth = 1;
    this.swapped = false; // groups of the second tokenizer, divided by the first
    this.latest = 0; // number of the latest question: answers to earlier ones come too late
    this.list = scrollBox('Groups', []);
    this.detail = element('div', {class: 'panel', 'aria-live': 'polite'});
    this.depths = ui.state.agreement.map((agreement, i) => this.depthButton(agreement, i + 1));
    this.direction = button('', () => this.showGroups(this.depth, !this.swapped));
    const about = counted(ui.state.n, 'item') + '; agreement (adjusted mutual information) by codes:';
    ui.body.append(
      element('div', {class: 'bar'}, element('b', {}, this.names.join(' and ')), soft(about)),
      element('div', {class: 'agree', role: 'group', 'aria-label': 'Agreement by number of codes'}, this.depths),
      element('div', {class: 'bar'}, this.direction, button('items that moved most', () => this.showMoved())),
      element('div', {class: 'two compare'}, this.list, this.detail));
    this.showGroups(1, false);
  }

  get here() { // the tokenizer whose groups are listed
    return this.names[Number(this.swapped)];
  }

  get there() {
    return this.names[Number(!this.swapped)];
  }

  depthButton(agreement, depth) {
    const number = element('b', {}, agreement === null ? 'no information' : fixed(agreement));
    const content = [fillBar(100 * Math.max(0, agreement || 0)), element('span', {}, nCodes(depth)), number];
    return button(content, () => this.showGroups(depth, this.swapped), {'aria-pressed': 'false'});
  }

  async showGroups(depth, swapped) {
    this.depth = depth;
    this.swapped = swapped;
    const question = ++this.latest;
    const answer = await this.ui.answered(this.ui.ask('clusters', depth, swapped));
    if (answer === undefined || question !== this.latest) return;
    this.ui.say('');
    this.depths.forEach((choice, i) => choice.setAttribute('aria-pressed', i + 1 === depth));
    this.direction.textContent = 'groups of ' + this.here + ' → ' + this.there;
    this.ui.setValue({depth, swap: swapped});
    this.ui.timed('groups', () => this.drawGroups(answer));
    if (!this.detail.firstChild && answer.rows.length) this.showGroup(answer.rows[0][0]);
  }

  drawGroups({total, kept, rows}) {
    const same = thousands(kept) + ' are the same in ' + this.there;
    const largest = rows.length < total ? '; the largest ' + rows.length : '';
    const summary = counted(total, 'group') + ' of ' + this.here + '; ' + same + largest;
    const groups = rows.map(row => element('li', {}, this.groupButton(row)));
    this.list.replaceChildren(element('p', {class: 'soft'}, summary), element('ul', {class: 'groups'}, groups));
  }

  groupButton([node, codes, nItems, together, parts]) {
    const number = parts.length + (parts.length === MOST_PARTS ? ' or more' : '');
    const label = 'code ' + codes.join(' ') + ', ' + nItems + ' items in ' + number + ' parts';
    const bars = parts.map((size, i) => element('i', {style: '--p:' + size / nItems + ';--s:' + i % 4}));
    const content = [
      code(codes.join(' ')),
      element('span', {class: 'num'}, thousands(nItems)),
      element('span', {class: 'parts'}, bars),
      element('span', {class: 'soft num'}, Math.round(100 * together) + '% together'),
    ];
    return button(content, () => this.showGroup(node), {class: 'group', 'aria-label': label});
  }

  async showGroup(node) {
    const answer = await this.ui.answered(this.ui.ask('cluster', this.depth, this.swapped, node));
    if (answer === undefined) return;
    this.ui.say('');
    this.ui.setValue({depth: this.depth, swap: this.swapped, node});
    const about = ' ' + counted(answer.items, 'item') + ' in ' + counted(answer.n_parts, 'group') + ' of ' + this.there;
    this.detail.replaceChildren(
      element('h3', {}, this.here + ' ' + answer.code.join(' '), soft(about)),
      ...answer.parts.map(part => this.partOf(part)));
  }

  partOf([codes, nShared, nThere, items]) {
    const others = nThere > nShared ? ', and has ' + (nThere - nShared) + ' others (merged)' : ', and nothing else';
    const name = code(this.there + ' ' + codes.join(' '));
    return this.itemSection([name, ' takes ' + nShared + others], items);
  }

  itemSection(head, items) {
    const rows = items.map(item => element('li', {}, this.itemButton(item)));
    return element('section', {class: 'part'}, element('p', {}, head), element('ul', {}, rows));
  }

  itemButton([item, title]) {
    return button(title, () => this.showItem(item, title), {class: 'plain'});
  }

  async showMoved() {
    const answer = await this.ui.answered(this.ui.ask('movers'));
    if (answer === undefined) return;
    this.latest += 1; // groups that are still on their way would take the place
    const heads = ['item', ...this.names].map(name => element('th', {}, name));
    heads.push(element('th', {class: 'num'}, 'moved'));
    this.list.replaceChildren(table(heads, answer.map(row => this.movedRow(row))));
    this.ui.say('moved: 1 - shared company / all company, the mean over depths');
  }

  movedRow([item, title, codesFirst, codesSecond, moved]) {
    return element('tr', {},
      element('td', {}, this.itemButton([item, title])),
      element('td', {class: 'code'}, codesFirst.join(' ')),
      element('td', {class: 'code'}, codesSecond.join(' ')),
      element('td', {class: 'num'}, fixed(moved)));
  }

  async showItem(item, title) {
    const answer = await this.ui.answered(this.ui.ask('company', item, this.depth));
    if (answer === undefined) return;
    this.ui.say('');
    this.ui.setValue({item});
    const company = (where, [n, items]) => this.itemSection([element('b', {}, where), ' ' + thousands(n)], items);
    this.detail.replaceChildren(
      element('h3', {}, title, soft(' stands with, by ' + nCodes(this.depth))),
      company('in both', answer.both),
      company('only in ' + this.names[0], answer.first),
      company('only in ' + this.names[1], answer.second));
  }
}

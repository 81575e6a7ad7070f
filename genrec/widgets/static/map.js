// Items as points, coloured by a code. A point: [x, y, codes, title, item], x and y from 0 to 1.

const WIDTH = 640;
const HEIGHT = 420;
const BORDER = 14;
const ARROWS = {ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

function view(ui) {
  new ItemMap(ui);
}

function readPoint([x, y, codes, title, item]) {
  return {
    x: BORDER + x * (WIDTH - 2 * BORDER),
    y: BORDER + (1 - y) * (HEIGHT - 2 * BORDER),
    codes,
    title,
    item,
  };
}

class ItemMap {
  constructor(ui) {
    this.ui = ui;
    this.points = ui.state.points.map(readPoint);
    this.level = 0; // whose codes are colours
    this.at = null; // the point that is described
    this.onlyCode = null;
    this.words = [];
    const hint = 'Point at an item, or focus the picture and use the arrow keys.';
    this.description = element('p', {class: 'tip', 'aria-live': 'polite'}, hint);
    this.legend = element('div', {class: 'bar', role: 'group', 'aria-label': 'Codes'});
    this.ring = svgElement('circle', {r: 9, class: 'ring', visibility: 'hidden'});
    this.picture = this.emptyPicture();
    this.levelField = this.colourField();
    const search = searchField('mark titles with these words', 'Mark titles', text => this.markWords(text));
    ui.body.append(
      element('div', {class: 'bar'}, element('b', {}, ui.state.title), this.levelField, search),
      this.picture,
      this.description,
      this.legend);
    this.draw();
  }

  emptyPicture() {
    const label = this.ui.state.title + ': arrow keys go to the next point';
    const attributes = {viewBox: '0 0 ' + WIDTH + ' ' + HEIGHT, tabindex: 0, role: 'application', 'aria-label': label};
    return svgElement('svg', {...attributes, onkeydown: event => this.onKey(event)});
  }

  colourField() {
    const options = this.ui.state.levels.map((name, level) => [level, name, level === 0]);
    return selectField('colour by', options, () => this.colourBy(Number(this.levelField.value)));
  }

  colourBy(level) {
    this.level = level;
    this.onlyCode = null;
    this.draw();
  }

  markWords(text) {
    this.words = wordsOf(text);
    this.draw();
  }

  isMarked(point) {
    const hasCode = this.onlyCode === null || point.codes[this.level] === this.onlyCode;
    return hasCode && hasWords(point.title, this.words);
  }

  codesBySize() { // [code, number of points], most points first
    const sizes = new Map();
    for (const point of this.points) {
      const value = point.codes[this.level];
      sizes.set(value, (sizes.get(value) || 0) + 1);
    }
    return [...sizes.entries()].sort(([codeA, sizeA], [codeB, sizeB]) => sizeB - sizeA || codeA - codeB);
  }

  draw() {
    const codes = this.codesBySize();
    const places = new Map(codes.map(([value], place) => [value, place]));
    const dots = this.points.map(point => this.dot(point, places.get(point.codes[this.level])));
    this.picture.replaceChildren(...dots, this.ring);
    this.drawLegend(codes);
    this.ui.say(this.summary());
  }

  dot(point, place) {
    const hasMark = place < MOST_MARKS;
    const dot = hasMark ? markAt(shapeOf(place), point.x, point.y, 4) : markAt('circle', point.x, point.y, 2.5);
    return fill(dot, {
      fill: hasMark ? colourOf(place) : '#888',
      class: this.isMarked(point) ? 'dot' : 'dot off',
      onmouseenter: () => this.describe(point),
      onclick: () => {
        this.describe(point);
        this.ui.setValue({item: point.item});
      },
    }, []);
  }

  drawLegend(codes) {
    const keys = codes.slice(0, MOST_MARKS).map(([value, n], place) => {
      const attributes = {class: 'key', 'aria-pressed': String(this.onlyCode === value)};
      return button([markInLegend(place), 'code ' + value + ': ' + n], () => this.toggleCode(value), attributes);
    });
    const others = codes.length > MOST_MARKS ? soft((codes.length - MOST_MARKS) + ' other codes in grey') : '';
    this.legend.replaceChildren(...keys, others);
  }

  toggleCode(value) {
    this.onlyCode = this.onlyCode === value ? null : value;
    this.draw();
  }

  summary() {
    if (this.onlyCode !== null || this.words.length) {
      return counted(this.points.filter(point => this.isMarked(point)).length, 'item') + ' marked';
    }
    const partly = this.points.length < this.ui.state.n;
    const drawn = partly ? ' of ' + thousands(this.ui.state.n) + ', drawn at random' : '';
    return counted(this.points.length, 'item') + drawn;
  }

  describe(point) {
    this.at = point;
    fill(this.ring, {cx: point.x, cy: point.y, visibility: 'visible'}, []);
    const codes = element('span', {class: 'code'}, point.codes.join(' '));
    this.description.replaceChildren(element('b', {}, point.title), soft(' #' + point.item + '  codes '), codes);
  }

  onKey(event) {
    const direction = ARROWS[event.key];
    if (!direction) return;
    event.preventDefault();
    const next = this.at ? this.nextPoint(direction) : this.points[0];
    if (next) this.describe(next);
  }

  nextPoint([right, down]) { // the nearest that lies rather in this direction than aside
    let next = null;
    let nearest = Infinity;
    for (const point of this.points) {
      if (point === this.at || !this.isMarked(point)) continue;
      const x = point.x - this.at.x;
      const y = point.y - this.at.y;
      const ahead = x * right + y * down;
      const aside = Math.abs(x * down) + Math.abs(y * right);
      const distance = ahead + 2 * aside;
      if (ahead <= 0 || aside > 2 * ahead || distance >= nearest) continue;
      nearest = distance;
      next = point;
    }
    return next;
  }
}

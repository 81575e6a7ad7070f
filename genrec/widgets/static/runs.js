// Runs as a table to filter and sort. A row holds a value for each column; the first three: system, dataset, seed.

const MOST_ROWS = 200; // that the table draws
const COMPARISON = /^([^<>=!]+)(>=|<=|!=|=|>|<)(.*)$/;
const ORDERS = {
  '>': (a, b) => a > b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
  '<=': (a, b) => a <= b,
};

function view(ui) {
  new Board(ui);
}

function compareValues(a, b, sign) { // for sorting; what is absent goes last either way
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return (a < b ? -1 : 1) * sign;
}

function shownValue(value) {
  if (value === null) return '-';
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

class Board {
  constructor(ui) {
    this.ui = ui;
    this.rows = ui.state.rows;
    this.names = ui.state.columns.map(([name]) => name);
    this.kinds = ui.state.columns.map(([, kind]) => kind);
    this.numeric = this.names.map((_, column) => this.isNumeric(column));
    this.systems = [...new Set(this.rows.map(([system]) => system))];
    this.sortColumn = this.names.indexOf(ui.state.sort);
    this.descending = true;
    this.shown = []; // numbers of the rows that pass the filter, sorted
    this.filter = searchField('filter: tiger recall@10>0.05 data=toy', 'Filter runs', () => this.draw());
    this.number = element('span', {class: 'soft', role: 'status'});
    this.box = scrollBox('Runs', [], 'wide tablebox');
    this.figure = element('div', {class: 'fig'});
    this.dataset = this.datasetField();
    this.across = this.axisField('across', ui.state.x);
    this.up = this.axisField('up', ui.state.y);
    this.allSettings = button('all settings', () => this.toggleSettings(), {'aria-pressed': 'false'});
    const save = button('save as table', () => this.save());
    ui.body.append(
      element('div', {class: 'bar'}, this.filter, this.dataset, this.number, this.allSettings, save),
      this.box,
      element('div', {class: 'bar'}, element('span', {}, 'up'), this.up, element('span', {}, 'across'), this.across),
      this.figure,
      sameSettings(ui.state.same));
    this.draw();
  }

  datasetField() { // only where there are several
    const names = [...new Set(this.rows.map(([, dataset]) => dataset))];
    if (names.length < 2) return '';
    const options = [['', 'all datasets', true], ...names.map(name => [name, name, false])];
    return selectField('dataset', options, () => this.draw());
  }

  axisField(label, chosen) {
    const options = this.names.map((name, column) => [column, name, name === chosen]);
    return selectField(label, options, () => this.plot());
  }

  toggleSettings() {
    const pressed = this.allSettings.getAttribute('aria-pressed') !== 'true';
    this.allSettings.setAttribute('aria-pressed', pressed);
    this.draw();
  }

  isNumeric(column) {
    const values = this.rows.map(row => row[column]).filter(value => value !== null);
    return values.length > 0 && values.every(value => typeof value === 'number');
  }

  save() {
    this.ui.saveTable('runs.csv', [this.names, ...this.shown.map(i => this.rows[i])]);
  }

  // filter and sort

  passes(row, word) {
    const comparison = word.match(COMPARISON);
    if (!comparison) {
      return row.some(value => value !== null && String(value).toLowerCase().includes(word.toLowerCase()));
    }
    const [, name, sign, wanted] = comparison;
    const column = this.names.findIndex(other => other.toLowerCase() === name.toLowerCase());
    if (column < 0) throw Error('no column ' + name);
    const value = row[column];
    const areNumbers = typeof value === 'number' && wanted !== '' && !isNaN(Number(wanted));
    if (sign in ORDERS) return areNumbers && ORDERS[sign](value, Number(wanted));
    const same = areNumbers ? value === Number(wanted) : String(value).toLowerCase() === wanted.toLowerCase();
    return same === (sign === '=');
  }

  passing() { // numbers of rows
    const words = this.filter.value.split(/\s+/).filter(Boolean);
    const dataset = this.dataset && this.dataset.value;
    const passes = row => (!dataset || row[1] === dataset) && words.every(word => this.passes(row, word));
    return this.rows.map((_, i) => i).filter(i => passes(this.rows[i]));
  }

  sortBy(column) {
    this.descending = this.sortColumn === column ? !this.descending : this.numeric[column];
    this.sortColumn = column;
    this.draw();
  }

  draw() {
    try {
      this.shown = this.passing();
    } catch (error) {
      this.ui.say(error.message);
      return;
    }
    this.ui.say('');
    const sign = this.descending ? -1 : 1;
    const value = i => this.rows[i][this.sortColumn];
    this.shown.sort((i, j) => compareValues(value(i), value(j), sign));
    this.number.textContent = counted(this.shown.length, 'run') + ' of ' + this.rows.length;
    this.ui.timed('table', () => this.drawTable());
    this.ui.setValue({rows: this.shown});
    this.plot();
  }

  // the table

  drawTable() {
    const all = this.allSettings.getAttribute('aria-pressed') === 'true';
    const isShown = column => all || this.kinds[column] !== 'setting' || this.names[column] === 'seed';
    const columns = this.names.map((_, column) => column).filter(isShown);
    const cells = row => columns.map(column => {
      return element('td', {class: this.numeric[column] ? 'num' : ''}, shownValue(row[column]));
    });
    const rows = this.shown.slice(0, MOST_ROWS).map(i => element('tr', {}, cells(this.rows[i])));
    this.box.replaceChildren(table(columns.map(column => this.columnHead(column)), rows));
  }

  columnHead(column) {
    const sorted = column === this.sortColumn;
    const arrow = this.descending ? ' ▾' : ' ▴';
    const text = this.names[column] + (sorted ? arrow : '');
    const attributes = {
      class: this.numeric[column] ? 'num' : '',
      'aria-sort': sorted ? (this.descending ? 'descending' : 'ascending') : null,
    };
    return element('th', attributes, button(text, () => this.sortBy(column), {class: 'plain'}));
  }

  // the plot

  plot() {
    const x = Number(this.across.value);
    const y = Number(this.up.value);
    const rows = this.shown.map(i => this.rows[i]).filter(row => row[x] !== null && typeof row[y] === 'number');
    if (!rows.length) {
      const hint = 'No run has both: choose a number for the upward axis.';
      this.figure.replaceChildren(element('p', {class: 'soft'}, hint));
      return;
    }
    const names = this.numeric[x] ? null : [...new Set(rows.map(row => row[x]))];
    const plot = new Plot(names || rows.map(row => row[x]), rows.map(row => row[y]), names !== null);
    const dots = rows.map(row => this.dot(plot, row, {x, y}));
    const label = this.names[y] + ' against ' + this.names[x] + ' of ' + counted(rows.length, 'run');
    this.figure.replaceChildren(plot.draw({x: this.names[x], y: this.names[y], dots, label}), this.legend(rows));
  }

  dot(plot, row, {x, y}) {
    const [system, dataset, seed] = row;
    const group = this.systems.indexOf(system);
    const values = this.names[x] + ' ' + row[x] + ', ' + this.names[y] + ' ' + row[y];
    const title = svgElement('title', {}, system + ', ' + dataset + ', seed ' + seed + ': ' + values);
    const mark = markAt(shapeOf(group), plot.toX(row[x]), plot.toY(row[y]), 5);
    return fill(mark, {fill: colourOf(group), 'fill-opacity': 0.75, stroke: '#fff', 'stroke-width': 0.7}, [title]);
  }

  legend(rows) {
    const present = new Set(rows.map(([system]) => system));
    const keys = this.systems.map((system, group) => {
      return present.has(system) ? element('span', {class: 'key'}, markInLegend(group), system) : null;
    });
    return element('p', {class: 'bar'}, keys);
  }
}

function sameSettings(settings) {
  if (!settings.length) return '';
  const rows = settings.map(([name, value]) => {
    return element('li', {}, element('span', {class: 'code'}, name + ' = ' + value));
  });
  const title = counted(settings.length, 'setting') + ' that all runs share';
  return element('details', {}, element('summary', {}, title), element('ul', {}, rows));
}

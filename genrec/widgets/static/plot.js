// Axes for a scatter plot, in SVG.

const SIZE = {width: 520, height: 300};
const MARGIN = {left: 56, bottom: 40, top: 12, right: 12};

function widened(values) { // from, to: with some air around the values
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = (high - low) * 0.06 || Math.abs(low) * 0.1 || 1;
  return [low - air, high + air];
}

function roundTicks(low, high) { // at most seven round numbers
  const power = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 5, 10].map(factor => factor * power).find(size => (high - low) / size <= 6);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + 1e-12; tick += step) {
    ticks.push(tick);
  }
  return ticks;
}

function short(number) {
  return Number(number.toPrecision(3));
}

class Plot {
  constructor(xs, ys, areNames) { // xs: numbers, or the distinct names
    this.names = areNames ? xs : null;
    this.rangeX = areNames ? [-0.5, xs.length - 0.5] : widened(xs);
    this.rangeY = widened(ys);
    this.right = SIZE.width - MARGIN.right;
    this.bottom = SIZE.height - MARGIN.bottom;
  }

  toX(value) {
    const [low, high] = this.rangeX;
    const x = this.names ? this.names.indexOf(value) : value;
    return MARGIN.left + (x - low) / (high - low) * (this.right - MARGIN.left);
  }

  toY(value) {
    const [low, high] = this.rangeY;
    return this.bottom - (value - low) / (high - low) * (this.bottom - MARGIN.top);
  }

  linesAcross() {
    return roundTicks(...this.rangeY).map(tick => {
      const y = this.toY(tick);
      const line = svgElement('line', {x1: MARGIN.left, x2: this.right, y1: y, y2: y, class: 'grid'});
      return [line, svgElement('text', {x: MARGIN.left - 5, y: y + 4, 'text-anchor': 'end'}, short(tick))];
    });
  }

  labelsBelow() {
    const labelAt = (value, text) => {
      return svgElement('text', {x: this.toX(value), y: this.bottom + 16, 'text-anchor': 'middle'}, text);
    };
    if (!this.names) return roundTicks(...this.rangeX).map(tick => labelAt(tick, short(tick)));
    const most = Math.max(4, Math.floor(70 / this.names.length)); // letters that have space
    return this.names.map(name => labelAt(name, String(name).slice(0, most)));
  }

  titles(x, y) {
    const middle = this.bottom / 2;
    const turned = {x: 12, y: middle, 'text-anchor': 'middle', transform: 'rotate(-90 12 ' + middle + ')'};
    const below = {x: (MARGIN.left + this.right) / 2, y: SIZE.height - 4, 'text-anchor': 'middle'};
    return [svgElement('text', below, x), svgElement('text', turned, y)];
  }

  draw({x, y, dots, label}) {
    const attributes = {viewBox: '0 0 ' + SIZE.width + ' ' + SIZE.height, role: 'img', 'aria-label': label};
    return svgElement('svg', attributes, this.linesAcross(), this.labelsBelow(), this.titles(x, y), dots);
  }
}

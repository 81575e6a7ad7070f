// Marks that tell groups apart: six colours for the colour-blind (Okabe and Ito), each in four shapes.

const COLOURS = ['#0072B2', '#E69F00', '#009E73', '#CC79A7', '#D55E00', '#56B4E9'];
const SHAPES = ['circle', 'square', 'triangle', 'diamond'];
const MOST_MARKS = COLOURS.length * SHAPES.length;

function colourOf(group) {
  return COLOURS[group % COLOURS.length];
}

function shapeOf(group) {
  return SHAPES[Math.floor(group / COLOURS.length) % SHAPES.length];
}

function markAt(shape, x, y, size) {
  if (shape === 'square') {
    return svgElement('rect', {x: x - size, y: y - size, width: 2 * size, height: 2 * size});
  }
  if (shape === 'triangle') {
    return svgElement('path', {d: `M${x} ${y - size}L${x + size} ${y + size}L${x - size} ${y + size}Z`});
  }
  if (shape === 'diamond') {
    const half = size + 1;
    return svgElement('path', {d: `M${x} ${y - half}L${x + size} ${y}L${x} ${y + half}L${x - size} ${y}Z`});
  }
  return svgElement('circle', {cx: x, cy: y, r: size});
}

function markInLegend(group) {
  return element('i', {style: '--c:' + colourOf(group), class: shapeOf(group)});
}

// Elements of a page, made without markup: what comes from data becomes a text node, and a picture must be data.

const SVG = 'http://www.w3.org/2000/svg';
const PICTURE = /^data:image\/(webp|png|jpeg);base64,[A-Za-z0-9+/=]*$/;

function isAbsent(value) {
  return value === undefined || value === null || value === false;
}

function setAttribute(node, name, value) {
  if (name === 'href' || name === 'srcdoc') throw Error(name + ' is not for data');
  if (name === 'src' && !PICTURE.test(value)) throw Error('a picture must be data');
  if (name.startsWith('on')) {
    if (typeof value !== 'function') throw Error(name + ' wants a function');
    node.addEventListener(name.slice(2), value);
  } else {
    node.setAttribute(name, value === true ? '' : value);
  }
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (!isAbsent(value)) setAttribute(node, name, value);
  }
  const present = children.flat(9).filter(child => !isAbsent(child));
  node.append(...present.map(child => child instanceof Node ? child : String(child)));
  return node;
}

function element(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function svgElement(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function button(children, onclick, attributes) {
  return element('button', {type: 'button', onclick, ...attributes}, children);
}

function searchField(placeholder, label, onText) {
  const field = element('input', {type: 'search', placeholder, 'aria-label': label});
  field.addEventListener('input', debounce(() => onText(field.value), 150));
  return field;
}

function selectField(label, options, onchange) { // options: [value, text, is it chosen?]
  const fields = options.map(([value, text, selected]) => element('option', {value, selected}, text));
  return element('select', {'aria-label': label, onchange}, fields);
}

function table(heads, rows) { // heads: `th` elements, rows: `tr` elements
  return element('table', {}, element('thead', {}, element('tr', {}, heads)), element('tbody', {}, rows));
}

function scrollBox(label, children, className = 'wide') { // what the arrow keys scroll must take the focus
  return element('div', {class: className, tabindex: 0, role: 'group', 'aria-label': label}, children);
}

function soft(...children) {
  return element('span', {class: 'soft'}, ...children);
}

function code(text) {
  return element('b', {class: 'code'}, text);
}

function badge(text, title) {
  return element('span', {class: 'badge', title}, text);
}

function fillBar(percent) {
  return element('span', {class: 'fillbar', style: '--w:' + percent + '%'});
}

function debounce(action, milliseconds) {
  let timer;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), milliseconds);
  };
}

function thousands(n) {
  return n.toLocaleString('en');
}

function counted(n, one, many = one + 's') { // 1 item, 1,200 items
  return thousands(n) + ' ' + (n === 1 ? one : many);
}

function fixed(number, digits = 2) {
  return number === null || number === undefined ? '-' : Number(number).toFixed(digits);
}

function wordsOf(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function hasWords(text, words) {
  const lower = text.toLowerCase();
  return words.every(word => lower.includes(word));
}

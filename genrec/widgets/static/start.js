// Draw a widget, beside a kernel or on a page without one, and give its `view(ui)` what it needs.

const PICTURES_AT_ONCE = 64;
const THEME_ATTRIBUTES = ['class', 'style', 'data-jp-theme-name', 'data-jp-theme-light', 'data-bs-theme'];

class Ui {
  constructor({model, name, live}) {
    this.name = name;
    this.live = live;
    this.model = model;
    this.state = model.get('state');
    this.ask = live ? kernelQuestions(model) : model.ask;
    this.body = element('section', {class: 'gr', 'aria-label': name});
    this.status = element('p', {class: 'status', role: 'status'});
  }

  say(text) {
    this.status.textContent = text;
  }

  fail(error) {
    this.say(error.absent ? error.message : 'Error: ' + error.message);
    if (!error.absent) this.status.setAttribute('data-error', '');
  }

  async answered(promise) { // the answer, or undefined after the reader was told why there is none
    try {
      return await promise;
    } catch (error) {
      this.fail(error);
      return undefined;
    }
  }

  setValue(value) { // what Python reads as `view.value`
    this.model.set('value', value);
    this.model.save_changes();
  }

  timed(what, action) { // for whoever measures: `performance.getEntriesByType('measure')`
    const start = performance.now();
    const result = action();
    performance.measure('genrec:' + this.name + ':' + what, {start, end: performance.now()});
    return result;
  }

  showPictures(boxes) { // [[item, element]]: thumbnails for the elements, a batch at a time
    if (!this.state.pictures) return;
    const fillBoxes = pictures => {
      for (const [item, box] of boxes) {
        if (pictures[item] && !box.firstChild) box.append(element('img', {class: 'pic', src: pictures[item], alt: ''}));
      }
    };
    if (!this.live) {
      fillBoxes(this.state.pictures);
      return;
    }
    const items = [...new Set(boxes.map(([item]) => item))];
    for (let start = 0; start < items.length; start += PICTURES_AT_ONCE) {
      const batch = items.slice(start, start + PICTURES_AT_ONCE);
      this.ask('pictures', batch).then(fillBoxes, error => this.fail(error));
    }
  }

  saveTable(file, rows) {
    const text = rows.map(row => row.map(csvCell).join(',')).join('\n') + '\n';
    const address = URL.createObjectURL(new Blob([text], {type: 'text/csv'}));
    const link = document.createElement('a');
    link.setAttribute('href', address);
    link.setAttribute('download', file);
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
    this.say(counted(rows.length - 1, 'row') + ' saved as ' + file);
  }
}

function csvCell(value) {
  let text = value === null || value === undefined ? '' : String(value);
  if (/^[=+\-@\t\r]/.test(text) && isNaN(text)) text = "'" + text; // a spreadsheet would run it
  return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
}

function backgroundOf(node) { // red, green, blue of the first background that is not transparent
  for (let place = node; place; place = place.parentElement || place.getRootNode().host) {
    const colour = (getComputedStyle(place).backgroundColor.match(/[\d.]+/g) || []).map(Number);
    if (colour.length === 3 || colour[3] > 0.5) return colour;
  }
  return [255, 255, 255];
}

function takeTheme(host, body) {
  const [red, green, blue] = backgroundOf(host);
  body.toggleAttribute('data-dark', 0.3 * red + 0.59 * green + 0.11 * blue < 128);
}

function keepKeysFrom(host) { // JupyterLab's shortcuts are not for what is typed here
  host.setAttribute('data-lm-suppress-shortcuts', 'true');
  host.addEventListener('keydown', event => {
    if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
  });
}

function start({model, host, view, name, css, live}) {
  const ui = new Ui({model, name, live});
  const root = host.shadowRoot || host.attachShadow({mode: 'open'});
  root.replaceChildren(element('style', {}, css), ui.body);
  keepKeysFrom(host);
  ui.timed('first paint', () => view(ui));
  ui.body.append(ui.status);
  const follow = () => takeTheme(host, ui.body);
  const observer = new MutationObserver(follow);
  for (const node of [document.documentElement, document.body]) {
    observer.observe(node, {attributes: true, attributeFilter: THEME_ATTRIBUTES});
  }
  follow();
  requestAnimationFrame(follow); // the host may not be on the page before
  return () => observer.disconnect();
}

function mount({id, view, name, css}) { // every place of a page that waits for this widget
  const data = JSON.parse(document.querySelector('script[data-genrec-state="' + id + '"]').textContent);
  for (const host of document.querySelectorAll('div[data-genrec="' + id + '"]')) {
    if (!host.shadowRoot) start({model: pageModel(data), host, view, name, css, live: false});
  }
}

"""The widgets under a person's hands, in Chromium

    python .ci/lab.py [--lab] [--site FOLDER] [--scale] [part of a notebook's name ...]

With --lab (or alone) JupyterLab opens the workbench and every widget notebook, runs all cells, and each widget is
clicked. With --site the widgets of the rendered pages are, at widths of 1440 and 390, on a light and on a dark
background. What must change is read back. An error on the console, a request to the outside or a serious finding of
axe-core is a failure. --scale times `browse` on 100,000 items. Pictures and timings lie in `.artefacts/browser/`.
Without a Chromium this says so and counts nothing."""
import json, os, re, shutil, socket, subprocess, sys, time, urllib.error, urllib.request, zipfile
from contextlib import contextmanager
from functools import partial
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent))
from browser import ARGS, NO_CHROMIUM, WIDTHS, chromium
from drives import DRIVES, search, until
try:
    from playwright.sync_api import TimeoutError as Timeout
except ModuleNotFoundError:
    Timeout = RuntimeError

root = Path(__file__).resolve().parent.parent
out = root/'.artefacts'/'browser'

# what JupyterLab and Chromium say on the console whatever we do
NOISE = re.compile('|'.join([
    'ResizeObserver loop', 'favicon', r'Failed to load resource.*(404|500).*', 'was preloaded using link preload',
    'WebSocket connection to .* failed: .*before the connection', 'Unable to preventDefault inside passive']))
# what is ours in the log of JupyterLab's own scripts, which also tells of a debugger's cancelled request
OURS = re.compile(r'widget|genrec|(Reference|Type|Syntax|Range)Error', re.I)

def widget(scope, name):
    "The last widget of this name"
    return scope.locator(f'section.gr[aria-label="{name}"]').last

class Heard:
    "What a page said and asked for that it should not; `own` are hosts that it may ask"
    def __init__(self, page, own=()):
        self.bad, self.own = [], own
        page.on('console', self.on_console)
        page.on('pageerror', lambda error: self.bad.append(f'error: {error}'))
        page.on('request', self.on_request)

    def on_console(self, message):
        if message.type=='error' and not NOISE.search(message.text) and not self.is_theirs(message):
            self.bad.append(f'console: {message.text[:300]}')

    def on_request(self, request):
        if not request.url.startswith(('file:', 'data:', 'blob:', *self.own)):
            self.bad.append(f'asks for {request.url}')

    def is_theirs(self, message):
        "Does a script of JupyterLab speak of its own affairs?"
        url = message.location.get('url', '')
        theirs = any(url.startswith((f'{host}/static/', f'{host}/lab/')) for host in self.own)
        return theirs and not OURS.search(message.text)

    def take(self):
        bad, self.bad = list(dict.fromkeys(self.bad)), []
        return bad

# accessibility

def axe():
    "axe-core's script, from the Python package that carries it; kept in the ignored folder, never in the repository"
    kept = root/'.artefacts'/'axe.min.js'
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        folder = kept.parent/'axe'
        pip = [sys.executable, '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps']
        subprocess.run([*pip, '-d', str(folder), 'axe-playwright-python==0.1.8'], capture_output=True, timeout=120)
        for path in folder.glob('*.whl'):
            with zipfile.ZipFile(path) as wheel:
                name = next(name for name in wheel.namelist() if name.endswith('axe.min.js'))
                kept.write_bytes(wheel.read(name))
    return kept.read_text(encoding='utf-8') if kept.exists() else None

AXE_RUN = """
async places => {
  const {violations} = await axe.run(places, {resultTypes: ['violations']});
  const where = node => node.target.flat(9).join(' ') + ' ' + (node.any[0] ? node.any[0].message : '');
  return violations.map(v => [v.impact, v.id, v.nodes.length, v.nodes.slice(0, 3).map(where).join('; ')]);
}"""

def accessible(page, script, places):
    "Serious and critical findings of axe-core in some places of a page"
    if script is None:
        return []
    page.evaluate(script)
    found = page.evaluate(AXE_RUN, places)
    serious = [finding for finding in found if finding[0] in ('serious', 'critical')]
    return [f'axe: {impact} {name} x{n}: {text[:300]}' for impact, name, n, text in serious]

# one check

MEASURES = """() => performance.getEntriesByType('measure')
  .filter(measure => measure.name.startsWith('genrec:'))
  .map(measure => [measure.name.slice(7), Math.round(measure.duration * 10) / 10])"""

def timings(page):
    "What our own code took, by the browser's clock: (name, milliseconds)"
    return page.evaluate(MEASURES)

def problems(check):
    "What a check says, or raised"
    try:
        return check() or []
    except Exception as error:
        return [f'{type(error).__name__}: {str(error)[:600]}']

def run(name, check, count, tries=1):
    "Count a check and say what was wrong; JupyterLab on a busy machine gets a second try, which is told"
    for left in reversed(range(tries)):
        start = time.time()
        bad = list(dict.fromkeys(problems(check)))
        if not bad or not left:
            break
        print(f'again         {name}: '+'; '.join(bad), flush=True)
    count[bool(bad)] += 1
    mark = 'FAILED' if bad else 'ok    '
    print(f'{mark} {time.time()-start:6.1f} s  {name}'+''.join(f'\n    {text}' for text in bad), flush=True)

def click_all(page, name, live, picture):
    "Drive every widget of a page, and keep a picture"
    try:
        for label, drive in DRIVES[name]:
            view = widget(page, label)
            view.scroll_into_view_if_needed()
            drive(view, live)
    finally:
        page.screenshot(path=out/f'{picture}.png', full_page=not live)

# rendered pages

DARKEN = """() => {
  document.body.style.background = '#101418';
  document.querySelector('main').style.background = '#101418';
  document.body.className += ' dark';
}"""
ALL_DARK = """() => [...document.querySelectorAll('div[data-genrec]')]
  .every(host => host.shadowRoot.querySelector('.gr').hasAttribute('data-dark'))"""

def look_at_page(page, path, name, *, dark, script):
    "Open a rendered page, click its widgets, and say what is wrong"
    heard, width = Heard(page), page.viewport_size['width']
    page.goto(path.resolve().as_uri(), wait_until='load')
    if dark:
        page.evaluate(DARKEN)
    labels = [label for label, _ in DRIVES[name]]
    until(lambda: all(widget(page, label).count() for label in labels), 'the static views draw themselves')
    click_all(page, name, False, f'{name}-{width}{"-dark" if dark else ""}')
    bad = heard.take()
    over = page.evaluate('document.documentElement.scrollWidth-innerWidth')
    if over>1:
        bad.append(f'{over} px wider than a window of {width}')
    if dark and not page.evaluate(ALL_DARK):
        bad.append('a view stays light on a dark page')
    return bad+accessible(page, script, [['div[data-genrec]']] if dark else [['html']])

def wanted(only):
    "Notebooks with one of these in their names; all without any"
    return [name for name in DRIVES if not only or any(part in name for part in only)]

def site(browser, folder, only, script, *, count):
    "The rendered pages, their static views clicked"
    for name in wanted(only):
        path = folder/(re.sub(r'(^|/)\d+_', r'\1', name)+'.html')
        if not path.exists():
            run(f'page {name}', lambda: [f'no such page: {path}'], count)
            continue
        for width in WIDTHS:
            for dark in (False, True):
                page = browser.new_page(viewport=dict(width=width, height=900))
                check = partial(look_at_page, page, path, name, dark=dark, script=script)
                run(f'page {name} at {width}{", dark" if dark else ""}', check, count)
                page.close()

# JupyterLab

def setting(folder, extension, name, value):
    "Write a setting of JupyterLab"
    place = folder/'@jupyterlab'/extension
    place.mkdir(parents=True)
    (place/f'{name}.jupyterlab-settings').write_text(json.dumps(value))

def lab_folder():
    "A copy of the notebooks, which JupyterLab would save, and its settings"
    work = out/'notebooks'
    shutil.rmtree(work, ignore_errors=True)
    not_ours = ['.ipynb_checkpoints', 'runs', '_quarto.yml', 'nbdev.yml', 'sidebar.yml']
    shutil.copytree(root/'nbs', work/'nbs', ignore=shutil.ignore_patterns(*not_ours))
    shutil.copytree(root/'runs', work/'runs')
    news = dict(fetchNews='false', checkForUpdates=False)
    setting(work/'settings', 'apputils-extension', 'notification', news)
    setting(work/'settings', 'notebook-extension', 'tracker', dict(autoStartDefault=True))
    return work

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def answers(url):
    "Does a server answer there?"
    try:
        return urllib.request.urlopen(url, timeout=2).status==200
    except (urllib.error.URLError, OSError):
        return False

@contextmanager
def jupyter():
    "A JupyterLab of our own, on a port of its own and a copy of the notebooks; yields its address"
    work, port = lab_folder(), free_port()
    environment = {k: v for k, v in os.environ.items() if k not in ('IN_TEST', 'MPLBACKEND')}
    environment.update(
        HF_HUB_OFFLINE='1', OMP_NUM_THREADS='1', GENREC_PROGRESS='text', PYTHONPATH=str(root),
        JUPYTER_CONFIG_DIR=str(out/'jupyter'), JUPYTERLAB_SETTINGS_DIR=str(work/'settings'))
    command = [Path(sys.executable).parent/'jupyter', 'lab', '--no-browser', '--allow-root', '--ip=127.0.0.1',
               f'--port={port}', '--IdentityProvider.token=tok', f'--ServerApp.root_dir={work}',
               '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate']
    with open(out/'lab.log', 'w') as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            until(lambda: answers(f'http://127.0.0.1:{port}/api/status?token=tok'), 'JupyterLab answers', 60)
            yield f'http://127.0.0.1:{port}'
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()

def accept_dialog(page):
    "Say yes to a dialog, such as the one that asks for the kernel; was there one?"
    accept = page.locator('.jp-Dialog button.jp-mod-accept')
    if not accept.count():
        return False
    try:
        accept.first.click(timeout=2000)
    except Timeout:
        pass
    return True

def wait_idle(page, seconds=240):
    "Wait until the kernel is there and all cells have run; a dialog that asks for the kernel gets its answer"
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")
    until(lambda: not accept_dialog(page) and idle.count(), 'the kernel is idle', seconds)

def prompts(page):
    "The numbers beside all cells: [ ] has not run, [*] waits"
    return ' '.join(page.locator('.jp-InputPrompt').all_inner_texts())

def click_run_all(page):
    "Choose Run > Run All Cells; did it work?"
    try:
        page.locator('.lm-MenuBar-itemLabel:text-is("Run")').click(timeout=5000)
        page.locator('.lm-Menu-itemLabel:text-is("Run All Cells")').click(timeout=5000)
    except Timeout:
        return False
    return True

def has_run(page):
    "Have all cells run?"
    return re.search(r'\[\d+\]', prompts(page)) is not None and '[ ]' not in prompts(page)

def has_begun(page):
    return re.search(r'\[(\*|\d+)\]', prompts(page)) is not None or accept_dialog(page)

def run_all(page, host, path):
    "Open a notebook, run it from the menu; what its cells complain about"
    page.goto(f'{host}/lab/tree/{path}?token=tok&reset', wait_until='load')
    page.wait_for_selector('.jp-Notebook', timeout=60_000)
    wait_idle(page)
    if page.locator('.jp-SideBar .lm-TabBar-tab.lm-mod-current').count():
        page.keyboard.press('Control+b') # the file list away
    for _ in range(8): # a click that comes before the kernel is there runs nothing, or the first cell alone
        accept_dialog(page)
        if not click_run_all(page):
            continue
        try:
            until(lambda: has_begun(page), 'a cell runs', 15)
        except AssertionError:
            pass
        wait_idle(page, 1800)
        until(lambda: '[*]' not in prompts(page), 'no cell waits', 1800)
        page.wait_for_timeout(300)
        if has_run(page):
            break
    assert has_run(page), f'not all cells ran: {prompts(page)}'
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"], '
                          '.jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
    return [f'a cell says: {error[-400:]}' for error in errors if 'Traceback' in error or 'Error' in error]

def look_in_lab(browser, host, name, *, width, times):
    "Run a notebook in JupyterLab, click its widgets, and say what is wrong"
    context = browser.new_context(viewport=dict(width=width, height=900))
    picture = f'lab-{name}-{width}'
    try:
        page = context.new_page()
        heard = Heard(page, (host, host.replace('http', 'ws')))
        try:
            bad = run_all(page, host, f'nbs/{name}.ipynb')
        except AssertionError:
            page.screenshot(path=out/f'{picture}.png')
            raise
        click_all(page, name, True, picture)
        times.update({f'lab {name} {what}': ms for what, ms in timings(page)})
        return bad+heard.take()
    finally:
        context.close()

def lab(browser, only, count, times):
    "JupyterLab: run all, click through, with a kernel behind"
    with jupyter() as host:
        for name in wanted(only):
            for width in WIDTHS if name!='workbench' else WIDTHS[:1]:
                check = partial(look_in_lab, browser, host, name, width=width, times=times)
                run(f'JupyterLab {name} at {width}', check, count, tries=2)

# many items

MODEL = """
const model = {
  get: name => name === 'state' ? STATE : undefined,
  set() {},
  save_changes() {},
  on(event, listener) { this.listener = listener; },
  send({id, call, args}) { window.ask(call, args).then(answer => this.listener({id, answer})); },
};
start({model, host: document.querySelector('div'), view, name: 'code tree', css: CSS, live: true});
"""

def many_items(n):
    "`browse` on random codes and titles"
    import torch
    from genrec.core.values import SemanticIds
    from genrec.widgets.browse import browse
    g = torch.Generator().manual_seed(0)
    words = [f'word{i}' for i in range(3000)]
    drawn = torch.randint(0, 3000, (n, 5), generator=g).tolist()
    titles = [' '.join(words[j] for j in row) for row in drawn]
    return browse(SemanticIds(torch.randint(0, 256, (n, 3), generator=g), (256,)*3), titles)

def page_with_kernel(page, view):
    "Draw a view whose questions Python answers, as a kernel would; returns the list of [question, milliseconds]"
    from genrec.widgets.base import plain
    asked = []
    def ask(call, args):
        start = time.time()
        answer = view.ask(call, *args)
        asked.append([call, round(1000*(time.time()-start))])
        return answer
    page.expose_function('ask', ask)
    script = view.code(MODEL).replace('STATE', plain(view.state), 1)
    page.goto('about:blank')
    page.set_content('<!DOCTYPE html><html lang="en"><title>t</title><body style="background:#fff"><div></div>'
                     f'<script type="module">{script}</script>')
    return asked

def unfold(tree, level, n):
    "Unfold some codes of a level; milliseconds from the click until the rows are there, with Python and Playwright"
    rows, took = tree.get_by_role('treeitem'), []
    for step in range(n):
        shown, start = rows.count(), time.time()
        tree.locator(f'[role=treeitem][aria-level="{level}"]').nth(step).click()
        until(lambda: rows.count()>shown, 'unfolds')
        took.append(round(1000*(time.time()-start)))
    return took

def at_scale(browser, count, times, n=100_000):
    "`browse` on many items without JupyterLab between: what our own code takes; reported, not asserted"
    start = time.process_time()
    view = many_items(n)
    times['python: make the view (s of CPU)'] = round(time.process_time()-start, 2)
    page = browser.new_page(viewport=dict(width=1440, height=900))
    heard = Heard(page)
    def check():
        times['python: each answer (ms)'] = page_with_kernel(page, view)
        tree = widget(page, 'code tree')
        until(lambda: tree.get_by_role('treeitem').count()>50, 'the first level')
        times[f'at {n:,}: click to rows'] = unfold(tree, level=1, n=3)
        search(tree, 'word77 word1')
        until(lambda: 'Found' in tree.locator('.panel h3').inner_text(), 'the search')
        tree.screenshot(path=out/'browse-100k.png')
        times.update({f'at {n:,}: {what}, {i}': ms for i, (what, ms) in enumerate(timings(page))})
        return heard.take()
    run(f'browse on {n:,} items', check, count)
    page.close()

def drive_all(browser, folder, flags, *, only, count, times):
    "What was asked for on the command line"
    if folder:
        script = axe()
        if script is None:
            print('axe-core could not be had from the package registry: accessibility is not checked')
        site(browser, folder, only, script, count=count)
    if '--scale' in flags or not only:
        at_scale(browser, count, times)
    if '--lab' in flags or (folder is None and '--scale' not in flags):
        lab(browser, only, count, times)

def main(*args):
    executable = chromium()
    if not executable:
        print(NO_CHROMIUM)
        return 0
    from playwright.sync_api import sync_playwright
    args = list(args)
    folder = Path(args.pop(args.index('--site')+1)) if '--site' in args else None
    flags = [argument for argument in args if argument.startswith('--')]
    only = [argument for argument in args if not argument.startswith('--')]
    out.mkdir(parents=True, exist_ok=True)
    count, times = [0, 0], {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGS)
        drive_all(browser, folder, flags, only=only, count=count, times=times)
        browser.close()
    if times:
        (out/'times.json').write_text(json.dumps(times, indent=1))
        print('milliseconds of our own code:', json.dumps(times))
    print(f'{count[0]} passed, {count[1]} failed')
    return int(count[1]>0 or not sum(count))

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

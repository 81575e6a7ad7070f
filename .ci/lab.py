"""The widgets under a person's hands, in Chromium: `python .ci/lab.py [--lab] [--site FOLDER] [--scale] [part of a notebook's name ...]`

With --lab (or alone) JupyterLab opens the workbench and every widget notebook, runs all cells, and each widget is clicked; with --site the rendered
pages are, at widths of 1440 and 390, on a light and on a dark background. What must change is read back; an error on the console, a request to the outside
or a serious finding of axe-core is a failure. --scale times `browse` on 100,000 items. Pictures and timings lie in `.artefacts/browser/`. Without a Chromium this says so and counts nothing."""
import json, os, re, shutil, socket, subprocess, sys, time, urllib.error, urllib.request, zipfile
from contextlib import contextmanager
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent))
from browser import ARGS, chromium
try: from playwright.sync_api import TimeoutError as Timeout
except ModuleNotFoundError: Timeout = RuntimeError

root = Path(__file__).resolve().parent.parent
out = root/'.artefacts'/'browser'
NOISE = re.compile(r'ResizeObserver loop|favicon|Failed to load resource.*(404|500).*|was preloaded using link preload|WebSocket connection to .* failed: .*before the connection|Unable to preventDefault inside passive')

OURS = re.compile(r'widget|genrec|(Reference|Type|Syntax|Range)Error', re.I) # of what JupyterLab's own scripts log, such as a debugger's request that was cancelled

def gr(scope, name): return scope.locator(f'section.gr[aria-label="{name}"]').last
def now(what, want, got):
    assert want in got, f'{what}: wanted {want!r}, got {got[:200]!r}'
def until(f, what, s=8):
    "Wait until a condition holds"
    t = time.time()
    while time.time()-t<s:
        if f(): return
        time.sleep(.05)
    raise AssertionError(f'not within {s} s: {what}')

# one drive for each widget: what a person does, and what must be there afterwards, with a kernel and without
def drive_words(w, live):
    w.get_by_role('button', name='two').click()
    until(lambda: 'two is 2' in w.inner_text(), 'the answer to `two`')
    now('title', '<script>alert(1)</script>', w.inner_text())
    w.get_by_role('button', name='three').click()
    until(lambda: ('three is 3' if live else 'does not hold') in w.inner_text(), 'the answer to `three`, or that the page lacks it')

def drive_neighbours(w, live):
    title = lambda: w.locator('.card h3').inner_text()
    first, other = title(), w.locator('.list .item').first
    name = other.locator('.name').inner_text(); other.click()
    until(lambda: title()!=first and name in title(), 'a click goes on to the neighbour')
    w.get_by_role('button', name='back').click(); until(lambda: title()==first, 'back')
    w.get_by_role('button', name='forward').click(); until(lambda: name in title(), 'forward')
    w.get_by_role('button', name='only what one list names').click()
    assert w.get_by_role('button', name='only what one list names').get_attribute('aria-pressed')=='true'
    w.locator('summary').click(); until(lambda: w.locator('details table').is_visible(), 'the table of shared items')
    w.get_by_role('searchbox').fill(name.split()[0]); until(lambda: w.locator('.bar button').count()>3, 'the search offers items')

def drive_beam(w, live):
    b = w.locator('.beam')
    until(lambda: b.count()>3, 'the levels are drawn')
    n = b.count()
    assert w.locator('.beam[data-target]').count(), 'the target is marked'
    b.first.click()
    until(lambda: 'at level 0' in w.locator('.detail').inner_text(), 'the prefix tells about itself')
    assert w.locator('.beam[data-on]').count()>1, 'its children are marked'
    w.get_by_role('button', name='← level').click()
    until(lambda: w.locator('.col:visible').count()==w.locator('.col').count()-1, 'one level less')
    w.get_by_role('button', name='level →').click()
    w.get_by_role('combobox').select_option('1')
    until(lambda: b.count()!=n and w.locator('.col').nth(1).locator('.beam[data-alive="1"]').count()==1, 'one beam')

def drive_compare(w, live):
    until(lambda: w.locator('.group').count()>1 and w.locator('.panel h3').count(), 'groups and the first of them')
    head = w.locator('.panel h3').inner_text()
    w.locator('.group').nth(1).click(); until(lambda: w.locator('.panel h3').inner_text()!=head, 'another group')
    w.locator('.agree button').nth(1).click(); until(lambda: '2 codes' in w.locator('.agree button[aria-pressed=true]').inner_text(), 'two codes')
    n = w.get_by_role('button', name='groups of').inner_text(); w.get_by_role('button', name='groups of').click()
    until(lambda: w.get_by_role('button', name='groups of').inner_text()!=n, 'the other way round')
    w.get_by_role('button', name='items that moved most').click()
    until(lambda: w.locator('tbody tr').count()>3, 'items that moved')
    w.locator('tbody button').first.click(); until(lambda: 'stands with' in w.locator('.panel h3').inner_text(), 'the company of an item')

def drive_runs(w, live):
    rows = w.locator('tbody tr'); n = rows.count()
    w.get_by_role('searchbox').fill('system=tiger recall@10>0'); until(lambda: 0<rows.count()<n, 'the filter takes rows away')
    assert all('tiger' in t for t in rows.all_inner_texts())
    w.get_by_role('searchbox').fill('nothing>0'); until(lambda: 'no column nothing' in w.inner_text(), 'an unknown column is told')
    w.get_by_role('searchbox').fill(''); until(lambda: rows.count()==n, 'all rows again')
    of = w.get_by_role('combobox', name='dataset')
    if of.count():
        of.select_option(index=1); one = of.evaluate('e=>e.value')
        until(lambda: 0<rows.count()<=n and all(one in t for t in rows.all_inner_texts()), 'one dataset')
        of.select_option(index=0); until(lambda: rows.count()==n, 'all datasets again')
    first = rows.first.inner_text(); w.get_by_role('button', name=re.compile('^recall@10( [▾▴])?$')).click()
    until(lambda: rows.first.inner_text()!=first and w.locator('th[aria-sort=ascending]').count()==1, 'sorted the other way')
    label = w.locator('svg').get_attribute('aria-label'); w.get_by_role('combobox', name='up').select_option(label='ndcg@10')
    until(lambda: w.locator('svg').get_attribute('aria-label')!=label, 'the plot changes')

def drive_map(w, live):
    tip = lambda: w.locator('.tip').inner_text()
    first = tip(); w.locator('svg').focus(); w.page.keyboard.press('ArrowRight'); until(lambda: tip()!=first, 'a title')
    first = tip(); w.page.keyboard.press('ArrowLeft'); w.page.keyboard.press('ArrowUp'); w.page.keyboard.press('ArrowRight'); until(lambda: tip()!=first, 'another title')
    w.locator('.key').first.click(); until(lambda: 'marked' in w.inner_text(), 'one code marked')
    assert w.locator('.dot.off').count()
    w.locator('.key').first.click(); w.get_by_role('searchbox').fill('lamp'); until(lambda: 0<w.locator('.dot:not(.off)').count()<w.locator('.dot').count(), 'titles marked')
    w.get_by_role('combobox').select_option('1'); until(lambda: w.locator('.key').count()>1, 'another level')

def drive_browse(w, live):
    rows = w.get_by_role('treeitem')
    n = rows.count()
    rows.first.click()
    until(lambda: rows.count()>n, 'the first code unfolds')
    now('selected', 'Code', w.locator('.panel h3').inner_text())
    w.page.keyboard.press('ArrowLeft')
    until(lambda: rows.count()==n, 'ArrowLeft folds it')
    w.page.keyboard.press('ArrowRight'); until(lambda: rows.count()>n, 'ArrowRight unfolds it')
    w.page.keyboard.press('ArrowDown'); w.page.keyboard.press('Enter')
    until(lambda: w.locator('nav button').count()==3, 'the path has two codes')
    w.get_by_role('searchbox').fill('lamp')
    until(lambda: 'Found' in w.locator('.panel h3').inner_text(), 'the search finds')
    assert all('lamp' in t.lower() for t in w.locator('.panel tbody tr').all_inner_texts()) and w.locator('.panel tbody tr').count()
    w.locator('.panel tbody tr button').first.click()
    until(lambda: 'Code' in w.locator('.panel h3').inner_text() and w.locator('nav button').count()>1, 'a found item is shown in the tree')
    with w.page.expect_download() as d: w.get_by_role('button', name='save as table').click()
    head = Path(d.value.path()).read_text().splitlines()
    assert head[0].startswith('item,title,code_0') and len(head)>1, head[:2]

DRIVES = {'80_widgets.base': [('words', drive_words)], '81_widgets.browse': [('code tree', drive_browse)], '82_widgets.trace': [('neighbours', drive_neighbours)],
    '83_widgets.beam': [('beam search', drive_beam)],
    '84_widgets.compare_ids': [('two tokenizers', drive_compare)], '85_widgets.runs': [('runs', drive_runs)], '86_widgets.map': [('map of items', drive_map)],
    'h0_start_here': [('code tree', drive_browse)], 'h5_audit_index': [('two tokenizers', drive_compare)], 'index': [('code tree', drive_browse)],
    'workbench': [('code tree', drive_browse), ('two tokenizers', drive_compare), ('runs', drive_runs), ('beam search', drive_beam), ('neighbours', drive_neighbours)]} # it trains: minutes

class Heard:
    "What a page said and asked for"
    def __init__(self, page, own):
        self.bad, self.own = [], own
        page.on('console', lambda m: m.type=='error' and not NOISE.search(m.text) and not self.theirs(m) and self.bad.append(f'console: {m.text[:300]}'))
        page.on('pageerror', lambda e: self.bad.append(f'error: {e}'))
        page.on('request', lambda r: not r.url.startswith(('file:', 'data:', 'blob:', *self.own)) and self.bad.append(f'asks for {r.url}'))
    def theirs(self, m): return any(m.location.get('url', '').startswith(f'{o}/{f}/') for o in self.own for f in ('static', 'lab')) and not OURS.search(m.text)
    def take(self): b, self.bad = list(dict.fromkeys(self.bad)), []; return b

def axe():
    "axe-core's script, from the Python package that carries it; kept in the ignored folder, never in the repository"
    kept = root/'.artefacts'/'axe.min.js'
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        subprocess.run([sys.executable, '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d', str(kept.parent/'axe'), 'axe-playwright-python==0.1.8'], capture_output=True, timeout=120)
        for z in (kept.parent/'axe').glob('*.whl') if (kept.parent/'axe').exists() else []:
            with zipfile.ZipFile(z) as f: kept.write_bytes(next(f.read(n) for n in f.namelist() if n.endswith('axe.min.js')))
    return kept.read_text(encoding='utf-8') if kept.exists() else None

def accessible(page, script, where):
    "Serious and critical findings of axe-core inside our own views (and, on the site, on the page around them)"
    if script is None: return []
    page.evaluate(script)
    found = page.evaluate("w=>axe.run(w, {resultTypes:['violations']}).then(r=>r.violations.map(v=>[v.impact, v.id, v.nodes.length, v.nodes.slice(0,3).map(n=>n.target.flat(9).join(' ')+' '+(n.any[0]?n.any[0].message:'')).join('; ')]))", where)
    return [f'axe: {i} {n} x{k}: {t[:300]}' for i, n, k, t in found if i in ('serious', 'critical')]

def timings(page):
    "What our own code took, by the browser's clock: name -> milliseconds"
    return page.evaluate("performance.getEntriesByType('measure').filter(m=>m.name.startsWith('genrec:')).map(m=>[m.name.slice(7), Math.round(m.duration*10)/10])")

def run(name, f, count, tries=1):
    "One check: count it, say what was wrong; JupyterLab on a busy machine is given a second try, which is told"
    for k in range(tries):
        t, bad = time.time(), []
        try: bad = f() or []
        except Exception as e: bad = [f'{type(e).__name__}: {str(e)[:600]}']
        if not bad or k+1==tries: break
        print(f'again         {name}: '+'; '.join(dict.fromkeys(bad)), flush=True)
    count[bool(bad)] += 1
    print(f"{'FAILED' if bad else 'ok    '} {time.time()-t:6.1f} s  {name}"+''.join(f'\n    {b}' for b in dict.fromkeys(bad)), flush=True)

def clicked(page, heard, name, live, label):
    "Every widget of a page under its drive; what is wrong, and a picture"
    try:
        for w, drive in DRIVES[name]:
            v = gr(page, w); v.scroll_into_view_if_needed(); drive(v, live)
    finally: page.screenshot(path=out/f'{label}.png', full_page=not live)
    return heard.take()

def site(browser, folder, only, script, count):
    "The rendered pages, their static views clicked"
    for name, file in [(n, f) for n in DRIVES if n!='workbench' for f in [folder/(re.sub(r'^\d+[a-z]*_', '', n)+'.html')] if any(o in n for o in only or [''])]:
        if not file.exists(): run(f'page {name}', lambda: [f'no such page: {file}'], count); continue
        for wide in (1440, 390):
            for dark in (False, True):
                page = browser.new_page(viewport=dict(width=wide, height=900)); heard = Heard(page, ())
                def look(page=page, heard=heard, name=name, wide=wide, dark=dark, file=file):
                    page.goto(file.resolve().as_uri(), wait_until='load')
                    if dark: page.evaluate("document.body.style.background=document.querySelector('main').style.background='#101418'; document.body.className+=' dark'")
                    until(lambda: all(gr(page, w).count() for w, _ in DRIVES[name]), 'the static views draw themselves')
                    bad = clicked(page, heard, name, False, f'{name}-{wide}{"-dark" if dark else ""}')
                    over = page.evaluate('document.documentElement.scrollWidth-innerWidth')
                    if over>1: bad.append(f'{over} px wider than a window of {wide}')
                    if dark and not page.evaluate("[...document.querySelectorAll('div[data-genrec]')].every(e=>e.shadowRoot.querySelector('.gr').hasAttribute('data-dark'))"): bad.append('a view stays light on a dark page')
                    return bad+accessible(page, script, [['div[data-genrec]']] if dark else [['html']])
                run(f'page {name} at {wide}{", dark" if dark else ""}', look, count)
                page.close()

@contextmanager
def jupyter():
    "A JupyterLab of our own, on a port of its own and a copy of the notebooks, which it would save"
    work = out/'notebooks'
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root/'nbs', work/'nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints', 'runs', '_quarto.yml', 'nbdev.yml', 'sidebar.yml'))
    shutil.copytree(root/'runs', work/'runs')
    say = work/'say'/'@jupyterlab'/'apputils-extension'; say.mkdir(parents=True)
    (say/'notification.jupyterlab-settings').write_text('{"fetchNews": "false", "checkForUpdates": false}')
    say = work/'say'/'@jupyterlab'/'notebook-extension'; say.mkdir(parents=True)
    (say/'tracker.jupyterlab-settings').write_text('{"autoStartDefault": true}')
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    env = {k: v for k, v in os.environ.items() if k not in ('IN_TEST', 'MPLBACKEND')}
    env.update(HF_HUB_OFFLINE='1', OMP_NUM_THREADS='1', JUPYTER_CONFIG_DIR=str(out/'jupyter'), JUPYTERLAB_SETTINGS_DIR=str(work/'say'), PYTHONPATH=str(root), GENREC_PROGRESS='text')
    log = open(out/'lab.log', 'w')
    p = subprocess.Popen([Path(sys.executable).parent/'jupyter', 'lab', '--no-browser', '--allow-root', '--ip=127.0.0.1', f'--port={port}', '--IdentityProvider.token=tok',
        f'--ServerApp.root_dir={work}', '--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate'], stdout=log, stderr=log, env=env)
    try:
        def up():
            try: return urllib.request.urlopen(f'http://127.0.0.1:{port}/api/status?token=tok', timeout=2).status==200
            except (urllib.error.URLError, OSError): return False
        until(up, 'JupyterLab answers', 60)
        yield f'http://127.0.0.1:{port}'
    finally:
        p.terminate()
        try: p.wait(10)
        except subprocess.TimeoutExpired: p.kill()

def dialog(page):
    "Say yes to a dialog, such as the one that asks for the kernel; was there one?"
    ask = page.locator('.jp-Dialog button.jp-mod-accept')
    if not ask.count(): return False
    try: ask.first.click(timeout=2000)
    except Timeout: pass
    return True

def idle(page, s=240):
    "Wait until the kernel is there and all cells have run; a dialog that asks for the kernel gets its answer"
    def done():
        return not dialog(page) and page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']").count()
    until(done, 'the kernel is idle', s)

def run_all(page, host, path):
    "Open a notebook, run it from the menu"
    page.goto(f'{host}/lab/tree/{path}?token=tok&reset', wait_until='load')
    page.wait_for_selector('.jp-Notebook', timeout=60_000)
    idle(page)
    if page.locator('.jp-SideBar .lm-TabBar-tab.lm-mod-current').count(): page.keyboard.press('Control+b') # the file list away
    prompts = lambda: ' '.join(page.locator('.jp-InputPrompt').all_inner_texts())
    for _ in range(8): # a click that comes before the kernel is there runs nothing, or the first cell alone
        dialog(page)
        try: page.locator('.lm-MenuBar-itemLabel:text-is("Run")').click(timeout=5000); page.locator('.lm-Menu-itemLabel:text-is("Run All Cells")').click(timeout=5000)
        except Timeout: continue
        t = time.time()
        while not re.search(r'\[(\*|\d+)\]', prompts()) and not dialog(page) and time.time()-t<15: page.wait_for_timeout(100)
        idle(page, 1800)
        until(lambda: '[*]' not in prompts(), 'no cell waits', 1800)
        page.wait_for_timeout(300)
        if re.search(r'\[\d+\]', prompts()) and '[ ]' not in prompts(): break
    assert '[ ]' not in prompts() and re.search(r'\[\d+\]', prompts()), f'not all cells ran: {prompts()}'
    errors = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"], .jp-RenderedText[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
    return [f'a cell says: {e[-400:]}' for e in errors if 'Traceback' in e or 'Error' in e]

def lab(browser, only, count, times):
    "JupyterLab: run all, click through, with a kernel behind"
    with jupyter() as host:
        for name in [n for n in DRIVES if any(o in n for o in only or [''])]:
            for wide in (1440, 390) if name!='workbench' else (1440,):
                def look(name=name, wide=wide):
                    context = browser.new_context(viewport=dict(width=wide, height=900))
                    try:
                        page = context.new_page(); heard = Heard(page, (host, host.replace('http', 'ws')))
                        where = f'nbs/{name}.ipynb' if (root/'nbs'/f'{name}.ipynb').exists() else name
                        try: bad = run_all(page, host, where)
                        except AssertionError: page.screenshot(path=out/f'lab-{name}-{wide}.png'); raise
                        bad += clicked(page, heard, name, True, f'lab-{name}-{wide}')
                        times.update({f'lab {name} {k}': v for k, v in timings(page)})
                        return bad
                    finally: context.close()
                run(f'JupyterLab {name} at {wide}', look, count, tries=2)

def at_scale(browser, count, times, n=100_000):
    "`browse` on many items, questions answered by Python as a kernel would, without JupyterLab between: what our own code takes, by the browser's clock; reported, not asserted"
    import torch
    from genrec.core import SemanticIds
    from genrec.widgets.browse import browse
    from genrec.widgets.base import plain
    g = torch.Generator().manual_seed(0)
    words = [f'word{i}' for i in range(3000)]
    titles = [' '.join(words[j] for j in r) for r in torch.randint(0, 3000, (n, 5), generator=g).tolist()]
    t = time.process_time(); v = browse(SemanticIds(torch.randint(0, 256, (n, 3), generator=g), (256,)*3), titles); times['python: make the view (s of CPU)'] = round(time.process_time()-t, 2)
    page = browser.new_page(viewport=dict(width=1440, height=900)); heard = Heard(page, ())
    asked = []
    def ask(call, args):
        t = time.time(); a = v.ask(call, *args); asked.append([call, round(1000*(time.time()-t))]); return a
    page.expose_function('ask', ask)
    code = v.code("const model={get:k=>k==='state'?STATE:undefined,set(){},save_changes(){},on(e,f){this.f=f},send(m){window.ask(m.call,m.args).then(a=>this.f({id:m.id,answer:a}))}};start({model, host: document.querySelector('div'), view, name: 'code tree', css: CSS, live: true});")
    def drive():
        page.goto('about:blank')
        page.set_content(f'<!DOCTYPE html><html lang="en"><title>t</title><body style="background:#fff"><div></div><script type="module">{code.replace("STATE", plain(v.state), 1)}</script>')
        w = gr(page, 'code tree'); rows = w.get_by_role('treeitem')
        until(lambda: rows.count()>50, 'the first level')
        for step in range(3):
            k, t = rows.count(), time.time()
            w.locator('[role=treeitem][aria-level="1"]').nth(step).click(); until(lambda: rows.count()>k, 'unfolds'); times[f'at {n:,}: click to rows, {step} (with Python and Playwright)'] = round(1000*(time.time()-t))
        w.get_by_role('searchbox').fill('word77 word1'); until(lambda: 'Found' in w.locator('.panel h3').inner_text(), 'the search')
        w.screenshot(path=out/'browse-100k.png')
        times.update({f'at {n:,}: {k}, {i}': ms for i, (k, ms) in enumerate(timings(page))})
        times['python: each answer (ms)'] = asked
        return heard.take()
    run(f'browse on {n:,} items', drive, count)
    page.close()

def main(*args):
    exe = chromium()
    if not exe: print('Skipped: no Chromium here, and none could be installed\n0 passed, 0 failed'); return 0
    from playwright.sync_api import sync_playwright
    args = list(args); folder = Path(args.pop(args.index('--site')+1)) if '--site' in args else None
    only = [a for a in args if not a.startswith('--')]
    out.mkdir(parents=True, exist_ok=True)
    count, times = [0, 0], {}
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=exe, args=ARGS)
        if folder:
            script = axe()
            if script is None: print('axe-core could not be had from the package registry: accessibility is not checked')
            site(b, folder, only, script, count)
        if '--scale' in args or not only: at_scale(b, count, times)
        if (folder is None and '--scale' not in args) or '--lab' in args: lab(b, only, count, times)
        b.close()
    if times: (out/'times.json').write_text(json.dumps(times, indent=1)); print('milliseconds of our own code:', json.dumps(times))
    print(f'{count[0]} passed, {count[1]} failed')
    return int(count[1]>0 or not sum(count))

if __name__ == '__main__': sys.exit(main(*sys.argv[1:]))

"""The tools of `.ci` notice what they are there to notice"""
import importlib.util, io, json, subprocess, sys
from pathlib import Path
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from bs4 import BeautifulSoup

ci = Path(__file__).resolve().parent.parent

def tool(name):
    "A script of `.ci` as a module"
    spec = importlib.util.spec_from_file_location(f'ci_{name}', ci/f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

DEMO = """
import sys
sys.path.insert(0, {ci!r})
import demo
from pathlib import Path
folder = Path({folder!r})
sys.exit(demo.main(None, folder/'wb.ipynb', folder/'demo'))
"""

def demo_of(tmp_path, cells):
    "Run `demo.py` on a made-up workbench, and return its exit code and what it printed"
    nbformat.write(new_notebook(cells=cells), tmp_path/'wb.ipynb')
    code = DEMO.format(ci=str(ci), folder=str(tmp_path))
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    return done.returncode, done.stdout

HIDDEN = """#| hide
import sys, os
print("epoch 1\\repoch 2", file=sys.stderr)
print("loss", os.environ["GENREC_PROGRESS"])"""

def test_demo_shows_its_steps_and_leaves_a_closed_page(tmp_path):
    code, out = demo_of(tmp_path, [
        new_markdown_cell('# w\n\n> x'),
        new_markdown_cell('## Train\n\ntext'),
        new_code_cell(HIDDEN),
        new_code_cell('from IPython.display import display, HTML\ndisplay(HTML("<b>kept</b>"))'),
        new_markdown_cell('## Compare'),
        new_code_cell('#| leaderboard\nprint("TIGER | .1")')])
    assert code==0, out
    assert '[1/2] Train' in out and '[2/2] Compare' in out and 'epoch' in out and 'loss text' in out
    assert out.count('TIGER | .1')==2 and out.strip().endswith('workbench.html')
    page = (tmp_path/'demo'/'workbench.html').read_text()
    assert '<b>kept</b>' in page and 'epoch' not in page and '#| leaderboard' not in page
    assert not tool('docs').outside(BeautifulSoup(page, 'html.parser'))
    cells = nbformat.read(tmp_path/'demo'/'workbench.ipynb', 4).cells
    outputs = [cell.outputs[0] for cell in cells if cell.get('outputs')]
    assert [output.get('name') for output in outputs]==['stdout', None, 'stdout']

def policy_of(page):
    "Directives of the policy of a page: name -> values"
    meta = BeautifulSoup(page, 'html.parser').find('meta', attrs={'http-equiv': 'Content-Security-Policy'})
    return {name: values for name, *values in map(str.split, meta['content'].split(';'))}

def page_of(tmp_path, *outputs):
    "The page of a notebook with one cell"
    nb = new_notebook(cells=[new_code_cell('1', outputs=[new_output('display_data', data) for data in outputs])])
    return tool('demo').write_page(nb, 'page', tmp_path).read_text(encoding='utf-8')

def test_a_page_runs_its_own_scripts_alone(tmp_path):
    from genrec.widgets.base import View, front_end
    ours = View('beam search', front_end('beam.js'), dict(title='"; alert(1); "'), css='a {b: "\\";}').static()
    theirs = '<script>alert(1)</script>', '<script type="module">alert(2)</script>'
    page = page_of(tmp_path, {'text/html': ours}, {'text/html': theirs[0]}, {'text/markdown': theirs[1]})
    policy, hash_of = policy_of(page), tool('policy').hash_of
    script = BeautifulSoup(ours, 'html.parser').find('script', type='module').text
    assert policy['script-src']==[hash_of(script)], policy
    assert script in page
    assert policy['default-src']==policy['base-uri']==policy['form-action']==["'none'"]
    assert "'unsafe-inline'" not in policy['script-src'] and "'unsafe-inline'" in policy['style-src']
    assert page.index('Content-Security-Policy')<page.index('<script')
    assert policy_of(page_of(tmp_path, {'text/plain': 'no script'}))['script-src']==["'none'"]

def test_a_widget_is_told_from_what_only_begins_like_one():
    from genrec.widgets.base import View, front_end
    is_widget = tool('policy').is_widget
    view = View('runs', front_end('plot.js', 'runs.js'), {}, css='a {}')
    code = BeautifulSoup(view.static(), 'html.parser').find('script', type='module').text
    assert is_widget(code)
    changed = [code+'alert(1);', code+'\n', 'alert(1);'+code, code.replace('const CSS = ', 'alert(1);\nconst CSS = '),
               code.replace('name: "runs"', 'name: "a"+alert(1)+"b"'), code.replace('"runs"', 'alert(1)'),
               code[code.index('const CSS'):], '', front_end('start.js')]
    assert not any(map(is_widget, changed))

COUNTER = "function view(ui) { ui.body.textContent = ui.state.n; }"

def previewed(tmp_path, *outputs):
    "A page of the site's preview, of a notebook that writes a widget of its own; and what is wrong with it"
    docs, proc = tool('docs'), tmp_path/'proc'
    proc.mkdir(exist_ok=True)
    head = new_markdown_cell('# page')
    shown = [new_output('display_data', {'text/html': html}) for html in outputs]
    nb = new_notebook(cells=[head, new_code_cell(f'js = """{COUNTER}"""', outputs=shown)])
    nbformat.write(nb, proc/'page.ipynb')
    (proc/'sidebar.yml').write_text('website: {sidebar: {contents: [{section: All, contents: [page.ipynb]}]}}')
    bad = docs.preview(proc, tmp_path/'site')
    more, *_ = docs.check(tmp_path/'site')
    return (tmp_path/'site'/'page.html').read_text(encoding='utf-8'), bad+[text for text in more if 'polic' in text]

def test_a_page_of_the_site_runs_its_own_scripts_alone(tmp_path):
    from genrec.widgets.base import View, front_end
    ours = [View('beam search', front_end('beam.js'), {}).static(), View('counter', COUNTER, dict(n=1)).static()]
    page, bad = previewed(tmp_path, *ours)
    scripts = [BeautifulSoup(html, 'html.parser').find('script', type='module').text for html in ours]
    policy = policy_of(page)
    assert not bad and policy['script-src']==sorted(map(tool('policy').hash_of, scripts)), (bad, policy)
    assert policy['default-src']==["'none'"] and "'unsafe-inline'" not in policy['script-src']
    assert "'self'" in policy['img-src'] and "'unsafe-inline'" in policy['style-src']
    changed = ours[1].replace('ui.body.textContent', 'alert(1); ui.body.textContent')
    for theirs in ('<script>alert(1)</script>', changed):
        page, bad = previewed(tmp_path, ours[0], theirs)
        assert policy_of(page)['script-src']==[tool('policy').hash_of(scripts[0])]
        assert len(bad)==2 and all('keeps' in text for text in bad), bad
    assert policy_of(previewed(tmp_path)[0])['script-src']==["'none'"]

def test_a_title_takes_no_state_from_a_widget(tmp_path):
    from genrec.widgets.base import View, front_end
    view = View('beam search', front_end('beam.js'), dict(title='https://cdn.evil.example/mathjax/require.js'))
    assert 'data-genrec-state' in page_of(tmp_path, {'text/html': view.static()})

def test_demo_ends_with_the_error(tmp_path):
    failing = new_code_cell('wanted = 1\nraise ValueError("boom")')
    code, out = demo_of(tmp_path, [failing, new_code_cell('print("not", "reached")')])
    assert code==1 and 'ValueError: boom' in out and 'wanted = 1' in out and 'not reached' not in out

LOG = {str(user): [(user+place)%8 for place in range(6)] for user in range(20)}

def shop_of(tmp_path, name, **files):
    "A folder with files of JSON, or of text"
    folder = tmp_path/name
    folder.mkdir()
    for file, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder/file.replace('_', '.')).write_text(text)
    return folder

def test_demo_takes_a_folder_with_titles_only(tmp_path):
    titles = {str(item): {'title': f'Cup {item}'} for item in range(8)}
    assert tool('demo').unreadable(shop_of(tmp_path, 'titles', X_inter_json=LOG, X_item_json=titles)) is None

def test_demo_says_in_a_sentence_what_a_folder_lacks(tmp_path):
    titles = {str(item): {'title': f'Cup {item}'} for item in range(8)}
    prices = {str(item): {'price': 1} for item in range(8)}
    bad = {
        'no *.inter.json file': dict(notes_txt='x'),
        'no *.item.json file': dict(X_inter_json=LOG),
        'cannot be read': dict(X_inter_json='{"0": [1', X_item_json=titles),
        'none of the 8 items': dict(X_inter_json=LOG, X_item_json={'B01': {'title': 'Cup'}}),
        'name those that make up the text': dict(X_inter_json=LOG, X_item_json=prices),
        'holds no user': dict(X_inter_json={}, X_item_json=titles),
        'no user with five': dict(X_inter_json={'0': [1, 2]}, X_item_json=titles),
    }
    for number, (why, files) in enumerate(bad.items()):
        said = tool('demo').unreadable(shop_of(tmp_path, f'bad{number}', **files))
        assert said and why in said and '\n' not in said, (why, said)
    done = subprocess.run([sys.executable, ci/'demo.py', tmp_path/'bad1'], capture_output=True, text=True)
    said = done.stdout+done.stderr
    assert done.returncode==2 and 'Traceback' not in said, said
    assert 'no *.item.json file' in said and 'Wanted a folder in the layout of LC-Rec' in said, said

def test_demo_wants_a_folder(tmp_path):
    command = [sys.executable, ci/'demo.py', tmp_path/'nothing']
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode==2 and 'must be a folder' in done.stdout

def test_progress_in_a_log_is_short():
    out = io.StringIO()
    echo = tool('demo').Echo(out, every=1e9)
    for i in range(100):
        echo(f'\r{i}/100')
    echo('\r100/100\nnext\n')
    assert out.getvalue().splitlines()==['0/100', '100/100', 'next'], out.getvalue()

LINKS = """<a href="b.html#here">x</a><a href="b.html#gone">x</a><a href="c.html">x</a>
<a href="#">x</a><a href="https://example.org">x</a>"""
REQUESTS = """<h2 id="here">x</h2><img src="//cdn.example.org/x.png">
<style>p{background:url(https://e.org/x)}</style><script>import("https://e.org/m.js")</script>"""

def test_docs_find_dead_links_and_requests(tmp_path):
    (tmp_path/'a.html').write_text(LINKS)
    (tmp_path/'b.html').write_text(REQUESTS)
    bad, pages, links = tool('docs').check(tmp_path)
    assert (pages, links)==(2, 3)
    dead = [text for text in bad if 'dead link' in text]
    assert len(dead)==2 and any('#gone' in text for text in dead) and any('c.html' in text for text in dead), bad
    assert sum('asks for' in text for text in bad)==3, bad

def test_docs_render_cells_as_their_flags_say():
    def cell(source, **data):
        return new_code_cell(source, outputs=[new_output('execute_result', data=data)] if data else [])
    text = tool('docs').markdown([
        cell('#| echo: false\nsecret()', **{'text/markdown': '| a |'}),
        cell('#| include: false\nhidden()'),
        cell('#| slow\nshown()', **{'text/html': '<b>x</b>', 'text/plain': 'x'})])
    assert 'secret' not in text and '| a |' in text and 'hidden' not in text
    assert 'shown()' in text and '#| slow' not in text and '```{=html}\n<b>x</b>\n```' in text

def test_readme_is_made_from_the_front_page():
    readme = tool('readme')
    output = dict(output_type='execute_result', data={'text/plain': ['2']})
    text = readme.readme(dict(cells=[
        dict(cell_type='markdown', source='see [core](core/00_values.ipynb)'),
        dict(cell_type='code', source='#| hide\nx'),
        dict(cell_type='code', source=['#| slow\n', '1+1'], outputs=[output])]))
    assert '(nbs/core/00_values.ipynb)' in text and '\nx\n' not in text
    assert text.endswith('```python\n1+1\n```\n\n```\n2\n```\n')
    assert readme.main('--check')==0

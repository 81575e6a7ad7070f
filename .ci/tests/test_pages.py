"""What pages of the site have besides their notebooks, and what is said of files that Quarto and GitHub read"""
import importlib.util, json, os, shutil, subprocess, sys
from pathlib import Path
from unittest import mock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from bs4 import BeautifulSoup

ci = Path(__file__).resolve().parent.parent
root = ci.parent
CONFIG = dict(git_url='https://github.com/me/shop', branch='main', version='1.2<3', title='shop', description='A shop')

def tool(name):
    "A script of `.ci` as a module"
    spec = importlib.util.spec_from_file_location(f'ci_{name}', ci/f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

pages, layout = tool('pages'), tool('layout')

def test_the_line_below_the_title_says_where_a_page_comes_from():
    line = BeautifulSoup(pages.Origin(CONFIG, 'abc1234def').tools('a/01_b.ipynb', 'b.md'), 'html.parser')
    links = {link.text: link['href'] for link in line.find_all('a')}
    assert links=={
        'abc1234': 'https://github.com/me/shop/commit/abc1234def',
        'notebook': 'https://github.com/me/shop/blob/abc1234def/nbs/a/01_b.ipynb',
        'open in Colab': 'https://colab.research.google.com/github/me/shop/blob/colab/a/01_b.ipynb',
        'as Markdown': 'b.md'}
    assert 'version 1.2<3' in line.text
    assert '/blob/main/' in pages.Origin(CONFIG, '').tools('a/01_b.ipynb', 'b.md') # a folder without git

def test_a_definition_leads_to_its_cell():
    text = (root/'genrec'/'core'/'costs.py').read_text().splitlines()
    at = next(i for i, line in enumerate(text, 1) if line.startswith('def costs_of('))
    notebook, line = pages.cell_of('genrec/core/costs.py', at)
    lines = (root/notebook).read_text(encoding='utf-8').splitlines()
    assert notebook=='nbs/core/09_costs.ipynb' and '"source"' in lines[line-1]
    following = lines[line:line+12]
    assert any('def costs_of(' in text for text in following), following
    origin = pages.Origin(CONFIG, 'abc')
    page = f'<p><a href="https://github.com/me/shop/blob/main/genrec/core/costs.py#L{at}">source</a></p>'
    soup = BeautifulSoup(page, 'html.parser')
    assert pages.link_cells(soup, origin)==1
    assert soup.find_all('a')[1]['href']==f'https://github.com/me/shop/blob/abc/{notebook}?plain=1#L{line}'
    assert pages.cell_of('genrec/none.py', 3) is None

def test_a_page_as_markdown_has_results_and_no_pictures():
    cells = [new_markdown_cell('Text {x}. [a](b){target="_blank"}<!-- note -->'),
             new_code_cell('#| hide\nsecret = 1'), new_code_cell('#| echo: false\nshown = 2'),
             new_code_cell('1+1', outputs=[new_output('execute_result', {'text/plain': '2'})]),
             new_code_cell('p()', outputs=[new_output(
                 'display_data', {'image/png': 'AAAA', 'text/plain': '<Figure>'})]),
             new_code_cell('t', outputs=[new_output('display_data', {'text/markdown': '| a |', 'text/plain': 'x'})])]
    text = pages.plain_markdown('name', 'what it is', cells, page='p.html')
    assert text.startswith('# name\n\n> what it is\n\nPage: p.html\n\nText {x}. [a](b)\n')
    assert '```python\n1+1\n```\n\n```\n2\n```' in text and '| a |' in text
    assert not any(word in text for word in ('secret', 'shown', 'AAAA', 'Figure', 'note', 'target'))

def test_llms_txt_names_every_page():
    text = pages.llms_txt(CONFIG, [('Results', [('A', 'a.md', 'what A is'), ('B', 'b.md', '')])])
    assert text.startswith('# shop\n\n> A shop\n') and '## Results\n\n- [A](a.md): what A is\n- [B](b.md)\n' in text

def test_the_search_page_closes_no_script_and_finds_by_section():
    page = '<main><h1>T</h1><p>one</p><h2 id="s">Sec &lt;/script&gt;</h2><p>two</p><pre>code</pre></main>'
    entries = pages.search_entries(BeautifulSoup(page, 'html.parser'), 'T', 't.html')
    assert entries==[['t.html', 'T', '', 'T', 'one'], ['t.html', 'T', 's', 'Sec </script>', 'two code']]
    soup = BeautifulSoup(pages.search_body(entries), 'html.parser')
    assert len(soup.find_all('script'))==2
    assert json.loads(soup.find(id='pages').text)==entries

def test_the_first_cell_for_colab_works_on_a_fresh_kernel(tmp_path):
    source = tmp_path/'origin'
    (source/'nbs'/'a').mkdir(parents=True)
    (source/'nbs'/'a'/'b.ipynb').write_text('{"cells": []}')
    git = ['git', '-C', str(source), '-c', 'user.name=x', '-c', 'user.email=x@y']
    for words in (['init', '-q'], ['add', '-A'], ['commit', '-qm', 'one']):
        subprocess.run([*git, *words], check=True)
    revision = pages.commit(source)
    origin = pages.Origin(dict(CONFIG, git_url=str(source)), revision)
    assert pages.colab_notebooks(origin, source, tmp_path/'out')==1
    nb = json.loads((tmp_path/'out'/'a'/'b.ipynb').read_text())
    run, asked, here = subprocess.run, [], os.getcwd()
    def without_pip(command, **how):
        asked.append(command[1:])
        return None if 'pip' in command else run(command, **how)
    os.chdir(tmp_path)
    try:
        with mock.patch('importlib.util.find_spec', lambda name: None), mock.patch('subprocess.run', without_pip):
            exec(nb['cells'][0]['source'], {})
        assert Path.cwd()==(tmp_path/'genrec-repository'/'nbs'/'a').resolve() and Path('b.ipynb').is_file()
    finally:
        os.chdir(here)
    assert asked[-1]==['-m', 'pip', 'install', '-q', './genrec-repository[viz,minilm]']
    asked.clear()
    with mock.patch('subprocess.run', without_pip):
        exec(nb['cells'][0]['source'], {}) # genrec is there: nothing happens
    assert not asked

def test_pages_of_quarto_get_their_origin(tmp_path):
    import nbformat
    proc, site = tmp_path/'proc', tmp_path/'site'
    for folder in (proc/'a', site/'a'):
        folder.mkdir(parents=True)
    nbformat.write(new_notebook(cells=[new_markdown_cell('Text')]), proc/'a'/'01_b.ipynb')
    head = '<header id="title-block-header"><h1>b</h1></header>'
    (site/'a'/'b.html').write_text(f'<main>{head}<p>Text</p></main>')
    assert pages.finish_quarto(site, proc, pages.Origin(CONFIG, 'abc'))==1
    page = (site/'a'/'b.html').read_text()
    assert page.startswith(f'<main>{head}<p class="tools">') and page.count('tools')==1
    assert 'Text' in (site/'a'/'b.md').read_text()
    pages.finish_quarto(site, proc, pages.Origin(CONFIG, 'abc')) # once more adds nothing
    assert (site/'a'/'b.html').read_text()==page

def test_our_own_files_have_no_fault():
    bad, _ = layout.faults()
    assert not bad, bad

def test_a_misspelt_key_of_quarto_is_named():
    good = dict(project=dict(type='website'), format=dict(html={'theme': 'default', 'toc': True}))
    assert layout.shape_faults(good, layout.QUARTO)==[]
    for change, words in ((dict(projekt={}), "no key is called 'projekt'"), (dict(project='website'), 'wanted entries'),
                          (dict(format=dict(html=dict(toc='yes'))), "'yes' is none of"),
                          (dict(format=dict(html={'html-math-method': 'latex'})), "'latex' is none of")):
        bad = layout.shape_faults(good | change, layout.QUARTO)
        assert len(bad)==1 and words in bad[0], bad

GOOD = """
name: x
on: {push: {branches: [main]}}
permissions: {contents: read}
jobs:
  a:
    runs-on: ubuntu-latest
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v4
      - run: make docs
"""

def test_a_workflow_is_looked_at(tmp_path):
    path = tmp_path/'x.yml'
    def faults(text):
        path.write_text(text)
        return layout.workflow_faults(path)
    assert faults(GOOD)==[]
    stranger = 'run: echo ${{ github.event.issue.title }}'
    for old, new, words in (
            ('checkout@v4', 'checkout@main', 'not pinned'), ('make docs', 'make dokumente', 'no target dokumente'),
            ('run: make docs', stranger, 'a stranger'), ('permissions: {contents: read}\n', '', 'no permissions'),
            ('    timeout-minutes: 5\n', '', 'timeout-minutes'), ('run: make docs', 'run: bash .ci/none.sh', 'no file'),
            ('    steps', '    needs: b\n    steps', 'which is no job'), ('jobs:', 'jobs: [', 'x.yml'),
            ('- run: make docs', '- name: nothing', 'either `uses` or `run`')):
        bad = faults(GOOD.replace(old, new))
        assert bad and words in ' '.join(bad), (new, bad)

def test_the_schema_of_workflows_is_used_where_it_can_be_had(tmp_path):
    from unittest import SkipTest
    schema = layout.workflow_schema()
    if schema is None: raise SkipTest('the schema of workflows could not be had')
    path = tmp_path/'x.yml'
    path.write_text(GOOD)
    assert layout.workflow_faults(path, schema=schema)==[]
    path.write_text(GOOD.replace('runs-on', 'runs_on'))
    assert any('runs_on' in text for text in layout.workflow_faults(path, schema=schema))

def test_a_notebook_without_a_lead_is_named(tmp_path):
    path = tmp_path/'x.ipynb'
    for text, n in (('# T\n\n> lead', 0), ('# T', 1), ('T', 2), ('---\ntitle: [\n---', 1)):
        path.write_text(json.dumps(dict(cells=[dict(cell_type='markdown', source=text)])))
        assert len(layout.front_faults(path))==n, text

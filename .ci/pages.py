"""What every page of the site has besides its notebook: where it comes from, a way to run it, its text, and a search

`docs.py` calls this for the pandoc preview and for the pages that Quarto has made:

- a line below the title: version and commit, the notebook, a button for Colab, the page as plain Markdown
- a link from each documented name to the cell that defines it
- `search.html`, which needs no server and asks for nothing, `llms.txt`, and `PAGE.md` beside each `PAGE.html`
- notebooks for Colab in `_colab/`, whose first cell gets the repository and installs it where there is no genrec"""
import html, json, re, shutil, subprocess
from functools import lru_cache
from pathlib import Path

root = Path(__file__).resolve().parent.parent
COLAB = 'https://colab.research.google.com/github'
BRANCH = 'colab' # to which the workflow of the docs pushes `_colab/`

def commit(folder=root):
    "The commit that pages are made from, '' where there is no git"
    try:
        done = subprocess.run(['git', '-C', str(folder), 'rev-parse', 'HEAD'], capture_output=True, text=True)
    except OSError:
        return ''
    return done.stdout.strip() if not done.returncode else ''

class Origin:
    "Where the pages of one build come from"
    def __init__(self, config, revision=None):
        self.config, self.commit = config, commit() if revision is None else revision
        self.url = config['git_url'].rstrip('/')
        self.repo = '/'.join(self.url.split('/')[-2:])
        self.revision = self.commit or config['branch']

    def notebook(self, name):
        "The notebook of a page, as it was"
        return f'{self.url}/blob/{self.revision}/nbs/{name}'

    def colab(self, name):
        "The same in Colab, with a first cell that installs"
        return f'{COLAB}/{self.repo}/blob/{BRANCH}/{name}'

    def tools(self, name, markdown):
        "The line below the title"
        at = f' · <a href="{self.url}/commit/{self.commit}">{self.commit[:7]}</a>' if self.commit else ''
        links = {'notebook': self.notebook(name), 'open in Colab': self.colab(name), 'as Markdown': markdown}
        shown = ''.join(f' · <a href="{html.escape(href)}">{text}</a>' for text, href in links.items())
        return f'<p class="tools">version {html.escape(self.config["version"])}{at}{shown}</p>'

# from a name to the cell that defines it

@lru_cache(maxsize=None)
def module_lines(path):
    return Path(path).read_text(encoding='utf-8').splitlines()

@lru_cache(maxsize=None)
def lines_of_cells(path):
    "Cell id -> line of the notebook's file on which its source begins"
    found, cell = {}, None
    for i, line in enumerate(Path(path).read_text(encoding='utf-8').splitlines(), 1):
        named = re.fullmatch(r'   "id": "([\w-]+)",', line)
        cell = named[1] if named else cell
        if cell and line.startswith('   "source": ['):
            found[cell], cell = i, None
    return found

def cell_of(module, line, folder=root):
    "(notebook, line of its file) of the cell that a line of a module comes from; None where it is unknown"
    path = folder/module
    if not path.is_file():
        return None
    for text in reversed(module_lines(path)[:line]):
        found = re.fullmatch(r'# %% (\S+\.ipynb) #([\w-]+)', text)
        if found:
            notebook = (path.parent/found[1]).resolve()
            at = lines_of_cells(notebook).get(found[2]) if notebook.is_file() else None
            return (notebook.relative_to(folder).as_posix(), at) if at else None
    return None

def link_cells(soup, origin, folder=root):
    "Beside each link to a line of a module, one to the cell; how many"
    pattern, n = re.compile(re.escape(origin.url)+r'/blob/[^/]+/(genrec/[\w/]+\.py)#L(\d+)$'), 0
    for link in soup.find_all('a', href=pattern):
        found = pattern.match(link['href'])
        cell = cell_of(found[1], int(found[2]), folder)
        if cell:
            more = soup.new_tag('a', href=f'{origin.url}/blob/{origin.revision}/{cell[0]}?plain=1#L{cell[1]}')
            more.string, n = 'cell', n+1
            for name in ('style', 'class', 'target'):
                if link.get(name):
                    more[name] = link[name]
            if link.get('style'): # both float to the right
                more['style'] = f"{link['style'].rstrip('; ')}; margin-right: .8em"
            link.insert_after(' ', more)
    return n

# the text of a page

def plain_output(output):
    "An output as Markdown that anybody can read"
    if output.output_type=='stream':
        return f'```\n{output.text.rstrip()}\n```' if output.name=='stdout' else ''
    data = output.get('data', {})
    if 'text/markdown' in data:
        return data['text/markdown']
    text = data.get('text/plain', '')
    return f'```\n{text}\n```' if text and not text.startswith('<Figure') else ''

def plain_markdown(title, description, cells, *, page):
    "A page as Markdown: texts, code and results, without pictures and widgets"
    blocks = [f'# {title}', f'> {description}' if description else '', f'Page: {page}']
    for cell in cells:
        source = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M).strip('\n')
        hidden = re.search(r'^#\|\s*(hide|include:\s*false)', cell.source, re.M)
        echo = not re.search(r'^#\|\s*echo:\s*false', cell.source, re.M)
        if cell.cell_type=='markdown':
            source = re.sub(r'<!--.*?-->', '', source, flags=re.S) # nbdev's warning, and Quarto's attributes
            blocks.append(re.sub(r'(?<=\))\{[^{}\n]*\}', '', source).strip())
        if cell.cell_type=='code' and not hidden:
            blocks.append(f'```python\n{source}\n```' if source and echo else '')
            blocks += [plain_output(output) for output in cell.outputs]
    return '\n\n'.join(block for block in blocks if block)+'\n'

def llms_txt(config, sections):
    "The map of the site for readers that are programs; `sections`: (title, [(title, address, description)])"
    lines = [f"# {config['title']}", '', f"> {config['description']}", '',
             'Every page is a notebook; these are the pages as Markdown.']
    for title, pages in sections:
        lines += ['', f'## {title}', '']
        for name, address, description in pages:
            lines.append(f'- [{name}]({address})'+(f': {description}' if description else ''))
    return '\n'.join(lines)+'\n'

# search

SEARCH = (root/'.ci'/'search.js').read_text(encoding='utf-8')

def search_entries(soup, title, file):
    "What can be found on a page: [page, title, anchor, heading, text] of each section"
    main = soup.find('main') or soup
    entries, here = [], [file, title, '', '', []]
    for tag in main.find_all(['h1', 'h2', 'h3', 'p', 'li', 'td', 'pre']):
        if tag.name in ('h1', 'h2', 'h3'):
            entries.append(here)
            here = [file, title, tag.get('id') or (tag.parent or {}).get('id') or '', tag.get_text(' ', strip=True), []]
        elif not tag.find(['p', 'li', 'td', 'pre']) and 'tools' not in (tag.get('class') or ()):
            here[4].append(tag.get_text(' ', strip=True))
    entries.append(here)
    shown = [[*own, ' '.join(' '.join(words).split())[:700]] for *own, words in entries]
    return [entry for entry in shown if entry[3] or entry[4]]

def search_body(entries):
    "The body of the page that searches: everything to be found lies in it"
    data = json.dumps(entries, ensure_ascii=False).replace('<', '\\u003c')
    return ('<p><label for="words">Words</label> <input id="words" type="search" autocomplete="off"></p>'
            '<p id="count" role="status"></p><ol id="found"></ol>'
            '<noscript><p>The search needs scripts. The names of all pages stand in the list of pages.</p></noscript>'
            f'<script type="application/json" id="pages">{data}</script><script>{SEARCH}</script>')

# Colab

FIRST = '''# a fresh kernel gets the repository and installs it; where genrec is there, nothing happens
import importlib.util, os, subprocess, sys
if importlib.util.find_spec('genrec') is None:
    subprocess.run(['git', 'clone', '-q', {url!r}, 'genrec-repository'], check=True)
    subprocess.run(['git', '-C', 'genrec-repository', 'checkout', '-q', {revision!r}], check=True)
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', './genrec-repository[viz,minilm]'], check=True)
    os.chdir({folder!r})
    importlib.invalidate_caches()'''

def for_colab(nb, name, origin):
    "A notebook whose first cell works on a fresh kernel; `nb` is its JSON"
    folder = Path('genrec-repository/nbs')/Path(name).parent
    source = FIRST.format(url=origin.url, revision=origin.revision, folder=folder.as_posix())
    cell = dict(cell_type='code', id='install', metadata={}, source=source, execution_count=None, outputs=[])
    return {**nb, 'cells': [cell, *nb['cells']]}

def colab_notebooks(origin, folder=root, out=None):
    "Write all notebooks for Colab; how many"
    out = out or folder/'_colab'
    shutil.rmtree(out, ignore_errors=True)
    names = [path.relative_to(folder/'nbs') for path in sorted((folder/'nbs').rglob('*.ipynb'))
             if '.ipynb_checkpoints' not in path.parts]
    for name in names:
        nb = json.loads((folder/'nbs'/name).read_text(encoding='utf-8'))
        (out/name).parent.mkdir(parents=True, exist_ok=True)
        (out/name).write_text(json.dumps(for_colab(nb, name.as_posix(), origin), indent=1, ensure_ascii=False)+'\n',
                              encoding='utf-8')
    return len(names)

# pages that Quarto has made

def finish_quarto(site, proc, origin):
    "Give Quarto's pages the line below the title, and their Markdown; how many pages"
    import nbformat
    n = 0
    for path in sorted(proc.rglob('*.ipynb')):
        name = path.relative_to(proc).as_posix()
        page = site/Path(re.sub(r'(^|/)\d+[a-z]?_', r'\1', name)).with_suffix('.html')
        if not page.is_file():
            continue
        text = page.read_text(encoding='utf-8')
        if 'class="tools"' not in text:
            line = origin.tools(name, page.with_suffix('.md').name)
            head = re.search('<header id="title-block-header".*?</header>', text, re.S)
            at = head.end() if head else max(text.find('</main>'), 0)
            page.write_text(text[:at]+line+text[at:], encoding='utf-8')
        cells = nbformat.read(path, as_version=4).cells
        page.with_suffix('.md').write_text(plain_markdown(page.stem, '', cells, page=page.name), encoding='utf-8')
        n += 1
    return n

"""The site: with Quarto where it is installed (`_docs/`), else a pandoc preview of the same pages (`_site/`)

    python .ci/docs.py

The preview is a stand-in with its own name, for machines that cannot have Quarto. nbdev stages the pages in both cases.
Either way this fails on an error output, a dead internal link, a page the sidebar misses, or a request to the
outside."""
import ast, os, re, shutil, subprocess, sys, time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from html import escape
from pathlib import Path
from urllib.parse import unquote
os.environ.pop('IN_TEST', None) # nbdev stages nothing under IN_TEST
import nbformat, yaml
from bs4 import BeautifulSoup

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'.ci')]
from policy import hash_of, is_widget, policy, runs
CSS = (root/'.ci'/'page.css').read_text(encoding='utf-8')
PAGE = (root/'.ci'/'page.html').read_text(encoding='utf-8')
import pages as extras

def settings():
    config = ConfigParser(delimiters=['='], interpolation=None)
    config.read(root/'settings.ini', encoding='utf-8')
    return config['DEFAULT']

def stage():
    "What nbdev hands to Quarto: notebooks with the docs of every exported name, a sidebar, links; in `_proc/`"
    from nbdev.doclinks import _build_modidx
    from nbdev.quarto import refresh_quarto_yml
    from nbdev.serve import proc_nbs
    os.chdir(root)
    refresh_quarto_yml()
    _build_modidx()
    return proc_nbs('', n_workers=2, force=True)

# a notebook as Markdown

def fence(text, language=''):
    longest = max([2, *map(len, re.findall(r'`{3,}', text))])
    marks = '`'*(longest+1)
    return f"{marks}{language}\n{text}\n{marks}"

def raw(html): return fence(html, '{=html}')

def width_of(picture, kind):
    "Pixels of a PNG from side to side, as it says itself"
    return int.from_bytes(b64decode(picture[:32])[16:20], 'big') if kind=='image/png' else None

def shown(output):
    "One output as pandoc's Markdown"
    if output.output_type=='stream':
        return fence(output.text.rstrip('\n')) if output.name=='stdout' else ''
    if output.output_type=='error':
        return fence(f'{output.ename}: {output.evalue}')
    data = output.data
    for kind in ('text/html', 'text/markdown', 'image/svg+xml'):
        if kind in data:
            return data[kind] if kind=='text/markdown' else raw(data[kind])
    for kind in ('image/png', 'image/jpeg'):
        if kind in data:
            picture = ''.join(data[kind].split())
            width = output.metadata.get(kind, {}).get('width') or width_of(picture, kind) # as JupyterLab shows it
            own = f' style="--own: {width}px" width="{width}"' if width else ''
            return raw(f'<img alt="Figure made by the cell above"{own} src="data:{kind};base64,{picture}">')
    return fence(data['text/plain']) if 'text/plain' in data else ''

def front_matter(nb):
    "What nbdev found in the title cell, and the cells after it"
    for i, cell in enumerate(nb.cells):
        if cell.cell_type=='raw' and cell.source.lstrip().startswith('---'):
            return yaml.safe_load(cell.source.strip().strip('-')) or {}, nb.cells[:i]+nb.cells[i+1:]
    return {}, nb.cells

def folded(block, options):
    "A block that a click opens"
    is_open = ' open' if options['code-fold']=='show' else ''
    summary = escape(options.get('code-summary', 'Code').strip('"'))
    head = raw(f'<details{is_open}><summary>{summary}</summary>')
    return '\n\n'.join([head, block, raw('</details>')])

def code_blocks(cell):
    "A code cell and its outputs, as its `#|` lines ask for"
    options = dict(re.findall(r'^#\|\s*([\w-]+):\s*(.*?)\s*$', cell.source, re.M))
    blocks = []
    if options.get('include')=='false':
        return blocks
    code = re.sub(r'^#\|.*\n?', '', cell.source, flags=re.M).strip('\n')
    if code and options.get('echo')!='false':
        block = fence(code, 'python')
        blocks.append(folded(block, options) if 'code-fold' in options else block)
    outputs = [] if options.get('output')=='false' else [text for text in map(shown, cell.outputs) if text.strip()]
    if outputs:
        text = '\n\n'.join(outputs)
        blocks.append(text if options.get('output')=='asis' else f'::::: {{.cell-output}}\n{text}\n:::::')
    return blocks

def markdown(cells):
    "Cells as one Markdown text"
    blocks = []
    for cell in cells:
        if cell.cell_type=='markdown':
            blocks.append(cell.source)
        if cell.cell_type=='code':
            blocks += code_blocks(cell)
    return '\n\n'.join(blocks)

def pandoc(text):
    "HTML of a Markdown text, and its table of contents"
    import pypandoc
    command = [pypandoc.get_pandoc_path(), '-f', 'markdown+autolink_bare_uris-implicit_figures', '-t', 'html5',
               '--mathml', '--toc', '--toc-depth=3', '--standalone', '--template', str(root/'.ci'/'page.template'),
               '--metadata', 'title=x']
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode: raise RuntimeError(f'pandoc: {done.stderr}')
    toc, css, body = done.stdout.split('<!--split-->')
    return body, toc, css

# the preview

class Preview:
    "Renders every staged page to one self-contained HTML file"
    def __init__(self, proc, site):
        self.site, self.config = site, settings()
        found = {path.relative_to(proc).as_posix(): path for path in sorted(proc.rglob('*.ipynb'))}
        self.nbs = {name: nbformat.read(path, as_version=4) for name, path in found.items()}
        self.meta, self.cells, self.files = {}, {}, {}
        for name, nb in self.nbs.items():
            self.meta[name], self.cells[name] = front_matter(nb)
            file = self.meta[name].get('output-file', Path(name).stem+'.html')
            self.files[name] = (Path(name).parent/file).as_posix()
        sidebar = yaml.safe_load((proc/'sidebar.yml').read_text())
        self.sections = sidebar['website']['sidebar']['contents']
        self.listed = sum([section['contents'] for section in self.sections], [])
        self.home = self.config['doc_host'].rstrip('/')+self.config['doc_baseurl'].rstrip('/')+'/'
        self.origin, self.found = extras.Origin(self.config), {}
        own = root/'nbs'/'styles.css'
        self.css = own.read_text() if own.exists() else ''

    def problems(self):
        "What is wrong before anything is rendered"
        bad = [f'{name}: not in the sidebar' for name in self.nbs if name not in self.listed]
        bad += [f'{name}: in the sidebar, but no such page' for name in self.listed if name not in self.nbs]
        files = list(self.files.values())
        for name, nb in self.nbs.items():
            kinds = [output.output_type for output in outputs_of(nb)]
            bad += [f'{name}: an error output']*kinds.count('error')
            if files.count(self.files[name])>1:
                bad.append(f'{name}: its page {self.files[name]} is also made by another notebook')
        return bad

    def link(self, here, file):
        "A file of the site, as a page refers to it"
        return os.path.relpath(file, Path(self.files.get(here, 'index.html')).parent)

    def sidebar(self, here):
        "Links to all pages, a section a layer; that of this page is open"
        sections = []
        for section in self.sections:
            links = [self.sidebar_link(here, name) for name in section['contents'] if name in self.files]
            is_open = ' open' if here in section['contents'] else ''
            title = escape(section['section'])
            sections.append(f"<li><details{is_open}><summary>{title}</summary><ul>{''.join(links)}</ul></details></li>")
        return ''.join(sections)

    def sidebar_link(self, here, name):
        "One line of the sidebar; a module without its layer, which the section says"
        current = ' aria-current=page' if name==here else ''
        title = str(self.meta[name].get('title', name)).removeprefix(f'{Path(name).parent.name}.')
        return f'<li><a href="{self.link(here, self.files[name])}"{current}>{escape(title)}</a></li>'

    def follow(self, here, link):
        "Lead a link to a notebook, or one that nbdev wrote to the published site, to the page here"
        href = link['href']
        path, _, anchor = href.removeprefix(self.home).partition('#')
        place = os.path.normpath((Path(here).parent/path).as_posix())
        if href.startswith(self.home):
            path = self.link(here, path)
        elif place in self.files:
            path = self.link(here, self.files[place])
        link['href'] = path+('#'+anchor if anchor else '')

    def beside(self, name, soup):
        "Write the page as Markdown and remember what can be found on it; the line below its title"
        meta, file = self.meta[name], Path(self.files[name])
        title, lead = str(meta.get('title', name)), str(meta.get('description') or '')
        text = extras.plain_markdown(title, lead, self.cells[name], page=self.home+file.as_posix())
        path = (self.site/file).with_suffix('.md')
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        first = [[file.as_posix(), title, '', title, lead]]
        self.found[name] = first+extras.search_entries(soup, title, file.as_posix())
        return self.origin.tools(name, path.name)

    def page(self, name):
        "Write one page and return what is wrong with it"
        meta = self.meta[name]
        body, toc, css = pandoc(markdown(self.cells[name]))
        soup = BeautifulSoup(body, 'html.parser')
        for link in soup.find_all('a', href=True):
            self.follow(name, link)
        reachable(soup)
        extras.link_cells(soup, self.origin)
        title = escape(str(meta.get('title', name)))
        scripts = [script.text for script in soup.find_all('script') if runs(script)]
        own = [script for script in scripts if is_widget(script, texts_of(self.nbs[name]))]
        tools = self.beside(name, soup)
        text = PAGE.format(
            policy=policy(own, "'self'"), title=title,
            lead=escape(str(meta.get('description') or '')), site=escape(self.config['title']),
            about=escape(self.config['description']), side=self.sidebar(name), body=soup, toc=toc,
            home=self.link(name, 'index.html'), search=self.link(name, 'search.html'), tools=tools,
            css=css+self.css+CSS)
        path = self.site/self.files[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        stored = n_pictures(self.nbs[name])
        got = len(soup.find_all('img', src=re.compile('^data:image')))
        bad = [f'{self.files[name]}: {stored} pictures stored, {got} on the page']*(got<stored)
        why = 'that its policy keeps from running, for it is not of genrec as it is now: save the notebook again'
        return bad+[f'{self.files[name]}: a script {why}']*(len(scripts)-len(own))

def texts_of(nb):
    "All texts in quotes in the code of a notebook"
    found = []
    for cell in nb.cells:
        try:
            nodes = ast.walk(ast.parse(cell.source)) if cell.cell_type=='code' else ()
        except SyntaxError:
            continue
        found += [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return found

def site_map(pages):
    "Sections of the site: (title, [(title, address of the Markdown, description)])"
    sections = []
    for section in pages.sections:
        rows = []
        for name in section['contents']:
            meta = pages.meta.get(name)
            if meta is not None:
                address = pages.home+re.sub(r'\.html$', '.md', pages.files[name])
                rows.append((str(meta.get('title', name)), address, str(meta.get('description') or '')))
        sections.append((section['section'], rows))
    return sections

def write_beside(pages, site):
    "What belongs to no notebook: the page that searches, llms.txt"
    entries = sum([pages.found[name] for name in pages.listed if name in pages.found], [])
    text = PAGE.format(
        policy=policy([extras.SEARCH], "'self'"), title='Search', lead='All pages, by words', tools='', toc='',
        site=escape(pages.config['title']), about=escape(pages.config['description']), search='search.html',
        side=pages.sidebar(''), body=extras.search_body(entries), home='index.html', css=pages.css+CSS)
    (site/'search.html').write_text(text, encoding='utf-8')
    (site/'llms.txt').write_text(extras.llms_txt(pages.config, site_map(pages)), encoding='utf-8')

def outputs_of(nb):
    for cell in nb.cells:
        yield from cell.get('outputs', [])

def n_pictures(nb):
    "Pictures among the outputs, without those that HTML or SVG stands for"
    kinds = []
    for output in outputs_of(nb):
        data = output.get('data', {})
        if 'text/html' not in data:
            kinds += [kind for kind in data if 'image/' in kind and kind!='image/svg+xml']
    return len(kinds)

def reachable(soup):
    "What scrolls can be reached by keys"
    for block in soup.select('div.sourceCode, pre:not(.sourceCode)'):
        if max(map(len, block.get_text().split('\n')))>40:
            block['tabindex'] = '0'
    for table in soup.find_all('table'):
        row = table.find('tr')
        if row and len(row.find_all(['th', 'td']))>3:
            table['tabindex'] = '0'
    for block in soup.select('div.cell-output'):
        if block.find('img'): # it may be wider than a telephone
            block['tabindex'] = '0'

def preview(proc, site):
    "Render all pages and return what is wrong"
    shutil.rmtree(site, ignore_errors=True)
    site.mkdir()
    pages = Preview(proc, site)
    bad = pages.problems()
    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(pages.page, pages.nbs):
            bad += found
    write_beside(pages, site)
    return bad

# checks of the pages

LOADING = ['script', 'link', 'img', 'iframe', 'source', 'video', 'audio', 'embed', 'object', 'image', 'use']
ADDRESSES = ('src', 'href', 'srcset', 'data', 'xlink:href', 'poster')

def outside(soup):
    "What a page asks for from other places, without a click"
    found = []
    for tag in soup.find_all(LOADING):
        told = tag.name=='link' and set(tag.get('rel', [])) & {'canonical', 'alternate', 'license'}
        places = [] if told else [str(tag[name]) for name in ADDRESSES if name in tag.attrs]
        found += [place for place in places if re.match(r'(https?:)?//', place)]
    css = [tag.text for tag in soup.find_all('style')]+[tag['style'] for tag in soup.find_all(style=True)]
    found += re.findall(r'(?:url\(|@import)\s*["\']?(https?://[^"\')\s]+)', ' '.join(css))
    for script in soup.find_all('script'):
        if script.get('type')!='application/json':
            found += re.findall(r'(?:import\s*\(?|\bfrom)\s*["\'](https?://[^"\']+)', script.text)
    return found

def kept_from_running(soup):
    "Scripts of a page with a policy of ours that are not in it"
    told = soup.find('meta', attrs={'http-equiv': 'Content-Security-Policy'})
    scripts = [script.text for script in soup.find_all('script') if runs(script)] if told else []
    return [script[:40] for script in scripts if hash_of(script) not in told['content']]

def unlink(site):
    "nbdev makes links of names in signatures too, where they are code and can only be read"
    for path in site.rglob('*.html'):
        text = path.read_text(encoding='utf-8')
        new = re.sub(r'\[(`[^`\n<]+`)\]\(https?://[^)\s<]+\)', r'\1', text)
        if new!=text:
            path.write_text(new, encoding='utf-8')

def anchors(soup):
    "Places of a page that a link can lead to"
    named = {tag['name'] for tag in soup.find_all('a', attrs={'name': True})}
    return named|{tag['id'] for tag in soup.find_all(id=True)}

def dead(href, name, site, ids):
    "What is wrong with an internal link of a page, or None"
    path, _, anchor = href.partition('#')
    path = path.split('?')[0]
    to = os.path.normpath((Path(name).parent/path).as_posix()) if path else name
    if not (site/to).exists():
        return f'{name}: dead link {href}'
    if anchor and to in ids and anchor not in ids[to]:
        return f'{name}: dead link {href} (no such place on the page)'
    return None

def check(site):
    "Dead internal links and requests to the outside, over all pages of a site; number of pages and of links"
    paths = {path.relative_to(site).as_posix(): path for path in site.rglob('*.html')}
    soups = {name: BeautifulSoup(path.read_text(encoding='utf-8'), 'html.parser') for name, path in paths.items()}
    ids = {name: anchors(soup) for name, soup in soups.items()}
    bad, n_links = [], 0
    for name, soup in soups.items():
        bad += [f'{name}: asks for {place}' for place in outside(soup)]
        bad += [f'{name}: its policy keeps a script from running: {script!r}' for script in kept_from_running(soup)]
        nested = re.findall(r'.{0,30}\]\(http\S{0,60}', soup.get_text())
        bad += [f'{name}: a link inside a link, or in code: {text}' for text in nested]
        for link in soup.find_all('a', href=True):
            href = unquote(link['href'])
            if re.match(r'mailto:[^@]+@[^.]+$', href):
                bad.append(f'{name}: {href[7:]} is no address: write \\@')
            if re.match(r'[a-z][a-z0-9+.-]*:|//', href) or href in ('', '#'):
                continue
            n_links += 1
            wrong = dead(href, name, site, ids)
            if wrong:
                bad.append(wrong)
    return bad, len(soups), n_links

def quarto_site():
    "Let nbdev and Quarto build the site"
    (root/'README.md').touch() # ours is made by readme.py; nbdev_docs rewrites an older one
    subprocess.run([Path(sys.executable).parent/'nbdev_docs'], cwd=root, check=True)
    site, origin = root/'_docs', extras.Origin(settings())
    n = extras.finish_quarto(site, root/'_proc', origin)
    (site/'llms.txt').write_text(extras.llms_txt(settings(), site_map(Preview(root/'_proc', site))), encoding='utf-8')
    return site, [] if n else ['no page of Quarto was found to be given its origin']

def copy_pictures(site):
    "Pictures that stand beside the notebooks, as Quarto copies them"
    for path in (root/'nbs').rglob('*.png'):
        to = site/path.relative_to(root/'nbs')
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, to)

def pandoc_site():
    "Build the preview; what is wrong"
    print('No `quarto` on the PATH, so this is the pandoc preview of the pages, not the site itself.')
    print('[1/3] nbdev stages the pages', flush=True)
    proc, site = stage(), root/'_site'
    print('[2/3] pandoc renders them', flush=True)
    bad = preview(proc, site)
    copy_pictures(site)
    print('[3/3] links and requests', flush=True)
    return site, bad

def main():
    start, has_quarto = time.time(), shutil.which('quarto')
    site, bad = quarto_site() if has_quarto else pandoc_site()
    unlink(site)
    print(f'{extras.colab_notebooks(extras.Origin(settings()))} notebooks for Colab: {root}/_colab')
    more, n_pages, n_links = check(site)
    bad += more
    for text in bad:
        print('FAILED', text)
    name = 'Quarto site' if has_quarto else 'Pandoc preview'
    facts = f'{n_pages} pages, {n_links} internal links, {len(bad)} problems, {time.time()-start:.0f} seconds'
    print(f'{name}: {facts}: {site}/index.html')
    return int(bool(bad) or not n_pages)

if __name__ == '__main__':
    sys.exit(main())

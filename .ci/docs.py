"""The site: with Quarto where it is installed (`_docs/`), else a pandoc preview of the same pages (`_site/`): `python .ci/docs.py`

The preview is a stand-in with its own name, for machines that cannot have Quarto. nbdev stages the pages in both cases.
Either way this fails on an error output, a dead internal link, a page the sidebar misses, or a request to the outside."""
import os, re, shutil, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
from configparser import ConfigParser
from html import escape
from pathlib import Path
from urllib.parse import unquote
os.environ.pop('IN_TEST', None) # nbdev stages nothing under IN_TEST
import nbformat, yaml
from bs4 import BeautifulSoup

root = Path(__file__).resolve().parent.parent
CSS = """
:root{--ink:#1f2328;--soft:#59636e;--line:#d9dee3;--link:#0a58a6;--panel:#f6f8fa}
*{box-sizing:border-box} html{scroll-padding-top:4rem} body{margin:0;color:var(--ink);font:16px/1.6 system-ui,sans-serif;background:#fff}
a{color:var(--link)} a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
header.bar{position:sticky;top:0;z-index:2;display:flex;gap:1rem;align-items:baseline;padding:.6rem 1.2rem;background:#12344d;color:#fff}
header.bar a{color:#fff;text-decoration:none} header.bar b{font-size:1.15rem} header.bar .preview{margin-left:auto;font-size:.8rem}
.columns{display:grid;grid-template-columns:15rem minmax(0,48rem) 14rem;gap:2rem;justify-content:center;padding:1rem}
nav ul{list-style:none;margin:0;padding:0 0 0 .7rem} nav li{margin:.15rem 0} nav a{text-decoration:none;font-size:.9rem} nav a[aria-current]{font-weight:700;color:var(--ink)}
nav.side,nav.toc{position:sticky;top:4rem;align-self:start;max-height:calc(100vh - 5rem);overflow:auto}
nav.side ul{padding:0} h1{margin:.2rem 0} h2{margin-top:2.2rem;border-bottom:1px solid var(--line)} .lead{color:var(--soft);font-size:1.1rem;margin:0 0 1.5rem}
code{font-size:.9em} p code,li code,td code{background:var(--panel);padding:.1em .3em;border-radius:3px}
pre{overflow:auto;padding:.7rem .9rem;margin:.6rem 0;font-size:.85rem;line-height:1.45;border-radius:5px} div.sourceCode{margin:.6rem 0} pre.sourceCode,pre{background:var(--panel)}
.cell-output{border-left:3px solid var(--line);padding-left:.8rem;margin:.4rem 0 1.2rem;overflow-x:auto} .cell-output > pre{background:none;padding:.2rem 0;border:none;margin-left:0}
main{overflow-wrap:anywhere;min-width:0} .cell-output img{max-width:100%;height:auto} table{border-collapse:collapse;font-size:.9rem;margin:.6rem 0;display:block;overflow-x:auto} th,td{padding:.25rem .7rem;border-bottom:1px solid var(--line);text-align:left}
blockquote{margin:.5rem 0;padding-left:1rem;border-left:3px solid var(--line);color:var(--soft)} [class*=callout-]{border-left:4px solid var(--link);background:var(--panel);padding:.3rem 1rem;margin:1rem 0}
code span.pp{color:#7d5200} code span.co,code span.an,code span.cv,code span.do,code span.in,code span.wa{color:#4f6468} code span.dv,code span.bn,code span.fl{color:#1d6b45} code span.st,code span.ch,code span.ss,code span.vs,code span.sc{color:#2b5c8f} code span.at{color:#5c6a16} code span.op,code span.ot{color:#555} code span.im,code span.bu,code span.kw,code span.cf{color:#00661d}
@media(max-width:1100px){.columns{grid-template-columns:13rem minmax(0,1fr)} nav.toc{display:none}}
@media(max-width:720px){.columns{display:block} nav.side{position:static;max-height:12rem;border-bottom:1px solid var(--line);margin-bottom:1rem}}
"""
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'self' 'unsafe-inline' data: blob:">
<link rel="icon" href="data:,"><title>{title}</title><style>{css}</style></head><body>
<header class="bar"><a href="index.html"><b>{site}</b></a><span>{about}</span><span class="preview">pandoc preview, not the Quarto site</span></header>
<div class="columns"><nav class="side" aria-label="Pages"><ul>{side}</ul></nav>
<main><h1>{title}</h1><p class="lead">{lead}</p>
{body}
</main><nav class="toc" aria-label="On this page">{toc}</nav></div></body></html>"""

def settings():
    c = ConfigParser(delimiters=['='], interpolation=None); c.read(root/'settings.ini', encoding='utf-8')
    return c['DEFAULT']

def stage():
    "What nbdev hands to Quarto: notebooks with the docs of every exported name, a sidebar, links; in `_proc/`"
    from nbdev.doclinks import _build_modidx
    from nbdev.quarto import nbdev_sidebar, refresh_quarto_yml
    from nbdev.serve import proc_nbs
    os.chdir(root)
    refresh_quarto_yml(); _build_modidx(); nbdev_sidebar.__wrapped__()
    return proc_nbs('', n_workers=2, force=True)

def fence(text, lang=''):
    n = max([2, *[len(o) for o in re.findall(r'`{3,}', text)]])+1
    return f"{'`'*n}{lang}\n{text}\n{'`'*n}"

def raw(html): return fence(html, '{=html}')

def shown(o, asis=False):
    "One output as pandoc's Markdown"
    if o.output_type=='stream': return fence(o.text.rstrip('\n')) if o.name=='stdout' else ''
    if o.output_type=='error': return fence(f'{o.ename}: {o.evalue}')
    d = o.data
    if 'text/html' in d: return raw(d['text/html'])
    if 'text/markdown' in d: return d['text/markdown']
    if 'image/svg+xml' in d: return raw(d['image/svg+xml'])
    for k in ('image/png', 'image/jpeg'):
        if k in d: return raw(f'<img alt="Figure made by the cell above" src="data:{k};base64,{"".join(d[k].split())}">')
    return fence(d['text/plain']) if 'text/plain' in d else ''

def front_matter(nb):
    "What nbdev found in the title cell, and the cells after it"
    for i, c in enumerate(nb.cells):
        if c.cell_type=='raw' and c.source.lstrip().startswith('---'):
            return yaml.safe_load(c.source.strip().strip('-')) or {}, nb.cells[:i]+nb.cells[i+1:]
    return {}, nb.cells

def markdown(cells):
    "Cells as one Markdown text, with what their `#|` lines ask for"
    out = []
    for c in cells:
        if c.cell_type=='markdown': out.append(c.source)
        if c.cell_type!='code': continue
        opts = dict(re.findall(r'^#\|\s*([\w-]+):\s*(.*?)\s*$', c.source, re.M))
        if opts.get('include')=='false': continue
        code = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M).strip('\n')
        if code and opts.get('echo')!='false':
            block = fence(code, 'python')
            if 'code-fold' in opts: block = raw(f"<details{' open' if opts['code-fold']=='show' else ''}><summary>{escape(opts.get('code-summary', 'Code').strip(chr(34)))}</summary>")+'\n\n'+block+'\n\n'+raw('</details>')
            out.append(block)
        if opts.get('output')=='false': continue
        got = [o for o in map(shown, c.outputs) if o.strip()]
        if got: out.append('\n\n'.join(got) if opts.get('output')=='asis' else '::::: {.cell-output}\n'+'\n\n'.join(got)+'\n:::::')
    return '\n\n'.join(out)

def pandoc(text):
    "HTML of a Markdown text, and its table of contents"
    import pypandoc
    r = subprocess.run([pypandoc.get_pandoc_path(), '-f', 'markdown+autolink_bare_uris-implicit_figures', '-t', 'html5', '--mathml', '--toc', '--toc-depth=3',
        '--standalone', '--template', str(root/'.ci'/'page.template'), '--metadata', 'title=x'], input=text, capture_output=True, text=True)
    if r.returncode: raise RuntimeError(f'pandoc: {r.stderr}')
    toc, css, body = r.stdout.split('<!--split-->')
    return body, toc, css

def preview(proc, site):
    "Render every staged page to one self-contained HTML file"
    cfg, nbs = settings(), {p.name: nbformat.read(p, as_version=4) for p in sorted(proc.glob('*.ipynb'))}
    meta = {n: front_matter(nb) for n, nb in nbs.items()}
    files = {n: m.get('output-file', Path(n).stem+'.html') for n, (m, _) in meta.items()}
    listed = yaml.safe_load((proc/'sidebar.yml').read_text())['website']['sidebar']['contents']
    bad = [f'{n}: an error output' for n, nb in nbs.items() for c in nb.cells for o in c.get('outputs', []) if o.output_type=='error']
    bad += [f'{n}: not in the sidebar' for n in nbs if n not in listed]+[f'{n}: in the sidebar, but no such page' for n in listed if n not in nbs]
    bad += [f'{n}: its page {f} is also made by another notebook' for n, f in files.items() if list(files.values()).count(f)>1]
    home = cfg['doc_host'].rstrip('/')+cfg['doc_baseurl'].rstrip('/')+'/'
    extra = (root/'nbs'/'styles.css').read_text() if (root/'nbs'/'styles.css').exists() else ''
    shutil.rmtree(site, ignore_errors=True); site.mkdir()
    def page(n):
        m, cells = meta[n]
        body, toc, css = pandoc(markdown(cells))
        side = ''.join(f'<li><a href="{files[o]}"{" aria-current=page" if o==n else ""}>{escape(str(meta[o][0].get("title", o)))}</a></li>' for o in listed if o in files)
        soup = BeautifulSoup(body, 'html.parser')
        for a in soup.find_all('a', href=True):
            if a['href'].startswith(home): a['href'] = a['href'][len(home):] # nbdev writes links to the published site
            stem, _, anchor = a['href'].partition('#')
            if stem in files: a['href'] = files[stem]+('#'+anchor if anchor else '')
        for o in soup.select('div.sourceCode, pre:not(.sourceCode)'): # what scrolls can be reached by keys
            if max(map(len, o.get_text().split('\n')))>40: o['tabindex'] = '0'
        for o in soup.find_all('table'):
            if len(o.find('tr').find_all(['th', 'td']) if o.find('tr') else [])>3: o['tabindex'] = '0'
        (site/files[n]).write_text(PAGE.format(title=escape(str(m.get('title', n))), lead=escape(str(m.get('description') or '')), site=escape(cfg['title']),
            about=escape(cfg['description']), side=side, body=soup, toc=toc, css=css+extra+CSS), encoding='utf-8')
        want = sum('image/' in k for c in nbs[n].cells for o in c.get('outputs', []) for k in o.get('data', {}) if k!='image/svg+xml' and 'text/html' not in o['data'])
        got = len(soup.find_all('img', src=re.compile('^data:image')))
        return [f'{files[n]}: {want} pictures stored, {got} on the page'] if got<want else []
    with ThreadPoolExecutor(2) as pool: bad += sum(pool.map(page, nbs), [])
    return bad

def outside(soup):
    "What a page asks for from other places, without a click"
    res = [v for t in soup.find_all(['script', 'link', 'img', 'iframe', 'source', 'video', 'audio', 'embed', 'object', 'image', 'use'])
           for k, v in t.attrs.items() if k in ('src', 'href', 'srcset', 'data', 'xlink:href', 'poster') and re.match(r'(https?:)?//', str(v))
           and not (t.name=='link' and set(t.get('rel', [])) & {'canonical', 'alternate', 'license'})]
    css = ' '.join([t.text for t in soup.find_all('style')]+[t['style'] for t in soup.find_all(style=True)])
    return res+re.findall(r'(?:url\(|@import)\s*["\']?(https?://[^"\')\s]+)', css)+[m for t in soup.find_all('script') if t.get('type')!='application/json'
        for m in re.findall(r'import\s*\(?\s*["\'](https?://[^"\']+)|\bfrom\s+["\'](https?://[^"\']+)', t.text)]

def unlink(site):
    "nbdev makes links of names in signatures too, where they are code and can only be read"
    for p in site.rglob('*.html'):
        s = p.read_text(encoding='utf-8')
        new = re.sub(r'\[(`[^`\n<]+`)\]\(https?://[^)\s<]+\)', r'\1', s)
        if new!=s: p.write_text(new, encoding='utf-8')

def check(site):
    "Dead internal links and requests to the outside, over all pages of a site"
    soups = {p.relative_to(site).as_posix(): BeautifulSoup(p.read_text(encoding='utf-8'), 'html.parser') for p in site.rglob('*.html')}
    ids = {n: {t['id'] for t in s.find_all(id=True)}|{t['name'] for t in s.find_all('a', attrs={'name': True})} for n, s in soups.items()}
    bad, n_links = [], 0
    for n, s in soups.items():
        bad += [f'{n}: asks for {o}' for o in outside(s)]+[f'{n}: a link inside a link, or in code: {o}' for o in re.findall(r'.{0,30}\]\(http\S{0,60}', s.get_text())]
        for a in s.find_all('a', href=True):
            href = unquote(a['href'])
            if re.match(r'mailto:[^@]+@[^.]+$', href): bad.append(f'{n}: {href[7:]} is no address: write {chr(92)}@')
            if re.match(r'[a-z][a-z0-9+.-]*:|//', href) or href in ('', '#'): continue
            n_links += 1
            path, _, anchor = href.partition('#')
            path = path.split('?')[0]
            to = os.path.normpath((Path(n).parent/path).as_posix()) if path else n
            if not (site/to).exists(): bad.append(f'{n}: dead link {href}')
            elif anchor and to in ids and anchor not in ids[to]: bad.append(f'{n}: dead link {href} (no such place on the page)')
    return bad, len(soups), n_links

def main():
    t = time.time()
    if shutil.which('quarto'):
        (root/'README.md').touch() # ours is made by readme.py; nbdev_docs rewrites an older one
        subprocess.run([Path(sys.executable).parent/'nbdev_docs'], cwd=root, check=True)
        site, bad, name = root/'_docs', [], 'Quarto site'
    else:
        print('No `quarto` on the PATH, so this is the pandoc preview of the pages, not the site itself.\n[1/3] nbdev stages the pages', flush=True)
        proc = stage()
        site, name = root/'_site', 'Pandoc preview'
        print('[2/3] pandoc renders them', flush=True)
        bad = preview(proc, site)
        print('[3/3] links and requests', flush=True)
    unlink(site)
    more, n_pages, n_links = check(site)
    for o in bad+more: print('FAILED', o)
    print(f'{name}: {n_pages} pages, {n_links} internal links, {len(bad+more)} problems, {time.time()-t:.0f} seconds: {site}/index.html')
    return int(bool(bad+more) or not n_pages)

if __name__ == '__main__': sys.exit(main())

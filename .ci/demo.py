"""Run the workbench and leave it as an HTML page: `python .ci/demo.py [folder with data]` (what `make demo` calls)"""
import asyncio, os, re, signal, sys, time, warnings
signal.signal(signal.SIGINT, lambda *_: sys.exit(130)) # until the kernel runs, Ctrl-C just ends
from pathlib import Path
import nbformat
from bs4 import BeautifulSoup
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbconvert import HTMLExporter
root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root/'.ci'))
from policy import is_widget, policy, runs

HEADING, FLAG = re.compile(r'^## +(.+)$', re.M), re.compile(r'^#\|.*\n?', re.M)
ANSI = re.compile(r'\x1b\[[0-9;]*m')

CDN = re.compile(r'https?://[^\'"\s]*(mathjax|mermaid|require|cdn)', re.I)
OUTSIDE = re.compile(r'(https?:)?//')

def clock(seconds): return f'{int(seconds)//60:02d}:{int(seconds)%60:02d}'

class Echo:
    """Write a kernel's text at once

    Where there is no terminal, a line that rewrites itself (`\\r`) shows at most every `every` seconds."""
    def __init__(self, out=None, every=5.):
        self.out, self.every = out or sys.stdout, every
        self.line, self.shown, self.last = '', None, 0.

    def __call__(self, text):
        if self.out.isatty():
            self.out.write(text)
        else:
            for part in re.findall(r'[^\r\n]*[\r\n]|[^\r\n]+', text):
                self._part(part)
        self.out.flush()

    def _part(self, part):
        "Text up to the end of a line, to `\\r`, or to the end"
        body, ends_line, ends_rewrite = part.rstrip('\r\n'), part.endswith('\n'), part.endswith('\r')
        self.line += ANSI.sub('', body).replace('\x1b[A', '').replace('\x1b[K', '')
        if ends_line and self.line!=self.shown:
            self.out.write(self.line+'\n')
        elif not ends_line and time.time()-self.last>self.every and self.line.strip():
            self.out.write(self.line+'\n')
            self.shown, self.last = self.line, time.time()
        if ends_line:
            self.shown = None
        if ends_line or ends_rewrite:
            self.line = ''

class Client(NotebookClient):
    "Shows headings as steps and the kernel's text as it comes; keeps no stderr (bars, warnings) in the notebook"
    def __init__(self, nb, **kwargs):
        super().__init__(nb, timeout=None, kernel_name='python3', store_widget_state=False,
                         extra_arguments=['--log-level=40'], **kwargs)
        self.echo, self.started, self.step, self.stopped = Echo(), time.time(), 0, False
        self.n_steps = sum(len(HEADING.findall(cell.source)) for cell in nb.cells if cell.cell_type=='markdown')

    async def async_start_new_kernel_client(self):
        "Ctrl-C ends the kernel at once, without a traceback of its own"
        kc = await super().async_start_new_kernel_client()
        def stop():
            self.stopped = True
            self.stopping = asyncio.ensure_future(self.km.shutdown_kernel(now=True))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop)
        return kc

    async def async_execute_cell(self, cell, cell_index, **kw):
        if cell.cell_type=='markdown':
            for title in HEADING.findall(cell.source):
                self.step += 1
                self.echo(f'\n[{self.step}/{self.n_steps}] {title}   {clock(time.time()-self.started)}\n')
        return await super().async_execute_cell(cell, cell_index, **kw)

    def process_message(self, msg, cell, cell_index):
        if msg['msg_type']=='stream':
            self.echo(msg['content']['text'])
            if msg['content']['name']=='stderr':
                return None
        return super().process_message(msg, cell, cell_index)

def stdout_of(cell):
    "What a cell printed, or else what it showed, as text"
    printed = ''.join(o.text for o in cell.outputs if o.output_type=='stream')
    shown = [o.data for o in cell.outputs if 'data' in o]
    return printed or '\n'.join(data.get('text/markdown', data.get('text/plain', '')) for data in shown)

def is_hidden(cell):
    return re.search(r'^#\|\s*(hide|include:\s*false)\s*$', cell.source, re.M) is not None

def tidy_outputs(outputs):
    "Without widgets that need a kernel"
    for output in outputs:
        output.get('data', {}).pop('application/vnd.jupyter.widget-view+json', None)
    return [output for output in outputs if 'data' not in output or output.data]

def tidy(nb):
    "For a page without a kernel: no `#|` lines, no hidden cells, no widgets that cannot live there"
    nb.cells = [cell for cell in nb.cells if cell.cell_type!='code' or not is_hidden(cell)]
    for cell in nb.cells:
        if cell.cell_type=='code':
            cell.source, cell.outputs = FLAG.sub('', cell.source), tidy_outputs(cell.outputs)
    nb.cells = [cell for cell in nb.cells if cell.cell_type!='code' or cell.source.strip() or cell.outputs]
    nb.metadata.pop('widgets', None)
    return nb

WRAP = '.jp-RenderedMarkdown, .jp-RenderedText pre {overflow-wrap: anywhere}' # long names stay within a page

def closed(html, template=()):
    """The page without one request to the outside, and with a policy: it runs its widgets and the scripts of its
    template, and nothing that a text brings"""
    soup = BeautifulSoup(html, 'html.parser')
    for script in soup.find_all('script'):
        if OUTSIDE.match(script.get('src', '')) or runs(script) and CDN.search(script.text):
            script.decompose()
    for link in soup.find_all('link'):
        if OUTSIDE.match(link.get('href', '')):
            link.decompose()
    scripts = [script.text for script in soup.find_all('script') if runs(script)]
    own = [script for script in scripts if script in template or is_widget(script)]
    if len(own)<len(scripts):
        print(f'{len(scripts)-len(own)} scripts of the page are not of genrec: its policy keeps them from running')
    head = soup.head.find('meta', charset=True)
    head.insert_after(soup.new_tag('meta', attrs={'http-equiv': 'Content-Security-Policy', 'content': policy(own)}))
    style = soup.new_tag('style')
    style.string = WRAP
    soup.head.append(style)
    loading = soup.find_all(['script', 'link', 'img', 'iframe', 'video', 'source'])
    places = [tag.get('src') or tag.get('href') or '' for tag in loading]
    left = [place for place in places if OUTSIDE.match(place)]
    if left: raise ValueError(f'the page asks for things from outside: {left}; embed them, or show them as text')
    return str(soup)

def set_environment(data):
    "What the kernel finds: the data, and progress as text"
    os.environ.pop('GENREC_DATA', None)
    if data is not None:
        os.environ['GENREC_DATA'] = str(data)
    for name in ('MPLBACKEND', 'IN_TEST'): # they would take the plots away, or make it a test
        os.environ.pop(name, None)
    os.environ.update(GENREC_PROGRESS='text', PYTHONUNBUFFERED='1')

def unreadable(folder):
    "What is wrong with a folder, in a sentence; None where its log and its items can be read"
    from genrec.data.catalog import load_catalog
    from genrec.data.filter import k_core, Report
    from genrec.data.log import index_log
    from genrec.data.sources import load_lcrec
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            core = k_core(load_lcrec(folder), k=5, report=Report())
            if not core.count().to_pyarrow().as_py():
                return f'{folder}: no user with five interactions or more is left whose items have five or more'
            load_catalog(folder, index_log(core).items)
    except (ValueError, OSError) as error:
        return str(error)

def executed(nb, folder):
    "Run a notebook in a folder; returns its client, and what went wrong: 'stopped', an error, or None"
    client = Client(nb, resources={'metadata': {'path': str(folder)}})
    failed = None
    try:
        client.execute()
    except (KeyboardInterrupt, asyncio.CancelledError):
        client.stopped = True
    except (CellExecutionError, DeadKernelError, RuntimeError) as error:
        failed = error
    client.echo('\n')
    return client, 'stopped' if client.stopped else failed

def write_page(nb, name, dest):
    "The executed notebook as one HTML file"
    exporter = HTMLExporter(embed_images=True, exclude_input_prompt=True, exclude_output_prompt=True)
    html, _ = exporter.from_notebook_node(tidy(nb), {'metadata': {'name': name}})
    empty, _ = exporter.from_notebook_node(nbformat.v4.new_notebook())
    template = [script.text for script in BeautifulSoup(empty, 'html.parser').find_all('script')]
    page = dest/f'{name}.html'
    page.write_text(closed(html, template), encoding='utf-8')
    return page

def leaderboards(nb):
    "Text of the cells that carry `#| leaderboard`"
    cells = [cell for cell in nb.cells if cell.cell_type=='code']
    return [stdout_of(cell) for cell in cells if re.search(r'^#\|\s*leaderboard\b', cell.source, re.M)]

def main(data=None, source=root/'nbs'/'workbench.ipynb', dest=root/'demo'):
    data = None if data is None else Path(data).expanduser().resolve()
    if data is not None and not data.is_dir():
        print(f'DATA must be a folder, got {data}; see nbs/workbench.ipynb for the layouts it reads')
        return 2
    if not source.exists():
        print(f'{source} is missing: is this a whole clone?')
        return 2
    set_environment(data)
    why = None if data is None else unreadable(data)
    if why:
        print(f'{why}\nWanted a folder in the layout of LC-Rec: NAME.inter.json, user -> list of items, oldest first, '
              'and NAME.item.json, item -> fields, a title at least')
        return 2
    name = 'workbench' if data is None else f'workbench-{data.name}'
    dest.mkdir(exist_ok=True)
    nb = nbformat.read(source, as_version=4)
    for cell in nb.cells:
        if cell.cell_type=='code':
            cell.outputs, cell.execution_count = [], None
    print(f"The workbench on {data or 'the toy shop'}", flush=True)
    client, failed = executed(nb, dest)
    nbformat.write(nb, dest/f'{name}.ipynb')
    if failed is not None:
        stopped = failed=='stopped'
        print('Stopped.' if stopped else f'FAILED: {ANSI.sub("", str(failed))}')
        print(f'The notebook as far as it came: {dest/name}.ipynb')
        return 130 if stopped else 1
    boards = leaderboards(nb)
    page = write_page(nb, name, dest)
    if boards:
        print(boards[-1].strip('\n'))
    print(f'\nDone in {clock(time.time()-client.started)} min. The executed workbench: {page}')
    return 0

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:2]))

"""Texts that mean something to HTML, Markdown, TeX or a file system, in tables, plots, widgets and folders"""
import html, io, re, warnings
from html.parser import HTMLParser
import torch
from .common import Broken, content, ids, last_frames, run, short

TEXTS = [
    '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<img<b> src=x onerror=alert(1)>',
    '</script><script>alert(1)</script>', '<svg/onload=alert(1)>', '<scr<script>ipt>alert(1)</scr</script>ipt>',
    '[x](javascript:alert(1))', '![x](javascript:alert(1))', '<a href="javascript:alert(1)">x</a>',
    '[a]: javascript:alert(1)', '<https://example.org>', 'javascript:alert(1)',
    '&lt;script&gt;alert(1)&lt;/script&gt;', '&amp;lt;img src=x onerror=alert(1)&amp;gt;', '<!-- a', '-->',
    '<![CDATA[x', ']]>', '<style>*{display:none}</style>', '<iframe src=//example.org>', '<b',
    '"><img src=x onerror=alert(1)>', "' onmouseover='alert(1)", '$', '$$', '$x', '$\\frac$', '\\$', '$x^2$ and $y',
    '\\(x\\)', '$\\input{x}$', '{', '}', '_^', '%', '#', '~', '\\', '|', 'a|b|c', '`', '```', '*', '**b**', '_b_',
    '# h', '- x', '1. x', '> x', '---', '| a | b |\n|---|---|', 'a  \nb', 'a\n\nb', '\u202eabc', 'a\u2066b', '\u200b',
    '\x00', '\x1b[31mred', '\r', '\t', '\u2028', '\ud800', '😀', 'e\u0301'*20, '=1+1', '@SUM(A1)', '../../x',
    '/etc/passwd', 'C:\\x', 'a/b', '.', '..', 'con', 'x'*5000, '', ' ', '\ufeff', '${7*7}', '{{7*7}}', '%s%n',
    "'; drop table x; --", '<x onclick=alert(1) ', '<math><mi xlink:href="javascript:alert(1)">',
    '&#106;avascript:alert(1)', '[x](  javascript:alert(1))', '[x][y]\n\n[y]: javascript:alert(1)',
    '<a\thref=javascript:alert(1)>', '<object data=x>', '<form><input>',
]

SAFE = set('p br hr div span table thead tbody tr th td strong em b i code pre ul ol li blockquote del s a'.split())
SAFE |= {f'h{n}' for n in range(1, 7)}

class Active(HTMLParser):
    "What of a page would do something"
    def __init__(self, allowed):
        super().__init__(convert_charrefs=True)
        self.allowed,self.found = allowed,[]

    def handle_starttag(self, tag, attrs):
        if tag not in self.allowed:
            self.found.append(f'<{tag}>')
        for name,value in attrs:
            words = re.sub(r'[\s\x00-\x20]', '', html.unescape(value or '')).lower()
            if name.startswith('on') or words.startswith(('javascript:','data:text','vbscript:')):
                self.found.append(f'{tag} {name}={value}')

def active(page, allowed=SAFE):
    "Tags and attributes of a page that would do something"
    parser = Active(allowed)
    parser.feed(page)
    parser.close()
    return parser.found

def rendered(markdown):
    "As Jupyter and Quarto would draw it, HTML allowed"
    import mistune
    from markdown_it import MarkdownIt
    yield MarkdownIt('commonmark', dict(html=True)).enable('table').render(markdown)
    yield mistune.create_markdown(escape=False, plugins=['table','strikethrough','url'])(markdown)

def _check_markdown(markdown, what):
    for page in rendered(markdown):
        found = active(page)
        if found: raise Broken(f'{what}: {found[:3]}')
        if '<a ' in page: raise Broken(f"{what}: a link: {short(page[page.index('<a '):])}")

def _table(text):
    from genrec.core.values import md_table
    made = md_table([text, 'b'], [[text, 1], [text, text]])
    if len(made.splitlines())!=4: raise Broken(f'md_table: {len(made.splitlines())} lines for 4')
    _check_markdown(made, 'md_table')

def _values(text):
    "What values draw of themselves"
    from genrec.analyse.index import audit_index
    from genrec.core.record import Run
    from genrec.core.values import Log
    from genrec.evaluate.groups import Groups, group_table
    groups = Groups(text, (text, 'other'), torch.tensor([0,1,0]))
    _check_markdown(groups._repr_markdown_(), 'Groups')
    _check_markdown(group_table({text: torch.tensor([0,-1,3])}, groups)._repr_markdown_(), 'GroupTable')
    _check_markdown(Run('a', 'b', {}, {text: 1.})._repr_markdown_(), 'Run')
    log = Log(torch.tensor([0,1]), torch.tensor([0,1]), torch.tensor([1,2]), (text, 'u'), (text, 'i'))
    for made in (log, audit_index(ids(), [text]*12)):
        if hasattr(made, '_repr_markdown_'):
            _check_markdown(made._repr_markdown_(), type(made).__name__)

def _clean(text):
    from genrec.data.item_text import clean
    made = clean(text)
    found = active(made)
    if found: raise Broken(f'clean: {found[:3]} in {short(made)}')

def _inside(text, page, what):
    "A page of ours has scripts; none of them is made of the text, and no tag either"
    own = active(page, SAFE|{'script','style','html','head','body','meta','title','link'})
    if own: raise Broken(f'{what}: {own[:3]}')
    scripts = len(re.findall(r'<script', page, re.I))
    return scripts

def _widgets(text):
    from genrec.analyse.index import audit_index
    from genrec.widgets.audit import browse_audit
    from genrec.widgets.browse import browse
    from genrec.widgets.compare_ids import compare_ids
    titles,plain = [text]*12,['x']*12
    audit = audit_index(ids(), draws=0)
    for what,make in (('browse', lambda names, t: browse(ids(), names, title=t)),
                      ('browse_audit', lambda names, t: browse_audit(audit, ids(), names, title=t)),
                      ('compare_ids', lambda names, t: compare_ids(ids(), ids(1), names, (t, 'b')))):
        both = [_inside(text, make(*how).static(), what) for how in ((titles, text), (plain, 'x'))]
        if both[0]!=both[1]: raise Broken(f'{what}: {both[0]} scripts, {both[1]} without the text')

def _plots(text):
    import matplotlib.pyplot as plt
    from genrec.analyse.codes import plot_usage
    from genrec.analyse.space import plot_map, plot_purity
    from genrec.core.progress import FitLog
    from genrec.evaluate.groups import Groups, group_table, plot_groups
    groups = Groups(text, (text, 'other'), torch.tensor([0,1,0]))
    table = group_table({text: torch.tensor([0,-1,3]), 'b': torch.tensor([0,1,3])}, groups)
    made = {
        'plot_groups': lambda: plot_groups(table),
        'plot_purity': lambda: plot_purity({text: ids()}, [text]*6+['b']*6),
        'plot_map': lambda: plot_map(ids(), content(), names={(0,): text}),
        'plot_usage': lambda: plot_usage(ids()),
        'FitLog.plot': lambda: FitLog(losses=[{text: 1.}, {text: .5}], metrics=[{'epoch': 1, text: .1}]).plot(),
    }
    for what,plot in made.items():
        try:
            ax = plot()
            axes = ax if hasattr(ax, 'figure') else next(iter(ax.flat)) if hasattr(ax, 'flat') else ax[0]
            axes.figure.savefig(io.BytesIO(), format='png', dpi=30)
        except Exception as error:
            raise Broken(f'{what}: {type(error).__name__}: {short(str(error))} ({last_frames(error)})') from None
        plt.close('all')

def _paths(text, folder):
    "Names of folders and files that come from data or from a person"
    from genrec.core.record import Run
    from genrec.core.store import Store
    from genrec.study.runner import Job, claim
    inside = folder/'inside'
    inside.mkdir()
    before = sorted(str(path) for path in folder.iterdir())
    def run_of(): Run(text, text, {}, {}).save(inside)
    def stored(): Store(inside).get(_one, name=text)
    def job(): Job(system=text, data='x', seed=0, make=lambda: Run('a', 'b', {}, {}), config={}).run(inside, print)
    def claimed():
        with claim(inside, text):
            pass
    for what,make in (('Run.save', run_of), ('Store.get', stored), ('claim', claimed), ('Job.run', job)):
        try:
            make()
        except (ValueError, OSError):
            pass
        after = sorted(str(path) for path in folder.iterdir())
        if after!=before: raise Broken(f'{what} wrote outside of its folder: {set(after)-set(before)}')

def _one(): return 1

WHERE = dict(table=_table, values=_values, clean=_clean, widgets=_widgets, plots=_plots, paths=_paths)

def _tried(where, text, folder):
    warnings.simplefilter('ignore')
    try:
        WHERE[where](*((text, folder) if where=='paths' else (text,)))
    except Broken as error:
        return str(error)
    except ValueError as error: # refused, in words
        return '' if str(error) else 'an error without words'
    except Exception as error:
        return f'{type(error).__name__}: {short(str(error))} ({last_frames(error)})'
    return ''

def case(rng, folder):
    where,text = rng.choice(list(WHERE)),rng.choice(TEXTS)
    if rng.random()<.3:
        text = text[:200]+rng.choice(TEXTS)[:200]
    trouble = run(_tried, where, text, folder)
    if trouble: raise Broken(f'{short(text)} in {where}: {trouble}')
    return f'{where}: {short(text, 60)}'

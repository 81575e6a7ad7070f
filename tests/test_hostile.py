"""Names that a stranger chose: every plot draws them as they are, every table and page shows them as text"""
import ast, re, sys, warnings
from functools import cache
from itertools import chain, product
from pathlib import Path
import matplotlib.pyplot as plt
import torch
from bs4 import BeautifulSoup
from fastcore.test import test_eq as same
from datasets import Dataset
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from PIL import Image
from genrec.core.escape import as_html, as_label, as_line, as_markdown
from genrec.core.progress import FitLog
from genrec.core.record import Run
from genrec.core.values import Embeddings, Ranking, SemanticIds, md_table, set_seed
from genrec.data.filter import Step
from genrec.data.toy import toy_shop
from genrec.data.split import leave_one_out
from genrec.evaluate import cold
from genrec.evaluate.compare import leaderboard, plot_board
from genrec.evaluate.groups import Groups, GroupTable, plot_groups
from genrec.recommend.similarity import SimilarityT5, plot_attention, plot_similarity
from genrec.analyse import codes, drift, failure, language, meaning, probe, scaling, space, tail, tree
from genrec.codes.language import QuantitativeLanguage
from genrec.data import images, item_tables, look
from genrec.study import board, code_tables, mql4grec_words, trials, utgrec_views
from genrec.systems.bbqrec import BBQRecIds
from genrec.systems.bbqrec_codes import neighbour_table
sys.path.insert(0, str(Path(__file__).resolve().parent))
from hostile_names import HOSTILE, SIGNS

root = Path(__file__).resolve().parent.parent
NAMES = [text for text in HOSTILE if '$' in text][:4]+[SIGNS[i] for i in (0, 3, 4, 7, 9)]

# ---- plots

def a_toy(): return toy_shop(n_users=30, n_kinds=3, n_styles=2, n_variants=1, length=(5,7), images=False)
def some_ids(n=24): return SemanticIds(torch.cartesian_prod(torch.arange(4), torch.arange(n//4)), (4,n//4))
def named(value): return {name: value for name in NAMES}
def some_groups(labels): return Groups(NAMES[0], tuple(labels), torch.arange(len(labels)).repeat(2))

def board_of(kinds=None):
    ranks = torch.arange(40)%7
    runs = [Run(system, 'shop', {}, {}, ranks=torch.where(ranks<hits, 0, -1)) for system,hits in dict(a=3, b=5).items()]
    return runs,leaderboard(runs, n_boot=20)

def draw_board():
    runs,made = board_of()
    same(len(made.rows), 2)
    a = plot_board(made, dict(a=NAMES[0], b=NAMES[1]))
    return code_tables.plot_seeds([Run('a', 'x', {}, {made.main: .5})], made, a)

def draw_groups():
    n = len(NAMES)
    rows = tuple((name, tuple([.5]*n), .5) for name in NAMES)
    return plot_groups(GroupTable(some_groups(NAMES), NAMES[1], rows))

def draw_gain():
    rows = tuple((name, 2, .5, .4, .1, .05, .15) for name in NAMES)
    return tail.plot_gain(tail.GroupGain(some_groups(NAMES), NAMES[1], tuple(NAMES[:2]), rows))

def draw_exposure():
    split = leave_one_out(a_toy().log)
    ranking = Ranking(split.test.target[:,None], torch.zeros(len(split.test), 1))
    return tail.plot_exposure(named(ranking), split, k=1)

def draw_failures():
    return failure.plot_failures(failure.Failures(tuple((name, some_groups(NAMES)) for name in NAMES)))

def draw_tree(): return tree.plot_tree(some_ids(), (NAMES*4)[:24], top=(4,6))
def draw_drift(): return drift.plot_drift(named(drift.Drift(9, kept=(.5,), prefix=(.5,), chance=(.1,), groups=(.9,))))
def draw_meaning(): return meaning.plot_meaning(named([dict(kept=.5), dict(kept=.4)]))
def draw_purity(): return space.plot_purity(named(some_ids()), torch.arange(24)%3)

def draw_map():
    return space.plot_map(some_ids(), torch.randn(24, 5), names={(code,): NAMES[code] for code in range(4)})

def draw_scaling():
    fits = scaling.Scaling(named(None), named(([1.,2.], [.1,.2])))
    return scaling.plot_scaling(fits, xlabel=NAMES[0], ylabel=NAMES[1])

def draw_probe():
    figures = dict(accuracy=.5, low=.4, high=.6, chance=.5, information=.1, entropy=1.)
    one = probe.Probe(9, 2, **figures)
    return probe.plot_probe(probe.ProbeTable(dict.fromkeys(product(NAMES, NAMES[:3]), one)))

def draw_usage(): return codes.plot_usage(some_ids(), title=NAMES[0])
def draw_levels(): return codes.plot_levels(named(some_ids()))
def draw_tail(): return tree.plot_tail(some_ids(), title=NAMES[0])
def of_logs(plot): return lambda: plot(named(a_toy().log))
def draw_waterfall(): return look.plot_waterfall([Step(name, (9,9,9), (8,8,8)) for name in NAMES])
def draw_shared(): return look.plot_shared(a_toy().log, a_toy().log, names=tuple(NAMES[:2]))

def similar(plot):
    def draw():
        set_seed(0)
        settings = dict(d_model=16, d_ff=16, d_kv=4, n_heads=2, n_layers=1, dropout=0.)
        model = SimilarityT5(some_ids(), torch.randn(24, 6), **settings)
        return plot(model, list(range(len(NAMES))), names=(NAMES*3)[:24])
    return draw

def draw_log():
    log = FitLog(losses=[named(1.), named(.5)], metrics=[dict(epoch=1, **named(.1)), dict(epoch=2, **named(.2))])
    return log.plot()

def draw_properties():
    point = {'recall@10': .1, **dict.fromkeys(code_tables.CODE_PROPERTIES, .5)}
    return code_tables.plot_properties(named(point), plt.subplots(1, len(code_tables.CODE_PROPERTIES))[1])

def draw_points():
    axes = plt.subplots()[1]
    for name in NAMES:
        utgrec_views.plot_points([(1., [.1,.2]), (2., [.3])], axes, label=name)
    axes.legend()
    return axes

def draw_gains():
    axes = utgrec_views.plot_gains(NAMES, named([.1]*len(NAMES)))
    axes.legend()
    return axes

def draw_trials():
    curve = dict(epoch=[1,2], nats=[2.,1.], **{'ndcg@10': [.1,.2]})
    runs = [Run('plain', 'shop', dict(valid_curve=curve), {})]
    return trials.plot_trials(runs, 'shop', plt.subplots(1, 2)[1])

def pictures():
    return Dataset.from_dict(dict(item=[str(i) for i in range(len(NAMES))], title=list(map(as_line, NAMES)),
                                  image=[Image.new('RGB', (9,9))]*len(NAMES)))
def draw_images(): return images.show_images(pictures(), range(len(NAMES)))

def draw_code():
    names = [f'{NAMES[i%3]}:{i}' for i in range(len(NAMES))]
    lang = QuantitativeLanguage(names, dict(image=SemanticIds(torch.zeros(len(NAMES), 1, dtype=torch.int64), (2,))))
    return language.show_code(lang, pictures())

def draw_reach():
    groups = some_groups(NAMES)
    one,n = torch.ones(len(groups.of), dtype=torch.int64),len(groups.of)
    reach = cold.ItemReach(items=torch.arange(n), lists=one, best=one, wanted=one, hits=one, ranks=one.double(), k=10)
    return cold.plot_reach({NAMES[0]: reach, NAMES[1]: reach}, groups)

def draw_quota():
    curve = cold.QuotaCurve(k=10, quotas=(0,1), warm=(.2,.1), cold=(.0,.1), every=(.2,.2), sizes=(5,5))
    return cold.plot_quota(named(curve))

PLOTS = dict( # function -> how it is drawn, and how many of the names it shows
    plot_board=(draw_board, 2), plot_seeds=(draw_board, 2), plot_groups=(draw_groups, 9), plot_gain=(draw_gain, 9),
    plot_exposure=(draw_exposure, 9), plot_failures=(draw_failures, 9), plot_tree=(draw_tree, 0),
    plot_drift=(draw_drift, 9), plot_meaning=(draw_meaning, 9), plot_purity=(draw_purity, 9), plot_map=(draw_map, 4),
    plot_scaling=(draw_scaling, 9), plot_probe=(draw_probe, 9), plot_usage=(draw_usage, 1), plot_tail=(draw_tail, 1),
    plot_levels=(draw_levels, 9), plot_popularity=(of_logs(look.plot_popularity), 9),
    plot_lorenz=(of_logs(look.plot_lorenz), 9), plot_lengths=(of_logs(look.plot_lengths), 9),
    plot_times=(of_logs(look.plot_times), 9), plot_waterfall=(draw_waterfall, 9), plot_shared=(draw_shared, 2),
    plot_similarity=(similar(plot_similarity), 9), plot_attention=(similar(plot_attention), 9), plot=(draw_log, 9),
    plot_properties=(draw_properties, 9), plot_points=(draw_points, 9), plot_gains=(draw_gains, 9),
    plot_trials=(draw_trials, 0), plot_reach=(draw_reach, 9), plot_quota=(draw_quota, 9),
    show_images=(draw_images, 9), show_code=(draw_code, 3))

@cache
def plotting_functions():
    "Names of all functions of the package that draw with matplotlib and may be called"
    found = set()
    for path in sorted((root/'genrec').rglob('*.py')):
        text = path.read_text(encoding='utf-8')
        for node in ast.parse(text).body if re.search(r'\bax(es)?\b', text) else ():
            draws = isinstance(node, ast.FunctionDef) and {arg.arg for arg in all_arguments(node)} & {'ax', 'axes'}
            if draws and not node.name.startswith('_'):
                found.add(node.name)
    return found

def all_arguments(function): return [*function.args.args, *function.args.kwonlyargs]

def texts_of(figure):
    "What matplotlib writes, and whether it takes it for a formula"
    found = [text for text in figure.findobj(plt.Text) if text.get_text()]
    return [(text.get_text(), *text._preprocess_math(text.get_text())) for text in found]

def test_every_plot_is_here():
    same(plotting_functions()-set(PLOTS), set())
    same(set(PLOTS)-plotting_functions(), set())

def check_plot(name):
    draw,n = PLOTS[name]
    made = draw()
    figure = (made if hasattr(made, 'figure') else list(made)[0]).figure
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Glyph|constrained_layout|Tight layout') # for want of a font or room
        figure.canvas.draw()
    drawn = texts_of(figure)
    formulas = [text for text,_,formula in drawn if formula and 'mathdefault' not in text]
    assert not formulas, formulas
    shown = ' '.join(' '.join(as_written.split()) for _,as_written,_ in drawn)
    lost = [text for text in NAMES[:n] if as_line(text)[:13] not in shown]
    assert not lost, (name, lost)
    plt.close('all')

def test_plots_draw_names_as_they_are():
    bad = {}
    for name in PLOTS:
        try:
            check_plot(name)
        except Exception as error:
            bad[name] = f'{type(error).__name__}: {str(error)[:300]}'
    assert not bad, bad

def test_labels_of_all_names():
    figure,axes = plt.subplots()
    for text in HOSTILE:
        axes.plot([1], [1], label=as_label(text))
    legend = axes.legend()
    same(len(legend.get_texts()), len(HOSTILE))
    with warnings.catch_warnings():
        warnings.filterwarnings('ignore', message='Glyph')
        figure.canvas.draw()
    for text,label in zip(HOSTILE, legend.get_texts()):
        same(label._preprocess_math(label.get_text()), (as_label(text).replace(r'\$', '$'), False))
    plt.close(figure)

# ---- tables and pages

PLAIN = {'table','thead','tbody','tr','th','td','p','strong','em','span','br','small','img'}

def shown(text, is_html=False):
    "A table or page as nbconvert makes it: its text; an element or attribute that is not ours is an error"
    soup = BeautifulSoup(text if is_html else markdown2html_mistune(text), 'html.parser')
    names = {tag.name for tag in soup.find_all()}
    assert names<=PLAIN, names-PLAIN
    attributes = set(chain.from_iterable(tag.attrs for tag in soup.find_all()))
    assert attributes<=({'src','alt'} if is_html else set()), attributes
    return ' '.join(soup.get_text(' ').split()),soup

def test_every_text_is_one_cell():
    _,soup = shown(md_table(['n', *HOSTILE[:9]], [[i, text, *'abcdefgh'] for i,text in enumerate(HOSTILE)]))
    same([cell.get_text() for cell in soup.find_all('th')][1:], [as_line(text, 2000) for text in HOSTILE[:9]])
    same([row.find_all('td')[1].get_text() for row in soup.find_all('tr')[1:]], [as_line(t, 2000) for t in HOSTILE])
    same({len(row.find_all('td')) for row in soup.find_all('tr')[1:]}, {10})

def test_every_text_begins_a_paragraph_and_stands_in_one():
    for text in HOSTILE:
        want = as_line(text, 2000)
        for form in ('{}', 'Nearest to *{}*:', '**{}**', 'a {} b', '{}\n\n{}'):
            said,soup = shown(form.replace('{}', as_markdown(text)))
            plain = form.replace('*', '').replace('{}', want)
            same(''.join(soup.get_text().split()), ''.join(plain.split()))
            same(len(soup.find_all('em')), form.count('{}')*(form[-2]=='*' and '**' not in form))

def test_every_text_is_html():
    for text in HOSTILE:
        soup = BeautifulSoup(f'<p title="{as_html(text, quoted=True)}">{as_html(text)}</p>', 'html.parser')
        same((soup.p.get_text(), soup.p['title'], set(soup.p.attrs)), (as_line(text, 2000),)*2+({'title'},))
        assert {tag.name for tag in soup.find_all()}<={'p','span'}

def test_values_that_draw_themselves():
    name,other = '[x](javascript:alert(1)) | *a* <img src=x>', '$x_{ <b>_y_</b> `c`'
    ids = SemanticIds(torch.tensor([[0],[1],[0]]), (2,))
    groups = Groups(name, (other, 'b'), torch.tensor([0,1]))
    lang = QuantitativeLanguage([f'{other}:1', f'{other}:2', 'b:3'], dict(text=ids))
    sheet = dict(titles=[name, other], jpeg='" onerror="alert(1)')
    toy = a_toy()
    made = { # value -> texts that it has to show
        'groups': (groups, [name, other]),
        'table of groups': (GroupTable(groups, other, ((name, (.1,.2), .1),)), [name, other]),
        'gain': (tail.GroupGain(groups, other, (name,'b'), ((name,1,.1,.1,.1,.1,.1),)), [name, other]),
        'failures': (failure.Failures(((name, groups),)), [name, other]),
        'log of a training': (FitLog([{name: 1.}], best={other: .5}, stopped=name), [name, other]),
        'language': (lang, [other]),
        'items': (item_tables.ItemTable({name: dict(title=other)}, said=f'{name} {other}'), [f'{name} {other}']),
        'toy': (type(toy)(**{**vars(toy), 'domain': name}), [name]),
        'scaling': (scaling.Scaling({name: None}, {name: ([1],[1])}), [name]),
        'codes': (codes.collision_table({name: ids}), [name]),
    }
    for what,(value,texts) in made.items():
        said,_ = shown(value._repr_markdown_())
        for text in texts:
            assert ''.join(text.split()) in ''.join(said.split()), (what, text, said)
        assert '\n\n\n' not in str(value), what
    table = neighbour_table(BBQRecIds(None, {name: ids}, Embeddings(torch.zeros(3, 1))), 0, [name, other, name], 1)
    assert ''.join(name.split()) in ''.join(shown(table)[0].split())
    runs,_ = board_of()
    said,_ = shown(board.metric_tables(runs, name, ('a',), {other: 'recall@10'}, data=('shop',)))
    assert ''.join(name.split()) in ''.join(said.split())
    page = mql4grec_words.poster_table([dict(code=other, domains={name: sheet})])
    said,soup = shown(page, is_html=True)
    same((soup.img['alt'], soup.small.get_text()), (f'{name}; {other}',)*2)

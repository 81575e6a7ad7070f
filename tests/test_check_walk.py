"""Every public function, method and set of settings looks at its arguments: a new one that does not fails here"""
import dataclasses, importlib, inspect, math, pkgutil, re
import genrec
from fastcore.test import test_eq as equal
from genrec.core.check import _asked, checked

INNER = 'called by functions here, with values that those have checked'
HOT = 'called thousands of times a second, or for each row, cell or text'
VALUES = 'a small value that functions here make, with defaults for what they leave out'
OWN = 'says more than `checked` could: what there is, or what is allowed here'
LEFT_OUT = { # module -> (names, or 'all'), the reason
    'codes.language': (['QuantitativeLanguage.word'], HOT),
    'codes.order': (['sorted_rows'], INNER),
    'codes.vocab': (['level_letters','code_text','parse_code'], HOT),
    'core.arrays': (['as_vectors'], INNER),
    'core.batches': (['shards','fresh_accelerator'], INNER),
    'core.check': ('all', 'these are the checks'),
    'core.checkpoint': ('all', INNER),
    'core.config': ('all', INNER),
    'core.describe': ('all', INNER),
    'core.escape': ('all', HOT),
    'core.fit_config': (['FitConfig.__init__','FitConfig.schedule'], 'checks each field itself: `test_settings`'),
    'core.layers': ('all', HOT),
    'core.optim': ('all', HOT),
    'core.paths': ('all', INNER),
    'core.progress': (['FitLog.__init__'], VALUES),
    'core.record': (['check_name','folder_name'], OWN),
    'core.resume': ('all', INNER),
    'core.sealed': ('all', INNER),
    'core.store': (['Store.get'], OWN),
    'core.values': (['Histories.pad'], HOT),
    'core.writing': ('all', INNER),
    'data.audit': (['title_key','shared'], HOT),
    'data.cells': ('all', HOT),
    'data.files': ('all', INNER),
    'data.filter': (['finish','min_rating'], OWN),
    'data.item_rows': ('all', INNER),
    'data.item_tables': ('all', INNER),
    'data.item_text': ('all', HOT),
    'data.kcore': ('all', INNER),
    'data.known': ('all', HOT),
    'data.layouts': ('all', HOT),
    'data.moments': ('all', HOT),
    'data.page_code': ('all', HOT),
    'data.read': ('all', HOT),
    'data.remedies': ('all', INNER),
    'data.stored': ('all', INNER),
    'data.tables': ('all', INNER),
    'data.times': ('all', INNER),
    'data.toy_goods': ('all', INNER),
    'data.typed': ('all', INNER),
    'quantize.align': (['contrastive_loss'], HOT),
    'quantize.base': (['nearest','check_pretrained'], HOT),
    'quantize.codebook': ('all', HOT),
    'quantize.keep': (['code_anchor'], HOT),
    'recommend.attention': (['AttentionBlock.attend','AttentionBlock.weigh'], HOT),
    'recommend.base': (['check_histories','check_samples','length_blocks'], HOT),
    'recommend.bert4rec': (['hide'], HOT),
    'recommend.catalog_scores': (['listed_scores'], HOT),
    'recommend.causal': (['CausalRecommender.target_nll'], HOT),
    'recommend.code_walk': (['graph_walk','check_limits','forbidden_items'], HOT),
    'recommend.history_block': (['HistoryBlock.add_table'], INNER),
    'recommend.markov': (['add_rows'], INNER),
    'recommend.missrec': (['MISSRec.candidate_scores'], HOT),
    'recommend.mixture': (['in_modality'], INNER),
    'recommend.s3rec': (['segments'], HOT),
    'recommend.sequence': (['gbce_power','sampled_loss','start_odds','next_item_loss','group_top_k'], HOT),
    'recommend.similarity': (['similar_values'], HOT),
    'recommend.soft_targets': (['child_shares','child_log_probs','taught_nll'], HOT),
    'recommend.t5': (['T5Recommender.level_nll'], HOT),
    'recommend.t5_layers': ('all', HOT),
    'recommend.t5_stack': ('all', HOT),
    'recommend.tables': ('all', HOT),
    'recommend.training': ('all', HOT),
    'study.command': (['find_study'], OWN),
    'study.cost': (['Cost.__init__'], VALUES),
    'widgets.runs': (['flat','cell'], HOT),
}

WRONG = { # kind -> values that are refused whatever the bounds
    int: [math.nan, math.inf, 2.5, True, '3', b'1', [], [1], {}, 1j, 10**30, -10**30, object(), print],
    float: [math.nan, math.inf, -math.inf, True, '3', b'1', [], {}, 1j, object(), type],
    bool: [math.nan, 2.5, 'no', '', b'1', [], {}, 3, object()],
    str: [3, 2.5, True, b'1', [], {}, object()],
}
CHECKED = checked(len).__code__ # `patch` gives it another name

def modules():
    "Every module of the package"
    names = [found.name for found in pkgutil.walk_packages(genrec.__path__, 'genrec.')]
    return [importlib.import_module(name) for name in names if not name.rpartition('.')[2].startswith('_')]

def is_checked(f):
    "Whether `checked` stands somewhere around a function"
    while f is not None:
        code = getattr(f, '__code__', None)
        if code and (code.co_filename,code.co_firstlineno)==(CHECKED.co_filename,CHECKED.co_firstlineno):
            return True
        f = getattr(f, '__wrapped__', None)
    return False

def is_value(cls):
    "A dataclass that is no settings: somebody makes it who has all that it holds"
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    missing = dataclasses.MISSING
    whole = all(f.default is not missing or f.default_factory is not missing for f in fields)
    return bool(fields) and not whole and not cls.__name__.endswith('Config')

def methods_of(cls):
    "(name, function) of a class itself, not of those that it inherits from"
    for name,f in vars(cls).items():
        f = getattr(f, '__func__', f)
        public = name in ('__init__','__call__') or not name.startswith('_')
        if public and inspect.isfunction(f) and not (name=='__init__' and is_value(cls)):
            yield f'{cls.__name__}.{name}', f

def public():
    "(module, name, function) of all that there is"
    for module in modules():
        short = module.__name__.removeprefix('genrec.')
        for name in getattr(module, '__all__', ()):
            found = getattr(module, name)
            if getattr(found, '__module__', None)!=module.__name__ or not callable(found):
                continue
            each = methods_of(found) if isinstance(found, type) else [(name, found)]
            yield from ((short, where, f) for where,f in each)

def asked_of(f):
    "name -> (kind, parameter) of the arguments that `checked` looks at"
    parameters = inspect.signature(f).parameters.values()
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    kinds = {p.name: _asked(p.annotation) for p in parameters if p.kind not in several}
    return {p.name: (kinds[p.name][0], p) for p in parameters if kinds.get(p.name)}

def looked_at(f):
    "Names of arguments that a function checks in its own lines"
    try:
        source = inspect.getsource(inspect.unwrap(f))
    except (OSError, TypeError):
        return set()
    return set(re.findall(r"check_\w+\(\s*'(\w+)'", source))

def is_left_out(module, name):
    "Whether a reason is given"
    names = LEFT_OUT.get(module, ((), ''))[0]
    return names=='all' or name in names

def unchecked():
    "module -> names of what does not look at its arguments, left out or not"
    found = {}
    for module,name,f in public():
        if not is_checked(f) and set(asked_of(f))-looked_at(f):
            found.setdefault(module, []).append(name)
    return found

def test_everything_is_checked():
    "Put `@checked` above `def`, or a reason into `LEFT_OUT`"
    new = []
    for module,names in unchecked().items():
        new += [f'{module}.{name}' for name in names if not is_left_out(module, name)]
    equal(new, [])

def test_reasons_are_needed():
    "What is checked by now stands in no list"
    found = unchecked()
    stale = []
    for module,(names,_) in LEFT_OUT.items():
        there = found.get(module, [])
        stale += [f'{module}.{name}' for name in names if name not in there] if names!='all' else []
        stale += [module] if not there else []
    equal(stale, [])

def refusal(f, named):
    "What a function says of wrong arguments; None where it takes them"
    first = list(inspect.signature(f).parameters)[:1]
    me = (None,) if first==['self'] or first==['cls'] else ()
    try:
        f(*me, **named)
    except ValueError as e:
        return str(e)
    except TypeError as e:
        return f'TypeError: {e}'
    return None

def test_wrong_kinds_are_refused_everywhere():
    "Each argument alone, before anything else is looked at"
    bad,n = [],0
    for module,name,f in public():
        if not is_checked(f):
            continue
        for argument,(kind,_) in asked_of(f).items():
            for value in WRONG.get(kind, ()):
                said = refusal(f, {argument: value})
                n += 1
                if said is None or f'`{argument}` is ' not in said:
                    bad.append((module, name, argument, repr(value)[:30], said))
    equal(bad[:10], [])
    assert n>5000, n

"""Every public loader, found by walking the package, is given everything that is no path of what it reads"""
import importlib, inspect, itertools, os, pkgutil, re, tempfile, warnings
from pathlib import Path
import genrec, torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from genrec.codes.index_json import save_index
from genrec.codes.language import QuantitativeLanguage
from genrec.core.checkpoint import save_checkpoint
from genrec.core.record import Run, write_atomic
from genrec.core.store import Store
from genrec.core.train import fit
from genrec.core.values import Histories, Samples, SemanticIds, Split
from genrec.data.download import download
from genrec.data.log import index_log, save_log, save_split
from genrec.data.read import Reader
from genrec.data.sources import save_interactions
from genrec.quantize.base import Hub
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.sasrec import SASRec
from genrec.recommend.tasks import TaskT5

OURS = str(Path(genrec.__file__).parent)
READS = re.compile(r'(load|open|read|whole|file|folder|index|names|allow|block|check|gzip|unpack|parts|find|map|images|'
                   r'from|checksum)(_|$)')
PATHS = ('path', 'folder', 'source', 'archive', 'name_or_path', 'pretrained_model_name_or_path', 'target', 'where')
CLASSES = {Reader: 'path'} # that read when they are made

# arguments beside the path: a value that fits
GIVEN = dict(items=['1', '2'], layout='x', kind='log', key='user', n=3, what='a thing', advice='mend it', name='A',
             ending='.csv', sums=dict(size=0, blocks=[]), encoding='utf-8', parts=[],
             url='https://host/file', index=None, wanted=1.,
             folder=os.path.join(tempfile.gettempdir(), 'nothing-is-unpacked-here'))
DOMAINS = dict(items={'shop': ['1']})

# named like a loader, and reads no file that is named by its argument
NO_LOADERS = {
    'check_mark', 'check_version', 'check_fields', # the path is told in an error, and not opened
    'find_codes', 'check_names', # values, not files
    'load_shops', # see `test_shops`: it wants several folders
    'read_folder', 'table_of', # inside of `load_interactions`, which looks first; they take a `Path`
    'inside', 'folder_name',
    'read_told', 'check_bytes', # inside of `verify_export`
    'read_seal', 'check_output', 'check_room', 'check_year', 'read_ledger', # inside of a road's stages, which make
    'load_codes', 'load_vectors', 'load_weights', # the folders that they read
    'map_array', 'read_names', # inside of `load_log` and `load_split`, after a look at the folder
}

def modules():
    "Every module of the package that can be imported here"
    for found in pkgutil.walk_packages(genrec.__path__, 'genrec.'):
        yield importlib.import_module(found.name)

def first_argument(f):
    "Name of the first argument that must be given, or None"
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return None
    return parameters[0].name if parameters else None

def loaders_of(module):
    "(name, function, name of its path) of a module"
    for name in getattr(module, '__all__', ()):
        value = getattr(module, name)
        if getattr(value, '__module__', None)!=module.__name__:
            continue
        if inspect.isclass(value):
            yield from loaders_of_class(name, value)
        elif callable(value) and READS.match(name) and name not in NO_LOADERS and first_argument(value) in PATHS:
            yield name,value,first_argument(value)

def loaders_of_class(name, cls):
    "What a class reads: when it is made, or by `load`, `load_pairs`, `from_pretrained`"
    if cls in CLASSES:
        yield name,cls,CLASSES[cls]
    for verb in dir(cls):
        method = inspect.getattr_static(cls, verb)
        is_static = isinstance(getattr(cls, verb, None), type(Hub.from_pretrained)) or isinstance(method, classmethod)
        if verb.startswith(('load','from_pretrained')) and is_static and verb not in dir(nn.Module):
            if first_argument(getattr(cls, verb)) in PATHS:
                yield f'{name}.{verb}',getattr(cls, verb),first_argument(getattr(cls, verb))

def all_loaders():
    "name -> (function, name of its path)"
    found = itertools.chain.from_iterable(map(loaders_of, modules()))
    return {name: (f, path) for name,f,path in found}

def others(name, f, path):
    "Values for all arguments that must be given, but the path"
    values = {}
    for p in inspect.signature(f).parameters.values():
        if p.name==path or p.default is not p.empty or p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL):
            continue
        assert p.name in GIVEN, f"{name}: say in GIVEN what fits `{p.name}`, or in NO_LOADERS why it needs none"
        values[p.name] = GIVEN[p.name]
    return dict(values, **DOMAINS) if name.endswith('load_pairs') else values

NO_PATHS = [None, 3, 2.5, b'ratings.csv', True, object(), 1j]
NO_NAMES = ['', 'x'*300, 'folder/'*700, 'a\0b', 'x\0', '\ud800']

def places(d):
    "What is there, and nothing that can be read: name -> path"
    (d/'empty').mkdir()
    (d/'a.csv').write_text('nothing\n')
    (d/'void').write_text('')
    (d/'link').symlink_to(d/'unplugged')
    (d/'ring').symlink_to(d/'ring')
    os.mkfifo(d/'pipe')
    return dict(missing=d/'none.csv', far=d/'no'/'such'/'none.csv', through=d/'a.csv'/'b.csv', link=d/'link',
                beyond=d/'link'/'b.csv', ring=d/'ring', pipe=d/'pipe', empty=d/'empty', file=d/'a.csv', void=d/'void')

RAW = re.compile(r"\[Errno \d+\] (No such file|Permission denied|Is a directory|Not a directory|File name too long)|"
                 r"expected str|object is not|has no attribute|'NoneType'|takes \d|unexpected keyword|embedded null")
REMEDY = re.compile(r'wanted|put |is written|check|pass|give|name |save|mend|write|copy|download|delete|say|shorten|'
                    r'see ', re.I)

def complaint(name, f, path, value):
    "What is wrong with how a loader answers a value; nothing where it is told in our words"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            found = f(**{path: value}, **others(name, f, path))
            if inspect.isgenerator(found):
                list(found)
    except (ValueError, OSError) as e:
        frames = []
        trace = e.__traceback__
        while trace is not None:
            frames.append(trace.tb_frame.f_code.co_filename)
            trace = trace.tb_next
        raw = RAW.search(str(e)) or not REMEDY.search(str(e)) or not frames[-1].startswith(OURS)
        return f'{type(e).__name__}: {e} (from {frames[-1]})' if raw else ''
    except Exception as e:
        return f'{type(e).__name__}: {e}'
    return 'taken'

MAY_TAKE = { # loader -> what it may take
    **dict.fromkeys(('load_runs', 'run_files'), {'missing', 'far', 'empty'}), # there are no runs yet
    **dict.fromkeys(('block_sums', 'checksum', 'file_digest', 'file_pieces', 'whole', 'gzip_is_whole', 'check_blocks',
        'check_end', 'find_file', 'file_sum'), {'file', 'void'}), # any file
    'read_index_file': {'file'}, 'index_items': {'file'}, # one ID a line
    'Reader': {'file'}, 'images_of': {'empty'},
    **dict.fromkeys(('check_beside', 'names_beside', 'find_up'), {'missing', 'far', 'through', 'link', 'beyond',
        'ring', 'pipe', 'empty', 'file', 'void'}), # look whether there is something
}

def test_there_are_loaders():
    "The walk finds those that we know of"
    found = all_loaders()
    known = {'load_interactions', 'load_amazon', 'load_amazon_items', 'load_movielens', 'load_movielens_items',
        'load_recbole', 'load_recbole_items', 'load_recbole_users', 'load_s3rec', 'load_s3rec_items',
        'load_minionerec', 'load_minionerec_items', 'load_lcrec', 'load_lcrec_items', 'load_names', 'load_items',
        'load_catalog', 'open_catalog', 'load_log', 'load_split', 'load_runs', 'load_checkpoint', 'load_sealed',
        'load_index', 'open_index', 'load_corpus', 'load_periods', 'load_target', 'load_transfer', 'Run.load',
        'QuantitativeLanguage.from_pretrained', 'QuantitativeLanguage.load_pairs', 'Translators.from_pretrained',
        'TaskT5.from_pretrained', 'SASRec.from_pretrained', 'RQVAE.from_pretrained', 'VAELatents.load', 'unpack'}
    assert not known-set(found), known-set(found)

def test_no_path_and_no_name():
    "What can be the name of no file"
    bad = []
    for name,(f,path) in all_loaders().items():
        for value in NO_PATHS+NO_NAMES:
            told = complaint(name, f, path, value)
            if told:
                bad.append(f'{name}({value!r:.20}): {told:.200}')
    assert not bad, '\n'.join(bad)

def test_places(tmp_path):
    "A folder where a file is wanted and the reverse, links to nowhere, pipes, empty files"
    there,bad = places(tmp_path),[]
    for name,(f,path) in all_loaders().items():
        for kind,place in there.items():
            for value in (place, str(place)):
                told = complaint(name, f, path, value)
                if told and not (told=='taken' and kind in MAY_TAKE.get(name, ())):
                    bad.append(f'{name}({kind}): {told:.300}')
    assert not bad, '\n'.join(bad)

def denied(d):
    "What may not be read: name -> path"
    (d/'secret.csv').write_text('nothing\n')
    (d/'closed').mkdir()
    (d/'closed'/'a.csv').write_text('nothing\n')
    for path in (d/'secret.csv', d/'closed'):
        path.chmod(0)
    d.chmod(0o755)
    return dict(secret=d/'secret.csv', closed=d/'closed', within=d/'closed'/'a.csv')

def as_nobody(function):
    "What a function gives, as text, in a fork without rights over the files of others"
    ours,theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            if os.getuid()==0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            said = function()
        except BaseException as e:
            said = f'{type(e).__name__}: {e}'
        os.write(theirs, said.encode()[:60_000])
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, 'rb') as f:
        said = f.read().decode()
    os.waitpid(pid, 0)
    return said

def test_without_permission(tmp_path):
    "A file and a folder of somebody else; the error is one of permission, and says what to do about it"
    loaders = all_loaders()
    for name,(f,path) in loaders.items(): # imports what a fork without rights could not
        complaint(name, f, path, tmp_path/'none')
    places_there = denied(tmp_path)
    def tried():
        bad = []
        for name,(f,path) in loaders.items():
            for kind,place in places_there.items():
                told = complaint(name, f, path, place)
                if told and not (told=='taken' and name in ('check_beside', 'names_beside', 'find_up')):
                    bad.append(f'{name}({kind}): {told:.200}')
        return '\n'.join(bad)
    bad = as_nobody(tried)
    for path in (tmp_path/'secret.csv', tmp_path/'closed'):
        path.chmod(0o755)
    assert not bad, bad

# what is written

IDS = SemanticIds(torch.cartesian_prod(torch.arange(3), torch.arange(4)), (3,4))
ROWS = dict(user=['a', 'a', 'b'], item=['1', '2', '1'], rating=[1., 2., 3.], time=[1, 2, 3])

def samples():
    return Samples(torch.arange(3), Histories.of([[0,1], [2], [3,4]]), torch.tensor([2,3,5]))

def language(): return QuantitativeLanguage(tuple(f'shop:{i}' for i in range(12)), dict(text=IDS), mark='m')

def writers():
    "name -> function of a path"
    log,model,words = index_log(ROWS),SASRec(12, 16),language()
    split = Split(train=samples(), valid=samples(), test=samples(), n_items=12, rule='any')
    return {
        'save_log': lambda path: save_log(log, path),
        'save_split': lambda path: save_split(split, path),
        'save_interactions': lambda path: save_interactions(ROWS, path),
        'save_index': lambda path: save_index(IDS, path),
        'save_checkpoint': lambda path: save_checkpoint(path, dict(x=torch.ones(2)), {}),
        'write_atomic': lambda path: write_atomic(path, 'x'),
        'Run.save': lambda path: Run('a', 'b', {}, {}).save(path),
        'SASRec': model.save_pretrained,
        'RQVAE': RQVAE(4, (3,3), (4,), 2).save_pretrained,
        'TaskT5': TaskT5(words, d_model=16, d_ff=16, d_kv=8, n_heads=2, n_layers=1).save_pretrained,
        'language': words.save_pretrained, 'pairs': words.save_pairs,
        'download': lambda path: download('https://host.invalid/file', path),
        'Store': Store,
        'fit': lambda path: fit(SASRec(12, 16), samples(), epochs=1, checkpoint=path),
    }

def test_no_path_to_write_to():
    "The same, where something is to be written; nothing is, and no folder is made"
    bad,before = [],sorted(os.listdir('.'))
    for name,write in writers().items():
        for value in NO_PATHS+NO_NAMES:
            if value is None and name in ('Store', 'fit'): # for none: the usual folder, no checkpoint
                continue
            def f(path): write(path)
            told = complaint(name, f, 'path', value)
            if told:
                bad.append(f'{name}({value!r:.20}): {told:.200}')
    assert not bad, '\n'.join(bad)
    assert sorted(os.listdir('.'))==before

def test_writing_where_nothing_can_be_written(tmp_path):
    "Below a file, in place of a folder, through a link to nowhere"
    there,bad = places(tmp_path),[]
    for name,write in writers().items():
        for place in (there['through'], there['beyond']/'c'):
            def f(path): write(path)
            told = complaint(name, f, 'path', place)
            if told:
                bad.append(f'{name}({place.name}): {told:.200}')
    assert not bad, '\n'.join(bad)

def test_all_models_are_sealed():
    "What can be saved goes through `Hub`, which seals it and looks at the seal"
    values = itertools.chain.from_iterable(vars(module).values() for module in modules())
    classes = [cls for cls in values if inspect.isclass(cls) and cls.__module__.startswith('genrec.')]
    models = {cls for cls in classes if issubclass(cls, PyTorchModelHubMixin)}
    assert len(models)>30 and not [cls for cls in models if not issubclass(cls, Hub)]

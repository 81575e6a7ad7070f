"""Everything that is saved: how it is written, and how it is read as plain values"""
import bz2, gzip, io, json, lzma, zipfile
import ibis, torch
from genrec.codes.index_json import load_index, save_index
from genrec.codes.language import QuantitativeLanguage
from genrec.core.checkpoint import load_checkpoint, save_checkpoint
from genrec.core.record import Run
from genrec.core.store import Store
from genrec.core.values import Log, Split
from genrec.data.catalog import open_catalog, save_catalog
from genrec.data.log import load_log, load_split, save_log, save_split
from genrec.data.toy import toy_shop
from genrec.data.sources import load_interactions, save_interactions
from genrec.quantize.rq import ResidualQuantizer
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.itemknn import ItemKNN
from genrec.recommend.sasrec import SASRec
from .common import content, ids, new_model, rqvae, samples

def plain(x):
    "A value as numbers, texts and lists"
    if isinstance(x, torch.Tensor):
        return [str(x.dtype), list(x.shape), x.double().tolist() if x.is_floating_point() else x.tolist()]
    if isinstance(x, dict):
        return {str(name): plain(value) for name,value in x.items()}
    if isinstance(x, (list, tuple)):
        return [plain(value) for value in x]
    if hasattr(x, '__dataclass_fields__'):
        return {name: plain(getattr(x, name)) for name in x.__dataclass_fields__}
    return x

def a_log(seed):
    g = torch.Generator().manual_seed(seed)
    user = torch.arange(30)//5
    names = tuple(f'u{i}' for i in range(6)),tuple(f'item {i}' for i in range(9))
    return Log(user, torch.randint(9, (30,), generator=g), torch.arange(30)*1000+seed, *names)

def a_run(seed): return Run('tiger', 'toy', dict(lr=.001, dims=[64,seed], words='a b'), {'recall@10': .25+seed/99},
                            ranks=torch.tensor([-1,4,2,-1,seed]))

def a_language(seed):
    every = ids(seed)
    return QuantitativeLanguage(tuple(f'shop:{i}' for i in range(12)), dict(text=every), mark='m')

def rows(path):
    "What a file of interactions holds"
    return load_interactions(path).to_pyarrow().to_pylist()

def table(seed, sep=','):
    lines = [f'u{(i*7+seed)%40}{sep}item-{(i*i+seed)%60}{sep}{1+i%5}{sep}{1_600_000_000+i*97}' for i in range(300)]
    return '\n'.join([f'user{sep}item{sep}rating{sep}timestamp', *lines, '']).encode()

def json_lines(seed):
    return ''.join(json.dumps(dict(reviewerID=f'u{(i*7+seed)%40}', asin=f'B{(i*i)%60:04}', overall=4.0,
                                   unixReviewTime=1_600_000_000+i*97))+'\n' for i in range(300)).encode()

def zipped(data, name):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr(name, data)
    return out.getvalue()

def _catalog(seed): return toy_shop(n_users=20, seed=seed).catalog.select(range(8))

def _quantizer(seed):
    torch.manual_seed(seed)
    return ResidualQuantizer(6, (4,4))

def _rqvae(seed):
    torch.manual_seed(seed)
    return rqvae()

def _split(seed):
    s = samples(seed)
    return Split(s, samples(seed+1), samples(seed+2), 12, 'any')

def _numbers(seed): return torch.arange(50)*seed

def _store(folder, seed): Store(folder).get(_numbers, name='numbers', seed=seed)

def _from_store(folder, seed=1):
    "A damaged result is made again"
    return plain(Store(folder).get(_numbers, name='numbers', seed=seed))

def _table(seed):
    n = range(60)
    return ibis.memtable(dict(user=[f'u{i%9}' for i in n], item=[f'i{(i*i+seed)%17}' for i in n],
                              rating=[float(i%5) for i in n], time=[1000+i for i in n]))

SAVED = { # kind -> (write(folder, seed), read(folder))
    'run': (lambda d, s: a_run(s).save(d), lambda d: plain(Run.load(next(d.glob('*/*/*.json'))))),
    'checkpoint': (lambda d, s: save_checkpoint(d/'c.safetensors', dict(w=content(s).x, n=torch.tensor(s)),
                                                dict(step=s, words='any')),
                   lambda d: plain(load_checkpoint(d/'c.safetensors'))),
    'log': (lambda d, s: save_log(a_log(s), d/'log'), lambda d: plain(load_log(d/'log', check=True))),
    'split': (lambda d, s: save_split(_split(s), d/'split'), lambda d: plain(load_split(d/'split', check=True))),
    'quantizer': (lambda d, s: _quantizer(s).save_pretrained(d/'q'),
                  lambda d: plain(ResidualQuantizer.from_pretrained(d/'q').state_dict())),
    'RQ-VAE': (lambda d, s: _rqvae(s).save_pretrained(d/'q'),
               lambda d: plain(RQVAE.from_pretrained(d/'q').state_dict())),
    'recommender': (lambda d, s: new_model('SASRec', s).save_pretrained(d/'m'),
                    lambda d: plain(SASRec.from_pretrained(d/'m').state_dict())),
    'ItemKNN': (lambda d, s: ItemKNN(12, k=3).fit(samples(s)).save_pretrained(d/'m'),
                lambda d: plain(ItemKNN.from_pretrained(d/'m').state_dict())),
    'language': (lambda d, s: a_language(s).save_pretrained(d/'l'),
                 lambda d: plain(QuantitativeLanguage.from_pretrained(d/'l'))),
    'index of words': (lambda d, s: save_index(ids(s), d/'a.index.json'),
                       lambda d: plain(load_index(d/'a.index.json'))),
    'index of numbers': (lambda d, s: save_index(ids(s), d/'a.index.json', layout='numbers'),
                         lambda d: plain(load_index(d/'a.index.json'))),
    'catalogue': (lambda d, s: save_catalog(_catalog(s), d/'shop.arrow'),
                  lambda d: plain(open_catalog(d/'shop.arrow')[:])),
    'store': (_store, _from_store),
    'interactions.parquet': (lambda d, s: save_interactions(_table(s), d/'t.parquet'), lambda d: rows(d/'t.parquet')),
}

PACKED = { # kind -> (bytes of a file, name)
    'csv.gz': (lambda s: gzip.compress(table(s), mtime=0), 't.csv.gz'),
    'json.gz': (lambda s: gzip.compress(json_lines(s), mtime=0), 't.json.gz'),
    'csv.bz2': (lambda s: bz2.compress(table(s)), 't.csv.bz2'),
    'csv.xz': (lambda s: lzma.compress(table(s)), 't.csv.xz'),
    'zip': (lambda s: zipped(table(s), 't.csv'), 't.zip'),
}
for _kind,(_bytes,_name) in PACKED.items():
    SAVED[_kind] = (lambda d, s, b=_bytes, name=_name: (d/name).write_bytes(b(s)), lambda d, name=_name: rows(d/name))

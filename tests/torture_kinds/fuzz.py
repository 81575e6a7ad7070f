"""Odd arguments and odd files: taken, or refused in words of our own, and soon"""
import json, warnings
from genrec.analyse.index import audit_index
from genrec.analyse.near import neighbours
from genrec.codes.collide import append_rank
from genrec.codes.index_json import open_index
from genrec.core.checkpoint import load_checkpoint
from genrec.core.record import Run
from genrec.core.values import Histories, SemanticIds
from genrec.data.sources import load_interactions
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.causal import CausalRecommender
from genrec.recommend.gru4rec import GRU4Rec
from genrec.recommend.itemknn import ItemKNN
from genrec.recommend.markov import Markov
from genrec.recommend.popular import Popular
from genrec.recommend.sasrec import SASRec
from genrec.recommend.t5 import T5Recommender
from .common import (MODELS, N, T5, Broken, Process, content, ids, is_ours, last_frames, new_model, samples, short,
                     train)

ODD = [-3, -1, 0, 1, 2, 7, .5, -.5, 1.5, 1e308, float('inf'), float('-inf'), float('nan'), True, None, '', 'no', '3',
       b'x', [], [1], (1,2,3), {}, 10**30, object, 1j]
FIT = ('epochs','batch_size','micro_batch','micro_cells','lr','weight_decay','betas','clip','optimizer','warmup',
       'schedule','metric','every','patience','precision','save_every','drop_last')
ARGUMENTS = {
    'SASRec': ('dim','n_layers','n_heads','d_ff','dropout','max_history'),
    'GRU4Rec': ('dim','hidden','n_layers'),
    'CausalRecommender': ('dim','d_ff','dropout','max_history','n_layers','n_heads'),
    'T5Recommender': ('d_model','d_ff','d_kv','n_heads','n_layers','dropout','max_history'),
    'RQVAE': ('dim','sizes','hidden','code_dim','commitment_weight','quantizer_weight','sinkhorn_eps','sinkhorn_iters'),
}

def _fit(name, value):
    train('SASRec', new_model('SASRec'), **dict(dict(epochs=1), **{name: value}))

def _make(kind, name, value):
    makers = dict(SASRec=lambda **how: SASRec(N, **how), GRU4Rec=lambda **how: GRU4Rec(N, **how),
                  CausalRecommender=lambda **how: CausalRecommender(ids(), **how),
                  T5Recommender=lambda **how: T5Recommender(ids(), **dict(T5, **how)),
                  RQVAE=lambda **how: RQVAE(**dict(dict(dim=6, sizes=(4,4), hidden=(8,), code_dim=4), **how)))
    train(kind, makers[kind](**{name: value}), epochs=1)

def _call(name, value):
    "Odd values for what the verbs take"
    calls = {
        'recommend k': lambda: Popular(N).fit(samples()).recommend([[1,2]], k=value),
        'recommend histories': lambda: Popular(N).fit(samples()).recommend(value),
        'Histories.of': lambda: Histories.of(value),
        'Histories.of rows': lambda: Histories.of([[value]]),
        'SemanticIds codes': lambda: SemanticIds(value, (3,4)),
        'SemanticIds sizes': lambda: SemanticIds(ids().codes, value),
        'append_rank': lambda: append_rank(ids(), value),
        'audit_index': lambda: audit_index(value),
        'audit_index k': lambda: audit_index(ids(), embeddings=content(), k=value),
        'neighbours k': lambda: neighbours(content(), value),
        'ItemKNN k': lambda: ItemKNN(N, value).fit(samples()),
        'Markov order': lambda: Markov(N, value).fit(samples()),
    }
    if name is None:
        return list(calls)
    calls[name]()

def _files(kind, data, name, folder):
    "Read bytes as some kind of file"
    path = folder/name
    path.write_bytes(data)
    read = dict(interactions=lambda: load_interactions(path).to_pyarrow(), run=lambda: Run.load(path),
                index=lambda: open_index(path), checkpoint=lambda: load_checkpoint(path))
    read[kind]()

def _tried(function, *args):
    warnings.simplefilter('ignore')
    try:
        function(*args)
    except Exception as error:
        if is_ours(error):
            return str(error) and ''
        return f'raw {type(error).__name__}: {short(str(error))} ({last_frames(error)})'
    return ''

ODD_JSON = [[], {}, 1, 'x', None, [[]], [1, 'a'], {'a': None}, {'a': {}}, [[[[]]]], {'a': [1e99]}, {'a': [-1]},
            {'a': ['<a_1>']}, {'a': [0, 1], 'b': [0]}, dict(system=1, data=2, config=3, metrics=4),
            dict(system='a', data='b', config={}, metrics={}, more=1)]
INTERACTIONS = ('t.csv','t.tsv','t.json','t.jsonl','t.csv.gz','t.parquet','t.inter','t.dat')

def _odd_bytes(rng):
    "Bytes of a file that nobody meant"
    from .saved import json_lines, table
    how = rng.randrange(7)
    data = bytearray(rng.choice((table(1), table(1, '\t'), json_lines(1), b'{"a": [1,2], "b": [0,1]}')))
    if how==0:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(400)))
    if how==1:
        at = rng.randrange(len(data))
        return bytes(data[:at])+bytes(rng.randrange(256) for _ in range(rng.randint(1, 30)))+bytes(data[at:])
    if how==2:
        return bytes(data[:rng.randrange(len(data))])
    if how==3:
        return bytes(data).replace(b',', rng.choice((b';', b'\x00', b'"', b',,', b'\r', b'\xff')))
    if how==4:
        return json.dumps(rng.choice(ODD_JSON)).encode()
    if how==5:
        return rng.choice((b'\xef\xbb\xbf', b'\xff\xfe', b'\xfe\xff', b'\x1f\x8b', b'PK\x03\x04', b'BZh9'))+bytes(data)
    return b'['*rng.choice((10, 5000))+bytes(data)

def case(rng, folder):
    what = rng.choice(('fit','make','call','file','file'))
    value = rng.choice(ODD)
    if what=='fit':
        name = rng.choice(FIT)
        job,said = (_fit, name, value),f'fit({name}={value!r})'
    elif what=='make':
        kind = rng.choice(list(ARGUMENTS))
        name = rng.choice(ARGUMENTS[kind])
        job,said = (_make, kind, name, value),f'{kind}({name}={value!r})'
    elif what=='call':
        name = rng.choice(_call(None, None))
        job,said = (_call, name, value),f'{name} of {value!r}'
    else:
        kind,data = rng.choice(('interactions','run','index','checkpoint')),_odd_bytes(rng)
        names = dict(interactions=INTERACTIONS, run=('r.json',), index=('a.index.json','a.json','a.csv'),
                     checkpoint=('c.safetensors',))
        name = rng.choice(names[kind])
        job,said = (_files, kind, data, name, folder),f'{kind} {name} of {data[:50]!r}'
    end,value = Process(_tried, *job).wait(30)
    if end!='gave': raise Broken(f"{said}: {end} {value[3] if end=='raised' else value}")
    if value: raise Broken(f'{said}: {value}')
    return said

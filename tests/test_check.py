"""Odd values for arguments everywhere: taken with a sensible result, or refused with a word of ours that names them"""
import inspect, math, re, time
from functools import partial
import numpy as np
import torch
from fastcore.test import test_eq as equal, expect_fail
from genrec.codes.trie import CodeTrie
from genrec.codes.vocab import CodeVocab
from genrec.core.fit_config import FitConfig
from genrec.data.filter import clip_history, k_core, sample_users
from genrec.data.log import index_log
from genrec.data.split import by_user, leave_one_out
from genrec.data.ties import shuffle_ties
from genrec.data.toy import toy_shop
from genrec.core.train import fit
from genrec.core.values import Histories, Samples, SemanticIds, set_seed
from genrec.quantize.kmeans import kmeans
from genrec.quantize.lsh import LSH
from genrec.quantize.pq import ProductQuantizer
from genrec.quantize.rq import ResidualQuantizer
from genrec.quantize.rqvae import RQVAE
from genrec.quantize.simvq import SimVQ
from genrec.quantize.vq import VectorQuantizer
from genrec.recommend.bert4rec import BERT4Rec
from genrec.recommend.causal import CausalConfig
from genrec.recommend.fmlp import FMLPRec
from genrec.recommend.gru4rec import GRU4Rec
from genrec.recommend.itemknn import ItemKNN
from genrec.recommend.markov import Markov
from genrec.recommend.popular import Popular
from genrec.recommend.sasrec import SASRec
from genrec.recommend.t5 import T5Config
from genrec.systems.bbqrec import BBQRecConfig, MultiQuantizerConfig
from genrec.systems.letter import LetterConfig, LetterTokenizerConfig, RankingT5Config, SASRecConfig
from genrec.systems.mql4grec import MQL4GRecConfig, TaskT5Config
from genrec.systems.tiger import RQVAEConfig, TigerConfig
from genrec.systems.utg_parts import UTGRecConfig

ODD = [math.nan, math.inf, -math.inf, -1, -3, 2.5, -.5, True, '3', 'x', '', b'1', None, [], [1], {}, (2,), 1e300,
    10**30, -10**30, 1j, np.nan, np.float64(1.5), np.int64(-4), torch.tensor(2.), torch.ones(3), object(), print, type]
EMB = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
SIDS = SemanticIds(torch.cartesian_prod(torch.arange(3), torch.arange(4)), (3,4))
HISTORIES = Histories.of([[0,1,2], [3,4], [5]])

CONFIGS = [FitConfig, T5Config, CausalConfig, RQVAEConfig, TigerConfig, LetterConfig, LetterTokenizerConfig,
    SASRecConfig, RankingT5Config, MQL4GRecConfig, TaskT5Config, BBQRecConfig, MultiQuantizerConfig, UTGRecConfig]
PARTS = [(RQVAE, (4,)), (ResidualQuantizer, (4,)), (VectorQuantizer, (4,)), (ProductQuantizer, (4,)), (SimVQ, (4,)),
    (LSH, (4,)), (SASRec, (12,)), (GRU4Rec, (12,)), (BERT4Rec, (12,)), (FMLPRec, (12,)), (Popular, (12,)),
    (ItemKNN, (12,)), (Markov, (12,)), (CodeVocab, ((3,4),))]

def numbers_of(f, leave=0):
    "Names and annotations of the arguments that are numbers, without the first `leave`"
    parameters = list(inspect.signature(f).parameters.values())[leave:]
    return {p.name: p.annotation for p in parameters if p.annotation in (int, float, bool)}

def tried(call, name, value):
    "Whether a value was taken; refused in any other words than ours is an error"
    try:
        call(**{name: value})
    except (ValueError, TypeError) as e:
        named = re.search(rf'`{name}(\[\d+\])?[`=]', str(e)) is not None
        assert named, f'{call} {name}={value!r:.40}: {type(e).__name__}: {e}'
        return False
    return True

def test_settings():
    "Every number of every configuration"
    for cls in CONFIGS:
        for name,kind in numbers_of(cls).items():
            taken = [value for value in ODD if tried(cls, name, value)]
            wrong = [v for v in taken if kind is not bool and isinstance(v, (bool, str, list, dict, torch.Tensor))]
            equal(wrong, [])
            assert not any(isinstance(v, float) and not math.isfinite(v) for v in taken), (cls, name, taken)
            assert kind is not int or 2.5 not in taken, (cls, name)

def test_constructors():
    "Quantizers and recommenders"
    for cls,args in PARTS:
        for name,kind in numbers_of(cls, len(args)).items():
            def made(**kw): return cls(*args, **kw)
            taken = [value for value in ODD if tried(made, name, value)]
            assert kind is not int or 2.5 not in taken, (cls, name)
            assert not any(isinstance(v, str) for v in taken), (cls, name)

def test_first_arguments():
    "The width of the vectors, the number of items"
    for cls,args in PARTS[:-1]:
        name = list(inspect.signature(cls).parameters)[0]
        taken = [value for value in ODD if tried(cls, name, value)]
        equal(taken, [])

def test_calls():
    "Functions and methods that take k, a width, a seed or a number of rounds"
    popular = Popular(12).fit(Samples(torch.arange(3), HISTORIES, torch.tensor([1,2,3])))
    q = ResidualQuantizer(4, (4,4))
    calls = [(popular.recommend, (HISTORIES,), 'k'), (kmeans, (EMB, 3), 'n_iter'), (kmeans, (EMB, 3), 'seed'),
        (kmeans, (EMB,), 'K'), (q.fit_kmeans, (EMB,), 'seed'), (set_seed, (), 'seed'), (HISTORIES.last, (), 'n'),
        (q.encode, (EMB,), 'width')]
    for f,args,name in calls:
        def call(**kw): return f(*args, **kw)
        for value in ODD:
            if tried(call, name, value):
                assert not isinstance(value, (str, bool, torch.Tensor)), (f, name, value)

ROWS = dict(user=list('aaabbbccc'), item=list('xyzxyzxyz'), rating=[1.]*9, time=list(range(9)))

def test_data():
    "Filters, splits, made-up shops: None is refused where nothing says that there may be none"
    log = index_log(ROWS)
    calls = [(k_core, (ROWS,), 'k'), (clip_history, (ROWS,), 'n'), (sample_users, (ROWS,), 'n'),
        (partial(sample_users, n=2), (ROWS,), 'seed'), (leave_one_out, (log,), 'max_history'),
        (by_user, (log,), 'seed'), (by_user, (log,), 'share'), (by_user, (log,), 'max_history'),
        (shuffle_ties, (log,), 'seed'), (partial(toy_shop, images=False), (), 'n_users'),
        (partial(toy_shop, n_users=8, images=False), (), 'seed')]
    for f,args,name in calls:
        def call(**kw): return f(*args, **kw)
        taken = [value for value in ODD if tried(call, name, value)]
        wrong = [v for v in taken if isinstance(v, (str, bytes, bool, list, dict, tuple, torch.Tensor))]
        equal([f, name, wrong], [f, name, []])
        assert not any(v is None for v in taken) or name=='max_history', (f, name)

def test_none_is_refused_everywhere():
    "Arguments with an annotation and a default that is not None, whether `BOUNDS` knows them or not"
    for cls,args in PARTS:
        for p in list(inspect.signature(cls).parameters.values())[len(args):]:
            if p.annotation in (int, float, bool, str) and p.default is not None:
                with expect_fail(ValueError, contains=f'`{p.name}`'): cls(*args, **{p.name: None})

def test_sizes():
    "Codebook sizes"
    odd = [value for value in ODD if type(value) not in (tuple, list) or not value]
    for value in odd+[(0,4), (2.5,4), ('4',), (True,4), (math.nan,), (-1,), (10**30,), ()]:
        for call in (ResidualQuantizer, RQVAE):
            with expect_fail(ValueError, contains='`sizes'): call(4, sizes=value)
        with expect_fail(ValueError, contains='`sizes'): SemanticIds(torch.zeros(2, 3, dtype=torch.int64), value)

def test_what_used_to_hang_is_refused():
    "Rounds without end"
    start = time.process_time()
    for call,how in ((partial(kmeans, EMB, 3), dict(n_iter=10**12)), (FitConfig, dict(epochs=10**15)),
        (partial(SASRec, 12), dict(dim=10**12)), (popular_k, dict(k=10**12))):
        with expect_fail(ValueError, contains='at most'): call(**how)
    assert time.process_time()-start<5

def popular_k(k):
    popular = Popular(12).fit(Samples(torch.arange(3), HISTORIES, torch.tensor([1,2,3])))
    return popular.recommend(HISTORIES, k=k)

def test_fit_refuses_before_it_trains():
    q = RQVAE(4, sizes=(4,), hidden=(4,), code_dim=2)
    before = {name: value.clone() for name,value in q.state_dict().items()}
    wrong = [('lr', math.inf), ('weight_decay', math.nan), ('epochs', -3), ('every', 0), ('seed', 2.5), ('seed', '1'),
        ('batch_size', 2.5), ('drop_last', 'no'), ('betas', .9), ('betas', (.9,math.nan)), ('clip', -1),
        ('warmup', math.nan)]
    for name,value in wrong:
        with expect_fail(ValueError, contains=f'`{name}'): fit(q, EMB, **{name: value})
    equal([name for name,value in q.state_dict().items() if not torch.equal(value, before[name])], [])

def test_fractions_are_not_cut():
    "Items and codes"
    with expect_fail(ValueError, contains='got 0.9 in row 0, place 0'): Histories.of([[.9, 1.9]])
    with expect_fail(ValueError, contains='got 1.5 in row 1, place 0'): Histories.of(np.array([[1.], [1.5]]))
    equal(Histories.of([[1., 2]]).tolist(), [[1,2]])
    for name in ('user', 'target'):
        parts = dict(user=torch.arange(3), history=HISTORIES, target=torch.arange(3))
        with expect_fail(ValueError, contains=f'`{name}` must be an int64'): Samples(**parts|{name: torch.ones(3)})
    with expect_fail(ValueError, contains='`codes`'): SemanticIds(torch.ones(3, 2), (3,4))
    with expect_fail(ValueError, contains='got 0.5 at 1'): CodeTrie(SIDS).subset(torch.tensor([0., .5]))

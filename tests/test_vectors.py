"""Vectors of every type that people hold go through every quantizer, and float32 stays to the bit"""
import importlib, inspect, pkgutil
import numpy as np
import torch
from torch import nn
from fastcore.test import expect_fail, test_eq as same
import genrec.quantize
from genrec.core.train import fit
from genrec.core.values import Embeddings, set_seed
from genrec.quantize.base import quality, to_sids
from genrec.quantize.fsq import FSQ, FSQVAE
from genrec.quantize.letter import LetterTokenizer
from genrec.quantize.lsh import LSH
from genrec.quantize.multi import MultiQuantizer
from genrec.quantize.parallel import ParallelQuantizer
from genrec.quantize.pq import ProductQuantizer
from genrec.quantize.rq import ResidualQuantizer
from genrec.quantize.rqnorm import NormalisedResidualQuantizer
from genrec.quantize.rqvae import RQVAE
from genrec.quantize.simvq import SimVAE, SimVQ
from genrec.quantize.tree import TreeQuantizer, TreeVAE
from genrec.quantize.vq import Autoencoder, VectorQuantizer, VQVAE

DIM = 12
SMALL = dict(n_clusters=2, cluster_sizes=(2,6))

def letter(): return LetterTokenizer(DIM, (8,8), (16,), 6, **SMALL)

# class -> ways to make one that is small; every quantizer of the package is here, see `test_every_quantizer_is_here`
MAKERS = {
    ResidualQuantizer: (
        lambda: ResidualQuantizer(DIM, (8,8)),
        lambda: ResidualQuantizer(DIM, (8,8), ema_decay=.9, revive_below=.1),
        lambda: ResidualQuantizer(DIM, (8,8), rotate=True, sinkhorn_levels=(-1,)),
    ),
    NormalisedResidualQuantizer: (lambda: NormalisedResidualQuantizer(DIM, (8,8)),),
    RQVAE: (lambda: RQVAE(DIM, (8,8), (16,), 6),),
    VectorQuantizer: (lambda: VectorQuantizer(DIM, 8), lambda: VectorQuantizer(DIM, 8, revive_below=.1, rotate=True)),
    VQVAE: (lambda: VQVAE(DIM, 8, (16,), 6),),
    Autoencoder: (lambda: Autoencoder(DIM, VectorQuantizer(6, 8), (16,)),),
    ProductQuantizer: (lambda: ProductQuantizer(DIM, (8,8)), lambda: ProductQuantizer(DIM, (8,8), rotation=False)),
    SimVQ: (lambda: SimVQ(DIM, (8,8)), lambda: SimVQ(DIM, (8,8), bias=False)),
    SimVAE: (lambda: SimVAE(DIM, (8,8), (16,), 6),),
    FSQ: (lambda: FSQ((5,)*DIM),),
    FSQVAE: (lambda: FSQVAE(DIM, ((5,4),)*2, (16,)),),
    LSH: (lambda: LSH(DIM, 2, 3), lambda: LSH(DIM, 2, 3, center=True)),
    TreeQuantizer: (lambda: TreeQuantizer(4, 3, 8, 8),),
    TreeVAE: (lambda: TreeVAE(DIM, 3, 8, 8, hidden=(16,), code_dim=4),),
    ParallelQuantizer: (lambda: ParallelQuantizer(DIM, 3, (8,8)), lambda: ParallelQuantizer(DIM, 3, (8,8), False)),
    LetterTokenizer: (letter,),
}
APART = {'MultiQuantizer', 'UTGTokenizer'} # they read several modalities, or states: below, or no vectors at all

# what people hold -> from a float32 tensor; all hold numbers of 8 bits exactly, so that all must give the same codes
HELD = {
    'float32': lambda x: x,
    'float64': lambda x: x.double(),
    'float16': lambda x: x.half(),
    'bfloat16': lambda x: x.bfloat16(),
    'numpy float64': lambda x: x.double().numpy(),
    'numpy float32': lambda x: x.numpy(),
    'numpy float16': lambda x: x.half().numpy(),
    'big-endian': lambda x: x.numpy().astype('>f8'),
    'read-only': lambda x: np.frombuffer(x.numpy().tobytes(), dtype=np.float32).reshape(x.shape),
    'Embeddings': lambda x: Embeddings(x.double().numpy()),
}

def vectors(n=120, width=DIM):
    "Numbers that float16 and bfloat16 hold exactly"
    return torch.randn(n, width, generator=torch.Generator().manual_seed(0)).bfloat16().float()

def start(q, x):
    "Whatever a quantizer calls its start"
    begin = getattr(q, 'start', None) or getattr(q, 'fit_kmeans', None) or q.fit
    begin(x)

def learns(q):
    "Whether gradients teach it something from vectors alone"
    followed = isinstance(q, ResidualQuantizer) or getattr(q, 'ema_decay', None) is not None
    return hasattr(q, 'loss') and not followed

def trained(make, x):
    "Started, trained for a step, and asked for codes"
    set_seed(0)
    q = make()
    start(q, x)
    if learns(q):
        data = x
        if isinstance(q, LetterTokenizer):
            data = q.training_data(x, vectors(width=6).double().numpy())
        fit(q, data, epochs=1, batch_size=60)
    q.eval()
    sids,out = to_sids(q, x),q(x)
    same(sids.codes, out.codes)
    same(q.encode(x), out.codes)
    assert out.x.isfinite().all() and out.loss.isfinite()
    assert quality(q, x)['reconstruction']>=0
    return [*q.state_dict().values(), sids.codes, out.x.float(), out.loss.float()]

def test_every_quantizer_is_here():
    "A quantizer is a module that encodes and decodes: a new one has to join the table"
    found = set()
    for info in pkgutil.iter_modules(genrec.quantize.__path__):
        module = importlib.import_module(f'genrec.quantize.{info.name}')
        for name,cls in inspect.getmembers(module, inspect.isclass):
            own = cls.__module__==module.__name__ and issubclass(cls, nn.Module)
            if own and hasattr(cls, 'encode'):
                found.add(name)
    same(found-APART, {cls.__name__ for cls in MAKERS})

def test_every_type_through_every_quantizer():
    "All types that hold the same numbers give the same weights, codes and vectors, to the bit"
    x = vectors()
    for cls,makers in MAKERS.items():
        for i,make in enumerate(makers):
            wanted = trained(make, x)
            for name,held in HELD.items():
                got = trained(make, held(x))
                for a,b in zip(got, wanted):
                    assert torch.equal(a, b), f'{cls.__name__} {i}: {name} gave something else than float32'

def test_whole_numbers():
    "Counts are vectors, too"
    x = torch.randint(0, 9, (120, DIM), generator=torch.Generator().manual_seed(0))
    for make in (MAKERS[RQVAE][0], MAKERS[ProductQuantizer][0], MAKERS[LSH][0]):
        for a,b in zip(trained(make, x.numpy()), trained(make, x.float())):
            assert torch.equal(a, b)

def test_inside_an_encoder():
    "In training, float64 states pass gradients back in float64"
    for makers in MAKERS.values():
        q = makers[0]()
        x = vectors()
        start(q, x)
        states = x.double().requires_grad_()
        out = q.train()(states)
        if out.x.requires_grad:
            out.x.float().sum().backward()
            same(states.grad.dtype, torch.float64)

def test_what_is_no_vector():
    "Not finite: the row is named. One vector alone, or of another width: said"
    x = vectors()
    for makers in MAKERS.values():
        q = makers[0]()
        start(q, x)
        for bad in (np.nan, np.inf):
            broken = x.double().numpy().copy()
            broken[[7,9],3] = bad
            with expect_fail(ValueError, contains='rows [7, 9]'): q.encode(broken)
            with expect_fail(ValueError, contains='rows [7, 9]'): start(makers[0](), torch.from_numpy(broken))
        with expect_fail(ValueError, contains='one vector alone is `x[None]`'): q.encode(x[0].numpy())
        same(q.encode(x[0].numpy()[None]).shape[0], 1) # the remedy
        with expect_fail(ValueError, contains='width 12, got 5'): q.encode(np.zeros((4,5)))
        with expect_fail(ValueError, contains='TfidfEncoder'): q.encode(['a','b'])

def test_too_large_for_float32():
    "What float32 cannot hold is named, and not made infinite in silence"
    large = np.full((9,DIM), 1e40)
    for q in (ResidualQuantizer(DIM, (8,8)), RQVAE(DIM, (8,8), (16,), 6)):
        with expect_fail(ValueError, contains='more than 3e38'): q.fit_kmeans(large)
    with expect_fail(ValueError, contains='or beyond 3e38'): Embeddings(large)

def test_several_modalities():
    "A dict of arrays of any type is a dict of `Embeddings`"
    x,y = vectors(),vectors(width=6)
    found = []
    for held in HELD.values():
        set_seed(0)
        q = MultiQuantizer(dict(text=DIM, image=6), 0, (8,8), 6, hidden=(16,))
        embs = dict(text=held(x), image=held(y))
        q.fit_kmeans(embs)
        fit(q, q.items(embs), epochs=1, batch_size=60)
        found.append([*q.state_dict().values(), q.sids(embs).codes])
    for other in found[1:]:
        assert all(map(torch.equal, other, found[0]))

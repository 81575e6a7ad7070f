"""A checkpoint belongs to one training: every other one is refused, and a model that was stopped comes out the same"""
import random, time
from functools import partial
from pathlib import Path
import numpy as np
import torch
from torch import nn
from fastcore.test import test_eq as equal, expect_fail
from genrec.core import train
from genrec.core.checkpoint import allow_change, load_checkpoint, save_checkpoint
from genrec.core.describe import array_words
from genrec.core.optim import constant, muon
from genrec.core.train import fit
from genrec.core.values import Histories, Samples, SemanticIds, set_seed
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.sasrec import SASRec
from genrec.recommend.t5 import T5Recommender

N = 12
CODES = SemanticIds(torch.cartesian_prod(torch.arange(3), torch.arange(4)), (3,4))
ROWS = torch.tensor([[i%N, (3*i+1)%N, (i+5)%N] for i in range(20)])
VECTORS = torch.randn(300, 8, generator=torch.Generator().manual_seed(0))

def samples(rows):
    "One sample of each row of items: the last one comes next"
    return Samples(torch.arange(len(rows)), Histories.of(rows[:,:2].tolist()), rows[:,2].contiguous())

def t5(**kw):
    set_seed(0)
    return T5Recommender(CODES, **dict(d_model=16, d_ff=16, d_kv=8, n_heads=2, n_layers=1)|kw)

def rqvae(**kw):
    set_seed(0)
    return RQVAE(8, **dict(sizes=(4,4), hidden=(8,), code_dim=4)|kw)

def nudge(by):
    "A function for `on_epoch` that changes weights"
    def hook(model, epoch): return next(model.parameters()).data.add_(by)
    return hook

def look(model): return {'ndcg@10': next(model.parameters()).sum().item(), 'loss': 0.}

class Stop:
    "Stops a training at some batch"
    def __init__(self, at):
        self.left,self.take = at,train.take

    def __call__(self, data, rows):
        self.left -= 1
        if not self.left: raise KeyboardInterrupt
        return self.take(data, rows)

    def __enter__(self):
        train.take = self

    def __exit__(self, *_):
        train.take = self.take

def stopped(at, model, *args, **kw):
    with Stop(at):
        with expect_fail(KeyboardInterrupt): fit(model, *args, **kw)
    return model

T5_KINDS = [(dict(dropout=.6), 'model.cfg.dropout 0.1 there, 0.6 here'), (dict(cut=.5), 'model.cut'),
    (dict(end_token=False), 'model.cfg.end_token True there, False here'), (dict(init=.5), 'model.cfg.init'),
    (dict(label_smoothing=.1), 'model.label_smoothing'), (dict(max_history=1, recency=False), 'model.max_history'),
    (dict(legal=True), 'model.legal'), (dict(tie=False), 'model.cfg.tie'), (dict(shared=True), 'model.cfg.shared'),
    (dict(n_heads=1, d_kv=16), 'model.cfg.n_heads'), (dict(n_layers=2), 'model.cfg.n_layers')]
RQVAE_KINDS = [(dict(commitment_weight=.5), 'commitment_weight 0.25 there, 0.5 here'),
    (dict(quantizer_weight=2.), 'model.quantizer_weight'), (dict(rotate=True), 'rotate False there, True here'),
    (dict(straight_residual=True), 'straight_residual'), (dict(sinkhorn_levels=(-1,)), 'sinkhorn_levels'),
    (dict(sinkhorn_levels=(), sinkhorn_eps=.01), 'sinkhorn_eps'), (dict(xavier=True), 'starting weights'),
    (dict(sinkhorn_iters=3), 'sinkhorn_iters'), (dict(revive_below=.1), 'revive_below None there, 0.1 here')]
FIT_KINDS = [(dict(drop_last=True), 'drop_last False there, True here'), (dict(on_epoch=nudge(.2)), 'on_epoch.by 0.1'),
    (dict(on_epoch=None), 'on_epoch'), (dict(epochs=3), 'epochs 2 there, 3 here'), (dict(lr=.1), 'lr'),
    (dict(batch_size=7), 'batch_size'), (dict(seed=1), 'seed 0 there, 1 here'), (dict(patience=1), 'patience'),
    (dict(every=2), 'every'), (dict(metric='-loss'), 'metric'), (dict(warmup=.2), 'warmup'),
    (dict(schedule=constant), "schedule 'cosine' there, 'constant' here"), (dict(optimizer=muon), 'optimizer'),
    (dict(precision='bf16'), 'precision'), (dict(clip=0.), 'clip'), (dict(weight_decay=.1), 'weight_decay'),
    (dict(betas=(.9,.99)), 'betas [0.9, 0.999] there, [0.9, 0.99] here'), (dict(micro_batch=3), 'micro_batch'),
    (dict(evaluate=None), 'evaluate'), (dict(optimizer=partial(muon)), 'optimizer')]
HOW = dict(epochs=2, batch_size=8, on_epoch=nudge(.1), evaluate=look)

def other_rows():
    "Data that most looks at sixty numbers would take for the same"
    rows,one = ROWS.clone(),ROWS.clone()
    rows[1:] = (rows[1:]+1)%N
    one[7,2] = (one[7,2]+1)%N
    return [samples(rows), samples(one), samples(ROWS.flip(0)), samples(ROWS[:-1])]

def other_vectors():
    most,one = VECTORS+1,VECTORS.clone()
    step = max(1, VECTORS.numel()//61)
    most.view(-1)[::step] = VECTORS.view(-1)[::step]
    one[123,4] += 1e-6
    return [most, VECTORS*1.005, one, VECTORS.flip(0), VECTORS.double()]

def refuse_all(path, make, data, *, others, kinds):
    "Try every other training on a file"
    before = Path(path).read_bytes()
    def refused(said, model, data, **kw):
        with expect_fail(ValueError, contains=said): fit(model, data, checkpoint=path, **HOW|kw)
        with expect_fail(ValueError, contains='belongs to a training with other settings, data or model'):
            fit(model, data, checkpoint=path, **HOW|kw)

    for change,said in kinds:
        refused(said, make(**change), data)
    for change,said in FIT_KINDS:
        refused(said, make(), data, **change)
    for other in others:
        refused('data', make(), other)
    equal(Path(path).read_bytes(), before)

def test_other_trainings_are_refused(tmp_path):
    "T5 and RQ-VAE; a finished file and one that was stopped"
    tried = ((t5, samples(ROWS), other_rows(), T5_KINDS), (rqvae, VECTORS, other_vectors(), RQVAE_KINDS))
    for make,data,others,kinds in tried:
        done,half = tmp_path/f'{make.__name__}-done',tmp_path/f'{make.__name__}-half'
        fit(make(), data, checkpoint=done, **HOW)
        stopped(2, make(), data, checkpoint=half, **HOW)
        for path in (done, half):
            refuse_all(path, make, data, others=others, kinds=kinds)
        whole = fit(make(), data, **HOW)
        for path in (done, half):
            same(fit(make(), data, checkpoint=path, **HOW), whole)

def same(a, b):
    "Weights and what else is saved, to the bit"
    a,b = a.state_dict(),b.state_dict()
    equal([name for name in b if not torch.equal(a[name], b[name])], [])

class Wandering(nn.Module):
    "Draws from generators of its own, from NumPy and Python, counts, anneals and freezes"
    def __init__(self):
        super().__init__()
        self.lin,self.more,self.drop = nn.Linear(8,8),nn.Linear(8,8),nn.Dropout(.2)
        self.heat,self.seen,self._calls,self.course = 1.,0,0,[]
        self.torch,self.numpy,self.python = torch.Generator().manual_seed(1),np.random.default_rng(2),random.Random(3)

    def loss(self, x):
        self.seen += len(x)
        self._calls += 1
        noise = torch.rand((), generator=self.torch)+self.numpy.random()+self.python.random()
        noise = noise+np.random.rand()+random.random()+self._calls/100
        return (self.more(self.drop(self.lin(x)))-x*self.heat).pow(2).mean()*noise

def anneal(model, epoch):
    "Changes attributes and weights by chance, and freezes a layer"
    model.heat *= .8
    model.course.append(epoch)
    model.lin.bias.data.add_(torch.rand(8)*.01)
    model.more.weight.requires_grad_(epoch!=1)

def wandering():
    set_seed(0)
    return Wandering()

def sasrec():
    set_seed(0)
    return SASRec(N, dim=8)

def trainings():
    "Five kinds: name -> (make, data, settings)"
    return dict(t5=(t5, samples(ROWS), dict(on_epoch=nudge(.01))),
        rqvae=(partial(rqvae, ema_decay=.9, revive_below=.1), VECTORS[:60], dict(lr=.01)),
        sasrec=(sasrec, samples(ROWS), dict(optimizer=muon)),
        best=(rqvae, VECTORS[:60], dict(evaluate=look, patience=0, metric='-ndcg@10')),
        wandering=(wandering, VECTORS[:60], dict(on_epoch=anneal)))

def test_a_model_that_was_stopped(tmp_path):
    "Stopped anywhere, and trained again: the same object, and a new one"
    for name,(make,data,how) in trainings().items():
        how = dict(dict(epochs=3, batch_size=9, micro_batch=4, save_every=3), **how)
        set_seed(5)
        whole = fit(make(), data, **how)
        for i,stops in enumerate(((1,), (5,), (12,3))):
            for again in (True, False):
                path = tmp_path/f'{name}-{i}-{again}'
                model = make()
                for at in stops:
                    stopped(at, model, data, checkpoint=path, **how)
                    model = model if again else make()
                np.random.rand() # whoever stops it may draw
                random.random()
                torch.rand(3)
                same(fit(model, data, checkpoint=path, **how), whole)
                equal(model.fit_log.losses, whole.fit_log.losses)

def test_attributes_come_back(tmp_path):
    "In a new process a model has the attributes that training gave it"
    make,data,how = trainings()['wandering']
    how = dict(dict(epochs=3, batch_size=9, save_every=3), **how)
    whole,path = fit(make(), data, **how),tmp_path/'a'
    stopped(11, make(), data, checkpoint=path, **how)
    model = fit(make(), data, checkpoint=path, **how)
    def attributes(m): return m.heat, m.seen, m._calls, m.course, m.more.weight.requires_grad
    equal(attributes(model), attributes(whole))

def test_two_trainings_of_one_model(tmp_path):
    "Cells that are run again, after both are done: what their files hold; settings that were changed are seen"
    def both(model):
        first = fit(model, VECTORS, epochs=1, checkpoint=tmp_path/'first').state_dict()
        first = {name: value.clone() for name,value in first.items()}
        return first, fit(model, VECTORS, epochs=2, lr=.01, checkpoint=tmp_path/'second')

    model = rqvae()
    first,second = both(model)
    second = {name: value.clone() for name,value in second.state_dict().items()}
    for _ in range(2):
        again,_ = both(model)
        equal([name for name in first if not torch.equal(first[name], again[name])], [])
        equal([name for name in second if not torch.equal(second[name], model.state_dict()[name])], [])
    model.rq.rotate = True
    with expect_fail(ValueError, contains='(what differs: model.rq.rotate False there, True here)'): both(model)

def test_other_code_is_refused(tmp_path):
    "A loss, a schedule or a function that was written anew"
    def made(body):
        space = dict(nn=nn, __name__='__main__')
        exec(f'class Net(nn.Module):\n    def loss(self, x): return {body}', space)
        set_seed(0)
        net = space['Net']()
        net.lin = nn.Linear(8, 1)
        return net

    def trained(body, **how): return fit(made(body), VECTORS, epochs=1, checkpoint=tmp_path/'a', **how)
    trained('self.lin(x).pow(2).mean()')
    trained('self.lin(x).pow(2).mean()')
    with expect_fail(ValueError, contains='(what differs: the code of Net)'): trained('self.lin(x).pow(4).mean()')
    allow_change(tmp_path/'a', 'code')
    trained('self.lin(x).pow(4).mean()')

def test_other_versions_are_refused(tmp_path):
    path = tmp_path/'a'
    fit(rqvae(), VECTORS, epochs=1, checkpoint=path)
    tensors,meta = load_checkpoint(path)
    save_checkpoint(path, tensors, dict(meta, parts=dict(meta['parts'], genrec='0.0.1, format 1')))
    with expect_fail(ValueError, contains="genrec '0.0.1, format 1' there"):
        fit(rqvae(), VECTORS, epochs=1, checkpoint=path)
    allow_change(path, 'genrec')
    fit(rqvae(), VECTORS, epochs=1, checkpoint=path)

def test_allowed_changes_are_the_training_that_they_say(tmp_path):
    "Another learning rate from the third epoch on, as a schedule would have it"
    def changed(step, steps, warmup): return 1. if step<4 else .1
    def flat(step, steps, warmup): return 1.
    how = dict(batch_size=30, warmup=0., schedule=flat, lr=.01)
    data,path = VECTORS[:60],tmp_path/'a'
    whole = fit(rqvae(), data, epochs=4, **how|dict(schedule=changed))
    fit(rqvae(), data, epochs=2, checkpoint=path, **how)
    allow_change(path, 'epochs', 'lr')
    same(fit(rqvae(), data, epochs=4, checkpoint=path, **how|dict(lr=.001)), whole)

def test_it_costs_next_to_nothing():
    "All rows of the data are looked at in less than a tenth of one epoch"
    x,model = torch.randn(20_000, 64),RQVAE(64, sizes=(64,64), hidden=(128,), code_dim=16)
    def seconds(f):
        start = time.process_time()
        f()
        return time.process_time()-start
    epoch = seconds(lambda: fit(model, x, epochs=1, batch_size=256))
    assert min(seconds(lambda: array_words(x)) for _ in range(3))<.1*epoch

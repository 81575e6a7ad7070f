"""Histories of one length: what follows an item is always the same item, so every model that learns at all is right"""
import torch
from fastcore.test import test_eq as equal
from genrec.core.values import Embeddings, Histories, Samples, set_seed
from genrec.core.train import fit
from genrec.recommend.bert4rec import BERT4Rec
from genrec.recommend.nova import NOVA
from genrec.recommend.s3rec import S3Rec, S3RecPretraining
from genrec.recommend.sasrec import SASRec

def equally_long(length, n_users=60, n_items=8):
    "Training prefixes and test samples of users with as many interactions each, as `leave_one_out` makes them"
    first = torch.arange(n_users)*length
    items = (torch.arange(n_users)[:,None]+torch.arange(length)).flatten()%n_items
    def part(at): # places of the targets
        start = first.repeat_interleave(len(at))
        end = start+at.repeat(n_users)
        return Samples(start//length, Histories(items, start, end), items[end])
    return part(torch.arange(1, length-2)), part(torch.tensor([length-1]))

def hits(m, test, n):
    "Recall@1 from the last `n` items"
    return (m.recommend(test.history.last(n), k=1).items[:,0]==test.target).float().mean().item()

def trained(make, length, epochs):
    "A model that was trained on users with so many interactions each, and what it is asked"
    train,test = equally_long(length)
    set_seed(0)
    m = make()
    return fit(m, m.training_data(train), epochs=epochs, batch_size=64, lr=3e-3), test

def test_equal_lengths():
    models = dict(SASRec=lambda: SASRec(8, 32, dropout=0.), BERT4Rec=lambda: BERT4Rec(8, 32, dropout=0.),
                  windows=lambda: BERT4Rec(8, 32, dropout=0., max_history=4))
    for name,make in models.items():
        for length,epochs in ((5,80), (8,40), (12,30), (26,15)):
            m,test = trained(make, length, epochs)
            for n in (length-1, length-3):
                assert hits(m, test, n)==1., f'{name}, {length} interactions each, the last {n}: {hits(m, test, n)}'

def test_nova():
    emb = Embeddings(torch.randn(8, 6, generator=torch.Generator().manual_seed(0)))
    for length in (8,12): # it learns slowly; what it knows behind a training history it knows behind a longer one
        m,test = trained(lambda: NOVA(8, emb, 32, dropout=0.), length, 50)
        equal(hits(m, test, length-1), hits(m, test, length-3))
        assert hits(m, test, length-1)>.7

def test_s3rec_after_pretraining():
    train,test = equally_long(8)
    set_seed(0)
    m = S3Rec(8, dim=32, dropout=0.)
    fit(S3RecPretraining(m, torch.eye(8)), train, epochs=5, batch_size=64, lr=3e-3)
    fit(m, m.training_data(train), epochs=40, batch_size=64, lr=3e-3)
    equal([hits(m, test, n) for n in (7,5)], [1.,1.])

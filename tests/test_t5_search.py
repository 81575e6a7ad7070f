"""Search, exact scores and teacher forcing of a `T5Recommender` agree in random shapes"""
import copy
import torch
from fastcore.test import test_close as close
from torch.nn.functional import pad
from genrec.core.values import Histories, Samples, SemanticIds, set_seed
from genrec.recommend.base import top_k
from genrec.recommend.oracle import score_catalog
from genrec.recommend.t5 import T5Recommender

SMALL = dict(d_model=32, d_ff=64, d_kv=8, n_heads=4, n_layers=2, dropout=0.)

def random_ids(n, sizes):
    return SemanticIds(torch.stack([torch.randint(0, size, (n,)) for size in sizes], 1), sizes)

def random_histories(n, n_items):
    lengths = torch.randint(1, 6, (n,)).tolist()
    return Histories.of([torch.randint(0, n_items, (length,)).tolist() for length in lengths])

def exact_scores(m, h, users=None):
    "(n, n_items) log p of every item, by teacher forcing"
    return torch.stack([m.log_prob(h, torch.full((len(h),), i), users) for i in range(m.n_items)], 1)

def check_search(m, h, users=None):
    "A beam as wide as the catalogue is the exact answer; a narrow one misjudges no item"
    exact = exact_scores(m, h, users)
    full = m.recommend(h, k=m.n_items, width=m.n_items, users=users)
    close(full.scores, exact.sort(1, descending=True).values, eps=1e-4)
    close(score_catalog(m, h, users=users, cells=20), exact, eps=1e-4)
    narrow = m.recommend(h, k=2, width=2, users=users)
    close(exact.gather(1, narrow.items), narrow.scores, eps=1e-4)
    return exact, full

def test_one_code_a_level():
    for seed in range(12):
        set_seed(seed)
        ids = random_ids(20, (5, 4, 3)[:2+seed%2])
        kw = dict(SMALL, n_layers=1+seed%3, tie=seed%2==0, legal=seed%4<2, recency=seed%5>0)
        m = T5Recommender(ids, **kw, n_user_tokens=3 if seed%3==0 else 0).eval()
        check_search(m, random_histories(4, 20), torch.arange(4) if seed%3==0 else None)

def test_several_codes_a_level():
    for seed in range(8):
        set_seed(seed)
        parts = ((3, 2, 3), (2, 4, 2), (2, 2, 5))[:2+seed%3//2]
        ids = {f'part {p}': random_ids(30, sizes[:2+seed%2]) for p, sizes in enumerate(parts)}
        kw = dict(SMALL, n_layers=1, tie=seed%2==0, legal=seed%4<2)
        m = T5Recommender(ids, **kw, n_user_tokens=3 if seed%3==0 else 0).eval()
        h, users = random_histories(4, 30), torch.arange(4) if seed%3==0 else None
        exact, full = check_search(m, h, users)
        if m.legal and m.trie.unique:
            close(exact.exp().sum(1), torch.ones(4), eps=1e-4)
        may = torch.arange(30)%3>0
        got = m.recommend(h, k=5, width=30, users=users, exclude=h, allow=may)
        close(got.scores, top_k(exact.masked_fill(~may, -torch.inf), 5, exclude=h).scores, eps=1e-4)
        close(m.recommend(h, k=30, users=users, memory=1).scores, full.scores, eps=1e-4)
        rough = m.recommend(h, k=5, width=30, users=users, precision='bf16')
        assert (rough.scores-full.scores[:, :5]).abs().max()<.3
        loss = m.loss(Samples(torch.arange(4), h, torch.arange(4)))['loss'].item()
        close(loss, -exact[:, :4].diag().mean().item()/len(m.sizes), eps=1e-5)

def test_tuple_vectors():
    for seed, where in enumerate((True, 'input', 'output', True)):
        set_seed(seed)
        ids = {f'part {p}': random_ids(30, (3, 2)) for p in range(2)}
        m = T5Recommender(ids, **SMALL, legal=True, tie=seed<2, tuple_vectors=where, item_vectors=seed==3).eval()
        own = [w for name, w in m.named_parameters() if name in ('tuple_bias', 'tuple_heads', 'item')]
        with torch.no_grad():
            for w in (*own, m.embed.weight[m.first_tuple:]):
                w.normal_()
        h = Histories.of([[1, 2, 3], [4], [29, 0]])
        check_search(m, h)
        more = copy.deepcopy(m).add({k: SemanticIds(torch.tensor([[2, 1], [0, 0]]), s.sizes) for k, s in ids.items()})
        check_search(more, h)
        assert more.recommend([[30, 31]], k=1).items.shape==(1, 1)
        m.train().loss(Samples(torch.arange(3), h, torch.tensor([5, 6, 7])))['loss'].backward()
        assert all(w.grad.abs().sum()>0 for w in own)
        assert (m.embed.weight.grad[m.first_tuple:].abs().sum()>0)==(where!='output' or m.tie)

def silent_twin(plain, kw):
    "A model of `plain`, and one with a second ID of one code that says nothing, with the same weights"
    mute = SemanticIds(torch.zeros(40, 3, dtype=torch.int64), (1, 1, 1))
    set_seed(3)
    a = T5Recommender(plain, **SMALL, **kw).eval()
    b = T5Recommender(dict(text=plain, none=mute), **SMALL, **kw).eval()
    own = {n: p for n, p in a.state_dict().items() if not n.startswith(('tokens', 'codes', 'embed', 'bias', 'heads'))}
    b.load_state_dict(b.state_dict()|own)
    with torch.no_grad():
        for l in range(3):
            b.embed.weight[2+7*l:9+7*l] = pad(a.embed.weight[2+6*l:8+6*l], (0, 0, 0, 1))
            if not b.tie:
                b.heads[l][:6] = a.heads[l]
        b.embed.weight[:2], b.embed.weight[23:] = a.embed.weight[:2], a.embed.weight[20:]
    return a, b

def test_a_code_that_says_nothing_changes_nothing():
    set_seed(0)
    plain, users = random_ids(40, (6, 6, 6)), torch.arange(9)
    h = random_histories(9, 40)
    samples = Samples(users, h, torch.randint(0, 40, (9,)))
    plain_kinds, user_kinds = [{}, dict(tie=False, legal=True)], [dict(end_token=False), dict(recency=False)]
    kinds = plain_kinds+[dict(kw, n_user_tokens=4) for kw in user_kinds]
    for kw in kinds:
        a, b = silent_twin(plain, kw)
        close(b.loss(samples)['loss'].item(), a.loss(samples)['loss'].item(), eps=1e-5)
        scores = [m.recommend(h, k=9, users=users).scores for m in (a, b)]
        close(*scores, eps=1e-4)

"""Beam search with product nodes and items left out, against the same search in a catalogue that never had them"""
import torch
import torch.nn.functional as F
from fastcore.test import test_close as close, test_eq as equal
from genrec.codes.trie import CodeTrie
from genrec.core.values import SemanticIds
from genrec.recommend.beam import beam_search

class Case:
    "A catalogue with one to three heads at each level, a random model, and for each query another set left out"
    def __init__(self, seed):
        g = torch.Generator().manual_seed(seed)
        def number(low, high): return int(torch.randint(low, high, (1,), generator=g))
        levels,self.n_items,self.n = number(1,4),number(1,25),number(1,4)
        n_heads = number(1,4) if seed%2 else 1
        self.parts = {}
        for h in range(n_heads):
            sizes = tuple(number(2,5) for _ in range(levels))
            codes = [torch.randint(0, K, (self.n_items,), generator=g) for K in sizes]
            self.parts[h] = SemanticIds(torch.stack(codes, 1), sizes)
        self.trie = self.make_trie(self.parts, dense=(0, 2**20)[seed%3>0])
        self.weights = [[torch.randn(self.n, l+1, K, generator=g)*2 for K in self.trie.heads[l]] for l in range(levels)]
        self.allowed = torch.rand(self.n_items, generator=g)<.8
        self.excluded = []
        for _ in range(self.n):
            order = torch.randperm(self.n_items, generator=g)
            self.excluded.append(order[:number(0, self.n_items+1)].tolist())

    @staticmethod
    def make_trie(parts, **kw): return CodeTrie(parts if len(parts)>1 else parts[0], **kw)

    def logits(self, codes, parent, query=None):
        query = torch.arange(self.n) if query is None else query
        x = F.pad(codes.float(), (1,0), value=1.).sin() # (n, w, l+1)
        out = [x@w[query] for w in self.weights[codes.shape[2]]]
        return out if len(self.parts)>1 else out[0]

    def exact(self):
        "(n, n_items) log-probability of every item"
        total,ids = torch.zeros(self.n, self.n_items),self.trie.ids()
        for l in range(self.trie.n_levels):
            scores = self.logits(ids[None,:,:l].expand(self.n,-1,-1), None)
            scores = scores if isinstance(scores, list) else [scores]
            for x,digit in zip(scores, self.trie.digits(l, ids[:,l])):
                total += x.log_softmax(-1).gather(2, digit[None,:,None].expand(self.n,-1,1))[...,0]
        return total

    def left(self, query):
        "(m,) items that a query may get"
        left = set(self.allowed.nonzero()[:,0].tolist())-set(self.excluded[query])
        return torch.tensor(sorted(left), dtype=torch.int64)

    def alone(self, query, items, **kw):
        "The search for one query in a catalogue of these items"
        parts = {h:SemanticIds(s.codes[items], s.sizes) for h,s in self.parts.items()}
        def logits(codes, parent): return self.logits(codes, parent, torch.tensor([query]))
        return beam_search(logits, self.make_trie(parts), 1, **kw)

CASES = [seed for seed in range(300) if Case(seed).allowed.any()]

def test_wide_beams_are_exact():
    for seed in CASES:
        case = Case(seed)
        exact = case.exact()
        r = beam_search(case.logits, case.trie, case.n, case.n_items, width=case.n_items)
        close(r.scores, exact.sort(1, descending=True).values, eps=1e-4)
        close(exact.gather(1, r.items), r.scores, eps=1e-4)

def test_what_is_left_out_takes_no_place():
    "At any width the list is that of a catalogue without the items"
    left_out = 0
    for seed in CASES:
        case,width = Case(seed),1+seed%6
        exact = case.exact()
        r = beam_search(case.logits, case.trie, case.n, min(width, 3), width=width,
                        allow=case.allowed, exclude=case.excluded)
        for q in range(case.n):
            rest = case.left(q)
            left_out += case.n_items-len(rest)
            if not len(rest):
                equal(r.items[q].max(), -1)
                continue
            want = case.alone(q, rest, k=min(width, 3), width=width)
            close(r.scores[q].clamp(min=-999), want.scores[0].clamp(min=-999), eps=1e-4)
            ok = r.items[q]>=0
            close(exact[q,r.items[q][ok]], r.scores[q][ok], eps=1e-4)
            assert not set(r.items[q].tolist())-{-1,*rest.tolist()}
    assert left_out>1000

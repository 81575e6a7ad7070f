"""`CodeTrie` against a tree of dicts, on three hundred random catalogues with many collisions"""
import itertools, torch
from fastcore.test import test_eq as equal
from genrec.core.values import SemanticIds
from genrec.codes.trie import CodeTrie

class DictTrie:
    "Numbers of the prefixes of each depth, children of each prefix, items of each ID"
    def __init__(self, codes):
        codes = [tuple(c) for c in codes]
        self.n_levels = len(codes[0])
        prefixes = [sorted({c[:d] for c in codes}) for d in range(self.n_levels+1)]
        self.number = [{p:i for i,p in enumerate(of_depth)} for of_depth in prefixes]
        self.children = [
            {p: sorted({c[d] for c in codes if c[:d]==p}) for p in prefixes[d]} for d in range(self.n_levels)]
        self.items = {p: [i for i,c in enumerate(codes) if c==p] for p in prefixes[-1]}

def same_children(t, want, d):
    "Whether all nodes of a depth have the same children, asked in three ways"
    K,node = t.sizes[d],torch.arange(-1, len(want.number[d]))
    code,child,ok = (o.tolist() for o in t.children(d, node))
    by_code = t.child(d, node[:,None], torch.arange(-1,K+1)).tolist()
    allowed = t.allowed(d, node).tolist()
    assert not any(ok[0]) and not any(allowed[0]) and set(by_code[0])=={-1}
    for p,v in want.number[d].items():
        ways = {c: want.number[d+1][(*p,c)] for c in want.children[d][p]}
        assert [(c,n) for c,n,o in zip(code[v+1], child[v+1], ok[v+1]) if o]==list(ways.items())
        assert by_code[v+1]==[ways.get(c, -1) for c in range(-1,K+1)]
        assert allowed[v+1]==[c in ways for c in range(K)]

def same_leaves(t, want):
    "Whether every possible ID leads to the same leaf and the same items"
    every = torch.tensor(list(itertools.product(*map(range, t.sizes))))
    keys = [tuple(c) for c in every.tolist()]
    equal(t.find(every).tolist(), [want.number[-1].get(c, -1) for c in keys])
    items,ok = t.leaf_items(t.find(every))
    found = [[i for i,o in zip(*r) if o] for r in zip(items.tolist(), ok.tolist())]
    equal(found, [want.items.get(c, []) for c in keys])
    equal(t.unique, max(map(len, want.items.values()))==1)

def same_subset(t, want, codes, keep):
    "Whether a subset is counted the same under every node"
    count,kept = t.subset(keep).count,codes[keep].tolist()
    for d in range(t.n_levels+1):
        equal(count[d].tolist(), [sum(tuple(c[:d])==p for c in kept) for p in want.number[d]])

def test_against_dicts():
    "From one item to sixty and from one level to four, with the tables of children and without"
    g = torch.Generator().manual_seed(0)
    def draw(low, high): return torch.randint(low, high, (1,), generator=g).item()
    n_shared = 0
    for trial in range(300):
        sizes,n = tuple(draw(1,6) for _ in range(draw(1,5))),draw(1,61)
        codes = torch.stack([torch.randint(0, K, (n,), generator=g) for K in sizes], 1)
        t,want = CodeTrie(SemanticIds(codes, sizes), dense=(0, 20, 2**20)[trial%3]),DictTrie(codes.tolist())
        if n>1:
            half = CodeTrie(SemanticIds(codes[:n//2], sizes))
            equal(half.add(SemanticIds(codes[n//2:], sizes)).items.tolist(), t.items.tolist())
        for d in range(len(sizes)):
            same_children(t, want, d)
        equal([tuple(p) for p in t.prefixes(len(sizes)).tolist()], list(want.number[-1]))
        same_leaves(t, want)
        equal(t.ids().tolist(), codes.tolist())
        for d in range(len(sizes)+1):
            equal(t.path(d, torch.arange(n)).tolist(), [want.number[d][tuple(r[:d])] for r in codes.tolist()])
        keep = torch.rand(n, generator=g)<.5
        if keep.any():
            same_subset(t, want, codes, keep)
        n_shared += not t.unique
    assert 100<n_shared<300

def same_tree(a, b):
    "Whether two trees hold the same numbers, of the same types"
    for name in ('code','ptr','first','table','mask'):
        for x,y in zip(getattr(a, name), getattr(b, name)):
            assert (x is None)==(y is None)
            assert x is None or x.dtype==y.dtype and torch.equal(x, y), name
    assert torch.equal(a.items, b.items) and a.items.dtype==b.items.dtype
    for name in ('n_nodes','max_branch','max_items','n_items','sizes','heads','n_levels','dense'):
        equal(getattr(a, name), getattr(b, name))

def test_grown_is_rebuilt():
    "A tree that grows by parts is the tree of all items, number for number, wide levels and tuples too"
    g = torch.Generator().manual_seed(1)
    def draw(low, high): return torch.randint(low, high, (1,), generator=g).item()
    for trial in range(200):
        sizes = tuple((draw(1,6), 300, 70_000)[(trial+l)%7//5] for l in range(draw(1,5)))
        def codes(n): return torch.stack([torch.randint(0, min(K, 400), (n,), generator=g) for K in sizes], 1)
        parts = [codes(draw(1,40))]
        tree = CodeTrie(SemanticIds(parts[0], sizes), dense=(0, 20, 2**20)[trial%3])
        for n in (0, 1, draw(1,30)):
            parts.append(codes(n))
            tree = tree.add(SemanticIds(parts[-1], sizes))
            same_tree(tree, CodeTrie(SemanticIds(torch.cat(parts), sizes), dense=tree.dense))

def test_grown_tuples():
    "New items of a tree whose levels hold several codes"
    g = torch.Generator().manual_seed(2)
    def ids(n): return {name: SemanticIds(torch.randint(0, 4, (n,3), generator=g), (4,4,4)) for name in 'ab'}
    old,new = ids(30),ids(9)
    both = {name: SemanticIds(torch.cat([old[name].codes, new[name].codes]), (4,4,4)) for name in 'ab'}
    same_tree(CodeTrie(old).add(new), CodeTrie(both))

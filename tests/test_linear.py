"""What was quadratic is near-linear: each is compared with the old way, and its growth in memory is bounded"""
import resource
from types import SimpleNamespace
import torch
from hypothesis import given, settings, strategies as st
from genrec.analyse import index
from genrec.analyse.cuts import _expected, _log_factorial
from genrec.analyse.index import audit_index
from genrec.analyse.near import nearest_to, neighbours
from genrec.analyse.same_inputs import _same_rows, same_inputs
from genrec.analyse.space import explained_variance
from genrec.codes import rules
from genrec.codes.collide import place_in, prefix_nodes
from genrec.core.ragged import flat_items
from genrec.core.values import Histories, Samples, SemanticIds
from genrec.evaluate import groups
from genrec.evaluate.groups import by_memory

def peak():
    "MB, the most this process has held"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024

def chance(seed): return torch.Generator().manual_seed(seed)

def some_ids(n, sizes, seed=0, skew=1.):
    "Random codes; with a large `skew` most of them small"
    g = chance(seed)
    codes = [(torch.rand(n, generator=g)**skew*size).long() for size in sizes]
    return SemanticIds(torch.stack(codes, 1), sizes)

# groups by what training has shown

def old_by_memory(split, part):
    "Over all places of all histories, as it was"
    n,train = split.n_items,split.train
    seen = torch.zeros(n, dtype=torch.bool)
    seen[train.target] = True
    seen[train.history.items[train.history.start]] = True
    steps = (train.history.items[train.history.end-1]*n+train.target).unique()
    row,item = flat_items(part.history)
    target = part.target[row]
    known,length = torch.isin(item*n+target, steps),part.history.lengths
    def some(places): return row[places].bincount(minlength=len(part))>0
    last = torch.arange(len(row))==length.cumsum(0)[row]-1
    found = [some(item==target), some(known&last), some(known), seen[part.target],
             torch.ones(len(part), dtype=torch.bool)]
    return torch.stack(found).int().argmax(0)

slices = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), min_size=1, max_size=14)

def samples_of(drawn, g, shortest):
    "Samples whose histories are any slices of one log"
    a,b = torch.tensor(drawn).T
    start,end = torch.minimum(a, b),torch.maximum(a, b)+shortest
    items = torch.randint(9, (16,), generator=g)
    return Samples(torch.arange(len(a)), Histories(items, start, end), torch.randint(9, (len(a),), generator=g))

@settings(max_examples=150, deadline=None)
@given(slices, slices, st.integers(0, 999), st.sampled_from([1, 3, 2**22]))
def test_memory_groups_as_before(train, part, seed, block):
    g = chance(seed)
    part = samples_of([(min(a, 14), min(b, 14)) for a,b in part], g, 0)
    split = SimpleNamespace(train=samples_of([(min(a, 14), min(b, 14)) for a,b in train], g, 1), n_items=9)
    kept = groups._in_blocks
    def in_blocks(rows, lists, _): return kept(rows, lists, block)
    groups._in_blocks = in_blocks
    try:
        assert by_memory(split, part).of.tolist()==old_by_memory(split, part).tolist()
    finally:
        groups._in_blocks = kept

def test_memory_groups_of_a_heavy_user():
    length,n = 20_000,5000
    items = torch.randint(n, (length,), generator=chance(0))
    first = torch.zeros(length-1, dtype=torch.int64)
    s = Samples(first, Histories(items, first, torch.arange(1, length)), items[1:]) # 200 million places
    before = peak()
    by_memory(SimpleNamespace(train=s, n_items=n), s)
    assert peak()-before<400, f'{peak()-before:.0f} MB'

# variance and rows

def old_explained(sids, x):
    "All columns at once, as it was"
    x = x.double()
    total,out = (x-x.mean(0)).pow(2).sum(1),[]
    for d in range(sids.n_levels):
        node = prefix_nodes(sids.codes, sids.sizes, d+1)
        n = node.bincount()
        mean = torch.zeros(len(n), x.shape[1], dtype=x.dtype).index_add_(0, node, x)/n[:,None]
        error,n = (x-mean[node]).pow(2).sum(1),n[node].double()
        of_others = torch.where(n>1, error*(n/(n-1).clamp(min=1))**2, total)
        out.append((1-(error.sum()/total.sum()).item(), 1-(of_others.sum()/total.sum()).item()))
    return out

def test_explained_variance_as_before():
    for seed in range(8):
        sids,x = some_ids(300, (4,4,4), seed),torch.randn(300, 7, generator=chance(seed))
        assert explained_variance(sids, x)==old_explained(sids, x)
        few = torch.tensor(explained_variance(sids, x, block=600)) # two columns at a time
        assert (few-torch.tensor(old_explained(sids, x))).abs().max()<1e-12

def test_same_rows_as_before():
    for seed in range(20):
        x = torch.randint(2, (200,9), generator=chance(seed)).float()
        x[:50] *= -1 # with -0
        kind,old = _same_rows(x, block=70),x.unique(dim=0, return_inverse=True)[1]
        pairs = torch.stack([kind, old], 1).unique(dim=0)
        assert len(pairs)==len(kind.unique())==len(old.unique())
    assert same_inputs(some_ids(3, (2,)), torch.tensor([[float('inf')], [1.], [float('inf')]])).items==2

def test_rows_of_one_hash():
    "Where two rows have one hash, the old way decides"
    kept,x = torch.Tensor.sum,torch.arange(12.).view(6,2)
    def no_sum(self, *_): return torch.zeros(len(self), dtype=torch.int64)
    torch.Tensor.sum = no_sum
    try:
        kind = _same_rows(x)
    finally:
        torch.Tensor.sum = kept
    assert kind.tolist()==list(range(6))

# neighbours

def test_neighbours_of_some():
    x = torch.randn(500, 5, generator=chance(0))
    rows = torch.randperm(500, generator=chance(1))[:40]
    for block in (50, 999, 2**24):
        assert torch.equal(nearest_to(rows, x, 6, block=block), neighbours(x, 6)[rows])

def test_audit_looks_at_a_sample_where_there_are_many():
    sids,x = some_ids(index.ALL_NEIGHBOURS+1, (16,16)),torch.randn(index.ALL_NEIGHBOURS+1, 2, generator=chance(0))
    sids = SemanticIds((x*2+8).long().clamp(0, 15), (16,16))
    audit,before = audit_index(sids, embeddings=x, k=3),peak()
    assert audit.asked==index.SAMPLE and '3 neighbours of 4,096 items' in str(audit)
    few = audit_index(sids, embeddings=x, k=3, sample=2000)
    assert few.asked==2000 and abs(few.neighbours[0]-audit.neighbours[0])<.05
    assert audit_index(SemanticIds(sids.codes[:200], sids.sizes), embeddings=x[:200], sample=200).asked is None
    assert peak()-before<400

# rules

def old_queue(node, rank, room, choose):
    "In rounds, however many, as it was"
    K,room = room.shape[1],room.flatten()
    limit = torch.where(room>0, torch.iinfo(torch.int64).max, -1)
    child,todo = torch.empty_like(node),torch.arange(len(node))
    while len(todo):
        child[todo] = node[todo]*K+choose(todo, limit.view(-1,K))
        asked = torch.zeros_like(room, dtype=torch.bool)
        asked[child[todo]] = True
        those = asked[child].nonzero()[:,0]
        those = those[rank[those].argsort()]
        place,most = place_in(child[those]),room[child[those]]
        last = place==most-1
        limit[child[those[last]]] = rank[those[last]]
        todo = those[place>=most]
    return child%K

def test_one_by_one_as_in_rounds():
    "Distances are whole numbers with many ties, so equal to the bit in any block"
    kept = rules.ROUNDS,rules._queue
    for seed in range(12):
        sizes = [(4,4,8), (2,40), (3,3,3,3)][seed%3]
        n = torch.tensor(sizes).prod().item()*3//4
        sids = some_ids(n, sizes, seed, skew=4.)
        books = [torch.randint(-3, 4, (size,2), generator=chance(seed+size)).float() for size in sizes]
        distance = rules.residual_distance(books, torch.randint(-4, 5, (n,2), generator=chance(seed)).float())
        made = {}
        try:
            for limit in (0, 5, 10**9):
                rules.ROUNDS = limit
                made[limit] = rules.next_nearest(sids, distance).codes
            rules._queue = old_queue
            made['old'] = rules.next_nearest(sids, distance).codes
        finally:
            rules.ROUNDS,rules._queue = kept
        for name,codes in made.items():
            assert torch.equal(codes, made['old']), (seed, name)

# expected mutual information

def old_expected(sizes_a, sizes_b, N):
    "All numbers that two groups may share, as it was"
    distinct_a, count_a = sizes_a.unique(return_counts=True)
    distinct_b, count_b = sizes_b.unique(return_counts=True)
    N, b = torch.tensor(float(N), dtype=torch.float64), distinct_b[:, None]
    f, total = _log_factorial, 0.
    for a, count in zip(distinct_a.tolist(), count_a.tolist()):
        n = torch.arange(1, a+1)[None]
        possible = (n<=b)&(n>=a+b-N)
        n = torch.where(possible, n, 1).double()
        ways = f(torch.tensor(a))+f(b)+f(N-a)+f(N-b)-f(N)-f(n)
        ways = ways-f((a-n).clamp(min=0))-f((b-n).clamp(min=0))-f((N-a-b+n).clamp(min=0))
        information = torch.where(possible, n/N*(N*n/(a*b)).log()*ways.exp(), 0.)
        total += count*(information.sum(1)*count_b).sum().item()
    return total

def test_expected_information_as_before():
    for seed in range(16):
        n = [60, 900, 9000, 30_000][seed%4]
        a,b = (some_ids(n, (K,), seed, skew=2.).codes[:,0].bincount() for K in (2+seed, 3+seed**2))
        a,b = a[a>0],b[b>0]
        for block in (500, 2**20):
            new,old = _expected(a, b, n, block),old_expected(a, b, n)
            assert abs(new-old)<1e-9*max(old, 1e-3), (seed, new, old)
    whole = torch.tensor([5000])
    assert abs(_expected(whole, whole, 5000)-old_expected(whole, whole, 5000))<1e-12

"""The rules of `codes.rules` against plain loops: one item at a time, no tensors but the distances"""
import itertools, math
from unittest import mock
import torch
from fastcore.test import test_eq as equal, expect_fail
from hypothesis import given, settings, strategies as st
from genrec.core.values import SemanticIds
from genrec.codes import least_cost as least_cost_module
from genrec.codes.collide import check_rule, prefix_nodes
from genrec.codes.least_cost import least_cost
from genrec.codes.rules import kth_leaf, next_nearest, random_last, residual_distance, sinkhorn_reassign

def made(sizes, n, *, seed, repeat, dim=3):
    "Residual codes of random vectors, `repeat` of them equal to the first, and the distances"
    g = torch.Generator().manual_seed(seed)
    books = [torch.randn(K, dim, generator=g, dtype=torch.float64)/2**l for l,K in enumerate(sizes)]
    x = torch.randn(n, dim, generator=g, dtype=torch.float64)
    x[torch.randint(n, (repeat,), generator=g)] = x[0].clone()
    distance,codes = residual_distance(books, x),torch.zeros(n, len(sizes), dtype=torch.int64)
    for l in range(len(sizes)):
        codes[:,l] = distance(torch.arange(n), l, codes[:,:l]).argmin(1)
    return SemanticIds(codes, sizes),distance

class Loops:
    "The queue, one item at a time"
    def __init__(self, sids, distance):
        self.codes,self.sizes,self.distance = [tuple(r) for r in sids.codes.tolist()],sids.sizes,distance

    def distances(self, item, prefix):
        "To all codewords of the level below a prefix"
        prefix = torch.tensor([list(prefix)]).long().view(1,-1)
        return self.distance(torch.tensor([item]), prefix.shape[1], prefix)[0].tolist()

    def nearest(self, item, prefix, allowed):
        d = self.distances(item, prefix)
        return min((k for k in range(len(d)) if allowed(k)), key=lambda k: (d[k],k))

    def queue(self):
        "Items that keep their codes, and the others in the order in which they choose"
        own = {i: self.distances(i, c[:-1])[c[-1]] for i,c in enumerate(self.codes) if self.codes.count(c)>1}
        keep = set(range(len(self.codes)))-set(own)
        for i in sorted(own, key=lambda i: (own[i],i)):
            if self.codes[i] not in {self.codes[j] for j in keep}:
                keep.add(i)
        return keep,[i for i in sorted(own, key=lambda i: (own[i],i)) if i not in keep]

    def settle(self, level, keep, queue):
        "Codes of a level for those in the queue who find no room"
        capacity,held = math.prod(self.sizes[level+1:]),{}
        for i in keep:
            held[self.codes[i][:level+1]] = held.get(self.codes[i][:level+1], 0)+1
        late = []
        for i in queue: # first all who have room where they are
            child = self.codes[i][:level+1]
            if held.get(child, 0)<capacity:
                held[child] = held.get(child, 0)+1
            else:
                late.append(i)
        for i in late:
            prefix = self.codes[i][:level]
            k = self.nearest(i, prefix, lambda k: held.get((*prefix,k), 0)<capacity)
            code = (*prefix,k)
            held[code] = held.get(code, 0)+1
            while len(code)<len(self.sizes):
                code = (*code, self.nearest(i, code, lambda k: True))
            self.codes[i] = code

def by_hand(sids, distance, levels):
    loops = Loops(sids, distance)
    keep,queue = loops.queue()
    for level in levels:
        loops.settle(level, keep, queue)
    return [list(c) for c in loops.codes]

rules = dict(next_nearest=next_nearest, kth_leaf=kth_leaf, sinkhorn_reassign=sinkhorn_reassign,
             random_last=lambda s, d: random_last(s))

@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(st.lists(st.integers(1,5), min_size=1, max_size=3), st.floats(0,1), st.integers(0,10**6), st.integers(0,4))
def agree(sizes, full, seed, repeat):
    n,L = 1+int(full*(math.prod(sizes)-1)),len(sizes)
    s,d = made(tuple(sizes), n, seed=seed, repeat=repeat)
    equal(next_nearest(s, d).codes.tolist(), by_hand(s, d, range(L)))
    fits = max(prefix_nodes(s.codes, s.sizes, L-1).bincount())<=sizes[-1]
    for name,rule in rules.items():
        if fits or name=='next_nearest':
            check_rule(lambda s: rule(s, d), s)
        else:
            with expect_fail(ValueError, contains='such prefixes'): rule(s, d)
    if fits:
        equal(kth_leaf(s, d).codes.tolist(), by_hand(s, d, [L-1]))

def test_queue_is_that_of_plain_loops():
    "80 random small cases with crowded trees and repeated vectors"
    agree()

def plan_by_hand(s, d, epsilon=.003, n_iter=50):
    "One round of `sinkhorn_reassign`, one bucket at a time, a dense plan in doubles, without logarithms"
    out = s.codes.clone()
    for bucket in s.collisions():
        cost = d(bucket, s.n_levels-1, s.codes[bucket,:-1])
        same_prefix = (s.codes[:,:-1]==s.codes[bucket[0],:-1]).all(1)
        others = same_prefix & (s.codes[:,-1]!=s.codes[bucket[0],-1])
        free = torch.ones(s.sizes[-1], dtype=torch.bool)
        free[s.codes[others,-1]] = False
        cost = cost[:,free]
        scaled = (cost-(cost.max()+cost.min())/2)/((cost.max()-cost.min())/2+1e-5)
        plan = (-scaled/epsilon).exp()
        for _ in range(n_iter):
            plan = plan/plan.sum(1, keepdim=True)
            plan = plan/plan.sum(0)
        good = plan>=plan.amax(1, keepdim=True)*math.exp(-1e-3)
        out[bucket,-1] = free.nonzero()[:,0][torch.where(good, cost, torch.inf).argmin(1)]
    return out

def test_a_round_of_sinkhorn_is_a_dense_plan():
    "On eight cases without repeated vectors"
    parted = 0
    for seed in range(8):
        s,d = made((8,32), 60, seed=seed, repeat=0, dim=4)
        want = SemanticIds(plan_by_hand(s, d), s.sizes)
        parted += s.n_colliding()-want.n_colliding()
        equal(sinkhorn_reassign(s, d, rounds=1).codes, kth_leaf(want, d).codes)
    assert parted>20

def dearest_and_best(s, d):
    "Per prefix, the least sum of distances over all ways to deal the free last codes out: (the rule's, the best)"
    out,best,spent = least_cost(s, d),0.,0.
    for prefix in prefix_nodes(s.codes, s.sizes, s.n_levels-1).unique().tolist():
        group = (prefix_nodes(s.codes, s.sizes, s.n_levels-1)==prefix).nonzero()[:,0]
        cost = d(group, s.n_levels-1, s.codes[group,:-1])
        last = s.codes[group,-1].tolist()
        moving = [i for i,c in enumerate(last) if last.count(c)>1]
        free = [k for k in range(s.sizes[-1]) if last.count(k)!=1]
        ways = itertools.permutations(free, len(moving))
        best += min(sum(cost[i,k].item() for i,k in zip(moving, way)) for way in ways)
        spent += sum(cost[i,out.codes[group[i],-1]].item() for i in moving)
    return spent,best

@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(top=st.integers(1,3), last=st.integers(1,6), full=st.floats(0,1), seed=st.integers(0,10**6),
       dense=st.sampled_from([0,2**20]))
def costs_least(*, top, last, full, seed, dense):
    s,d = made((top,last), 1+int(full*(top*last-1)), seed=seed, repeat=seed%4)
    if max(prefix_nodes(s.codes, s.sizes, 1).bincount())>last:
        with expect_fail(ValueError, contains='such prefixes'): least_cost(s, d)
        return
    with mock.patch.object(least_cost_module, 'DENSE', dense):
        check_rule(lambda s: least_cost(s, d), s)
        spent,best = dearest_and_best(s, d)
    assert abs(spent-best)<1e-9, (spent, best)

def test_least_cost_is_the_least():
    "60 small trees of chance, by brute force over all ways, with the whole rectangle and with the nearest codes alone"
    costs_least()

"""One user with very many items: counted in time and memory in proportion to the log, and as the old formulas said"""
import resource, time
import torch
from fastcore.test import test_eq as equal
from hypothesis import given, settings, strategies as st
from genrec.core.ragged import covered, flat_items
from genrec.core.values import Histories, Samples
from genrec.recommend.base import check_histories, top_k
from genrec.recommend.itemknn import ItemKNN, user_items
from genrec.recommend.markov import Markov, add_rows
from genrec.recommend.popular import Popular
from genrec.recommend.sequence import best_items

def with_a_bot(n, n_items=500, others=200):
    "Training prefixes of one user with `n` items and of others with six, as `leave_one_out` cuts them"
    g = torch.Generator().manual_seed(0)
    lengths = torch.tensor([n]+[6]*others)
    items = torch.randint(n_items, (int(lengths.sum()),), generator=g)
    first = (lengths.cumsum(0)-lengths).repeat_interleave(lengths-1)
    end = torch.cat([torch.arange(1, L) for L in lengths.tolist()])+first
    user = torch.arange(len(lengths)).repeat_interleave(lengths-1)
    return Samples(user, Histories(items, first, end), items[end])

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024 # MB

def test_time_and_memory():
    s = with_a_bot(100_000)
    for make in (Popular, Markov, lambda n: Markov(n, order=5), ItemKNN):
        before,begun = peak(),time.process_time()
        m = make(500).fit(s)
        h = s.history
        few = slice(len(h)-1000, len(h)) # and the whole of the robot's history
        start,end = torch.cat([h.start[:1], h.start[few]]),torch.cat([h.end[99_998:99_999], h.end[few]])
        asked = Histories(h.items, start, end)
        m.recommend(asked, k=10)
        m.recommend(asked, k=10, exclude_seen=True)
        assert peak()-before<600, f'{type(m).__name__}: {peak()-before:.0f} MB'
        assert time.process_time()-begun<60, type(m).__name__

def old_user_items(s):
    "By a rectangle of all prefixes, as it was"
    user = s.user.repeat_interleave(s.history.lengths)
    p = s.history.pad()
    pair = torch.stack([torch.cat([user, s.user]), torch.cat([p[p>=0], s.target])], 1).unique(dim=0)
    return pair[:,0],pair[:,1]

def old_scores(m, h):
    "One step back after the other, over a rectangle, as it was"
    p = (h if m.max_history is None else h.last(m.max_history)).pad(left=True)
    out = torch.zeros(len(h), m.n_items)
    for d in range(p.shape[1]):
        add_rows(out, p[:,-1-d], torch.full((len(h),), m.decay**d), (m.start, m.col, m.value))
    return out

slices = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=12)
twelve = st.lists(st.integers(0, 6), min_size=12, max_size=12) # items

def of_slices(drawn, items):
    "Samples whose histories are any slices of any users"
    user,a,b = torch.tensor(drawn).T
    start,end = torch.minimum(a, b),torch.maximum(a, b)
    return Samples(user, Histories(items, start, end), items[start.clamp(max=len(items)-1)])

@settings(max_examples=60, deadline=None)
@given(slices, twelve, st.sampled_from([None,1,3]), st.sampled_from([1.,.7]))
def test_as_before(drawn, items, max_history, decay):
    s = of_slices(drawn, torch.tensor(items))
    for new,old in zip(user_items(s), old_user_items(s)):
        equal(new.tolist(), old.tolist())
    m = ItemKNN(7, k=3, max_history=max_history, decay=decay, block=40).fit(s)
    equal(m.scores(s.history).tolist(), old_scores(m, s.history).tolist())
    p = s.history.pad()
    equal(flat_items(s.history)[1].tolist(), p[p>=0].tolist())
    places = [set(range(a, b)) for a,b in zip(s.history.start.tolist(), s.history.end.tolist())]
    equal(covered(s.history).nonzero()[:,0].tolist(), sorted(set().union(*places)))
    scores = torch.rand(len(s), 7)
    struck = scores.clone()
    row = torch.arange(len(s)).repeat_interleave(s.history.lengths)
    struck[row, p[p>=0]] = -torch.inf
    equal(top_k(scores, 7, s.history).scores.tolist(), struck.sort(dim=1, descending=True, stable=True).values.tolist())
    def score(a, b): return scores[:,a:b].clone()
    equal(best_items(score, 7, 7, s.history, block=2).scores.tolist(), top_k(scores, 7, s.history).scores.tolist())

@settings(max_examples=40, deadline=None)
@given(slices, twelve)
def test_chain_as_before(drawn, items):
    s = of_slices(drawn, torch.tensor(items))
    m = Markov(7, order=3, shrink=.5).fit(s)
    for d in (1,2,3):
        table = torch.zeros(7, 7)
        for h,t in zip(s.history.tolist(), s.target.tolist()):
            if len(h)>=d:
                table[h[-d],t] += 1
        total = table.sum(1, keepdim=True)
        dense = torch.zeros(7, 7)
        add_rows(dense, torch.arange(7), torch.ones(7), m.rows(d))
        assert torch.allclose(dense, table/(total+.5), atol=1e-5)

def test_items_beyond_the_catalogue():
    s = with_a_bot(50)
    for make in (Markov, ItemKNN, Popular):
        try:
            make(400).fit(s)
        except ValueError as e:
            assert 'catalogue' in str(e)
        else:
            raise AssertionError(f'{make.__name__} took items beyond its catalogue')
    few = Histories(torch.tensor([1,2,900]), torch.tensor([0]), torch.tensor([2]))
    equal(check_histories(few, 5).tolist(), [[1,2]]) # an item that no history covers does not matter

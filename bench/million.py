"""Audit, assignment and growing tries at a million items: processor seconds, peak memory, and how both grow

    python bench/million.py [--items 125000 1000000] [--only audit tries] [--even] [--threads 1]

Each step runs in a process of its own at each size. The last lines say how much longer it takes, and how much more it
holds, per item at the largest size than at the smallest: 1 is linear. More items in as many IDs collide more often;
`--even` lets the first level grow with the items, so that an equal share of them collides. `numpy` sorts as many
numbers and gathers them in random order: what the machine's caches alone add. Nothing is kept; every line is JSON."""
import argparse, json, resource, subprocess, sys, time
import numpy as np
from functools import partial
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
SIZES = (256, 256, 1024) # a million items leave room under the fullest prefix
EVEN = 125_000 # items for which `--even` leaves `SIZES` as they are
NEW = .1 # share of the items that come later

def codes_of(n, seed=0):
    "Codes like those of a quantizer: some far commoner than others"
    import torch
    from genrec.core.values import SemanticIds
    g = torch.Generator().manual_seed(seed)
    columns = [(torch.rand(n, generator=g)**1.5*K).long() for K in SIZES]
    return SemanticIds(torch.stack(columns, 1), SIZES)

def distances(n, seed=0, dim=16):
    "Random codebooks and vectors of `n` items, as a distance"
    import torch
    from genrec.codes.rules import residual_distance
    g = torch.Generator().manual_seed(seed)
    books = [torch.randn(K, dim, generator=g)/2**level for level,K in enumerate(SIZES)]
    return residual_distance(books, torch.randn(n, dim, generator=g))

def shop_of(n):
    "Titles, categories and a log of three interactions an item"
    import torch
    from genrec.core.values import Log
    g = torch.Generator().manual_seed(1)
    words = [f'word{i}' for i in range(20_000)]
    drawn = (torch.rand(n, 6, generator=g)**3*len(words)).long().tolist()
    titles = [' '.join(words[j] for j in row) for row in drawn]
    labels = [f'kind{i}' for i in (torch.rand(n, generator=g)**2*200).long().tolist()]
    m = 3*n
    user = (torch.rand(m, generator=g)*n/3).long().sort().values
    user = user.unique(return_inverse=True)[1]
    item = (torch.rand(m, generator=g)**2*n).long()
    users,items = tuple(map(str, range(int(user.max())+1))),tuple(map(str, range(n)))
    return titles,labels,Log(user, item, torch.arange(m), users=users, items=items)

# steps: (items) -> () -> None, of which the second is measured

def audit(n, what):
    "`audit_index` of codes alone, or with one more source"
    import torch
    from genrec.analyse.index import audit_index
    sids,given = codes_of(n),{}
    titles,labels,log = shop_of(n) if what!='codes' else (None,)*3
    if what=='texts':
        given = dict(catalog=titles, labels=labels)
    if what=='vectors':
        given = dict(vectors=torch.randn(n, 64, generator=torch.Generator().manual_seed(2)))
    if what=='log':
        given = dict(log=log)
    if what=='churn':
        given = dict(against=codes_of(n, 1))
    return partial(audit_index, sids, **given)

def widget(n):
    "`browse_audit`, and the answers of a page without a kernel"
    from genrec.analyse.index import audit_index
    from genrec.widgets.audit import browse_audit
    titles,_,log = shop_of(n)
    sids = codes_of(n)
    found = audit_index(sids, draws=0)
    return lambda: browse_audit(found, sids, titles, log).static()

def rule(n, name):
    "A rule against collisions, on all items at once"
    from genrec.analyse.rule_costs import RULES
    return partial(RULES[name], codes_of(n), distances(n))

def late(n, name):
    "Codes for a tenth of the items, beside nine tenths that have theirs"
    from genrec.analyse.rule_costs import RULES
    from genrec.codes.assign import assign_ids
    from genrec.codes.collide import append_rank
    from genrec.codes.least_cost import least_cost
    from genrec.codes.rules import kth_leaf, next_nearest, random_last
    of = dict(append_rank=append_rank, kth_leaf=kth_leaf, next_nearest=next_nearest, random_last=random_last,
              least_cost=least_cost)
    m = round(NEW*n)
    known = codes_of(n-m)
    known = append_rank(known, min_size=256) if name=='append_rank' else RULES['kth_leaf'](known, distances(n-m))
    return partial(assign_ids, known, codes_of(m, 3), of[name], distance=distances(m, 3), full='share')

def tries(n, way):
    "A trie of all items, made at once, or grown by a tenth in ten steps"
    from genrec.codes.trie import CodeTrie
    from genrec.core.values import SemanticIds
    sids = codes_of(n)
    if way=='made':
        return partial(CodeTrie, sids)
    m = round(NEW*n)
    trie = CodeTrie(SemanticIds(sids.codes[:n-m], SIZES))
    def grow():
        for some in sids.codes[n-m:].chunk(10):
            trie.add(SemanticIds(some, SIZES))
    return grow

def numpy_alone(n, what):
    "What any of these steps does at least: sort numbers, or gather them in random order"
    x = np.random.default_rng(0).integers(0, 2**40, n)
    order = x.argsort()
    def gather(): return [x[order] for _ in range(10)]
    return dict(sort=partial(x.argsort, kind='stable'), gather=gather)[what]

STEPS = {f'audit {what}': partial(audit, what=what) for what in ('codes','texts','vectors','log','churn')}
STEPS |= {'widget': widget}
STEPS |= {f'rule {name}': partial(rule, name=name) for name in ('append_rank','kth_leaf','next_nearest','least_cost')}
STEPS |= {f'late {name}': partial(late, name=name) for name in
          ('append_rank','kth_leaf','next_nearest','random_last','least_cost')}
STEPS |= {f'tries {way}': partial(tries, way=way) for way in ('made','grown')}
STEPS |= {f'numpy {what}': partial(numpy_alone, what=what) for what in ('sort','gather')}

def peak():
    "MB, the most this process has held"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024

def child(step, n, *, even, threads):
    "One step in this process"
    global SIZES
    import torch
    torch.set_num_threads(threads)
    if even:
        SIZES = (round(SIZES[0]*n/EVEN), *SIZES[1:])
    run = STEPS[step](n)
    before,start = peak(),time.process_time()
    run()
    seconds,most = time.process_time()-start,peak()
    told = dict(step=step, items=n, in_a_collision=codes_of(n).n_colliding(), seconds=round(seconds, 3),
                mb=round(most), mb_before=round(before))
    print(json.dumps(told), flush=True)

def growth(rows):
    "How much more the largest size takes per item than the smallest; of memory, what came on top of the inputs"
    small,large = rows[0],rows[-1]
    times = large['items']/small['items']
    def per_item(name, least):
        return round(large[name]/max(small[name], least)/times, 2)
    return dict(step=large['step'], times_items=round(times, 1), seconds_per_item=per_item('seconds', .01),
                seconds_per_colliding_item=round(per_item('seconds', .01)*times*small['in_a_collision']
                                                 /max(1, large['in_a_collision']), 2),
                mb_per_item=per_item('mb', 1))

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--items', type=int, nargs='+', default=[125_000, 1_000_000])
    parser.add_argument('--only', nargs='*', default=[], help='parts of names of steps')
    parser.add_argument('--even', action='store_true', help='an equal share of the items collides at every size')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--child', nargs=2)
    asked = parser.parse_args()
    if asked.child:
        return child(asked.child[0], int(asked.child[1]), even=asked.even, threads=asked.threads)
    found = []
    for step in STEPS:
        if asked.only and not any(part in step for part in asked.only):
            continue
        rows = []
        for n in sorted(asked.items):
            command = [sys.executable, __file__, '--threads', str(asked.threads), '--child', step, str(n)]
            command += ['--even']*asked.even
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(json.dumps(dict(step=step, items=n, failed=done.stderr.strip().splitlines()[-1:])), flush=True)
                continue
            print(done.stdout.strip().splitlines()[-1], flush=True)
            rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
        if len(rows)>1:
            found.append(growth(rows))
    for row in found:
        print(json.dumps(row))

if __name__=='__main__':
    main()

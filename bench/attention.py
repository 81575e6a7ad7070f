"""What BBQRec's parts cost: its attention beside plain attention and beside equation 17 as it is written, and its decoding beside TIGER's

    python bench/attention.py [--small] [--only attention decode] [--repeat 2] [--out runs/bench/bbqrec.json]

(attention) one encoder layer's attention, forward and backward, histories of 10 to 100 items with 3 tokens each: milliseconds and growth of memory of `plain` (softmax and values), `blocked` (ours: tokens of an item first, then one product for each pair of items) and `naive` (a product for each pair of tokens)
(decode) a user's seconds at beam 50 and 100, 64 users at once and one by one: BBQRec (3 levels of three codes, similarity table) beside TIGER (4 levels of one code), same widths and layers, untrained, 12,101 items
Each way runs in a process of its own, ways take turns, the fastest of the repeats counts."""
import argparse, json, os, platform, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
HEADS, WIDTH, LEVELS, BUCKETS = 6, 64, 3, 100

def peak():
    return next(int(l.split()[1])*1024 for l in Path('/proc/self/status').read_text().splitlines() if l.startswith('VmHWM'))

def naive(w, v, table, rows, size, left=0):
    "Equation 17 as it is written"
    import torch
    g = (torch.arange(w.shape[2])+left)//size
    return (w[..., None]*v[:, :, None]*table[rows[:, g][:, :, g]].permute(0, 3, 1, 2, 4)).sum(3)

def child_attention(way, a):
    import torch
    from genrec.recommend.similarity import similar_values
    torch.manual_seed(0)
    n, t = a['batch'], a['items']
    T = t*LEVELS
    s, v = torch.randn(n, HEADS, T, T, requires_grad=True), torch.randn(n, HEADS, T, WIDTH, requires_grad=True)
    table, rows = torch.ones(BUCKETS+2, HEADS, WIDTH, requires_grad=True), torch.randint(BUCKETS+1, (n, t, t))
    f = dict(plain=lambda: s.softmax(-1)@v, blocked=lambda: similar_values(s.softmax(-1), v, table, rows, LEVELS), naive=lambda: naive(s.softmax(-1), v, table, rows, LEVELS))[way]
    base, best = peak(), 9e9
    for _ in range(a['rounds']):
        x = time.perf_counter()
        f().sum().backward()
        best = min(best, time.perf_counter()-x)
        for p in (s, v, table): p.grad = None
    return dict(ms=best*1e3, growth_gb=(peak()-base)/1e9)

def child_decode(way, a):
    import torch
    from genrec.core.values import SemanticIds, Histories
    from genrec.recommend.t5 import T5Recommender
    from genrec.recommend.similarity import SimilarityT5
    g, n = torch.Generator().manual_seed(0), 12_101
    ids = lambda L: SemanticIds(torch.randint(256, (n, L), generator=g), (256,)*L)
    dims = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4, dropout=0., max_history=20)
    torch.manual_seed(0)
    if way=='tiger': m = T5Recommender(ids(4), **dims)
    else:
        sids = {p: ids(3) for p in ('id', 'image', 'text')}
        m = T5Recommender(sids, **dims) if way=='no_table' else SimilarityT5(sids, torch.randn(n, 384, generator=g), BUCKETS, **dims)
    m.eval()
    users, out = 8 if a['small'] else 64, {}
    h = Histories.of(torch.randint(n, (users, 20), generator=g).tolist())
    m.recommend(h[torch.arange(2)], k=10, width=50)
    for width in (50, 100):
        for batch in (1, users):
            best = 9e9
            for _ in range(3 if batch>1 else 1):
                x = time.perf_counter()
                for i in torch.arange(users if batch>1 else min(8, users)).split(batch): m.recommend(h[i], k=10, width=width)
                best = min(best, (time.perf_counter()-x)/(users if batch>1 else min(8, users)))
            out[f'beam {width}, batch {batch}'] = best*1e3
    return dict(ms=out)

def spawn(part, way, a, threads, file=__file__):
    "What a process of its own measures"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root), IN_TEST='', TRANSFORMERS_VERBOSITY='error')
    p = subprocess.run([sys.executable, file, '--child', json.dumps([part, way, a])], env=env, capture_output=True, text=True)
    if p.returncode: sys.exit(f'{part} {way} failed\n{p.stderr}')
    return json.loads(p.stdout.strip().splitlines()[-1])

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--only', nargs='*', default=['attention', 'decode']); p.add_argument('--repeat', type=int)
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1)); p.add_argument('--out', default=str(root/'runs'/'bench'/'bbqrec.json')); p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        part, way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'child_{part}'](way, args)))
    repeat, rows, ratios = a.repeat or (1 if a.small else 2), [], {}
    if 'attention' in a.only:
        for items in (5, 10) if a.small else (10, 20, 50, 100):
            batch, best = max(1, 320//items), {}
            for _ in range(repeat):
                for way in ('plain', 'blocked', 'naive'):
                    if way=='naive' and items*LEVELS>150: continue # about 40 GB a hundred items
                    o = spawn('attention', way, dict(items=items, batch=batch, rounds=3 if a.small else 8), a.threads)
                    w = best.setdefault(way, o)
                    if o['ms']<w['ms']: best[way] = dict(o, growth_gb=min(o['growth_gb'], w['growth_gb']))
            rows += [dict(part='attention', items=items, batch=batch, way=w, **o) for w, o in best.items()]
            if 'naive' in best: ratios[f'attention, {items} items'] = dict(naive_over_blocked_time=best['naive']['ms']/best['blocked']['ms'], naive_over_blocked_memory=best['naive']['growth_gb']/best['blocked']['growth_gb'])
            ratios.setdefault(f'attention, {items} items', {}).update(blocked_over_plain_time=best['blocked']['ms']/best['plain']['ms'], blocked_over_plain_memory=best['blocked']['growth_gb']/best['plain']['growth_gb'])
            print(f'{items} items', {w: {k: round(v, 3) for k, v in o.items()} for w, o in best.items()}, flush=True)
    if 'decode' in a.only:
        best = {}
        for _ in range(repeat):
            for way in ('tiger', 'bbqrec', 'no_table'):
                o = spawn('decode', way, dict(small=a.small), a.threads)['ms']
                best[way] = {k: min(v, best.get(way, o)[k]) for k, v in o.items()}
        rows += [dict(part='decode', way=w, ms=o) for w, o in best.items()]
        for w in ('bbqrec', 'no_table'): ratios[f'{w} over tiger, time of a user'] = {k: v/best['tiger'][k] for k, v in best[w].items()}
        print({w: {k: round(v, 2) for k, v in o.items()} for w, o in best.items()}, flush=True)
    ratios = {k: {n: round(v, 2) for n, v in r.items()} for k, r in ratios.items()}
    for k, v in ratios.items(): print(f'{k}: '+', '.join(f'{n} {o}' for n, o in v.items()))
    from importlib.metadata import version
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(dict(small=a.small, threads=a.threads, machine=platform.machine(), versions={n: version(n) for n in ('torch', 'transformers')}, ratios=ratios, rows=rows), indent=1)+'\n')

if __name__=='__main__': main()

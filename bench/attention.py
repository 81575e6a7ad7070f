"""What BBQRec's attention and decoding cost, beside plain attention, equation 17 as it is written, and TIGER's decoding

    python bench/attention.py [--small] [--only attention decode] [--repeat 2] [--out runs/bench/bbqrec.json]

(attention) one encoder layer's attention, forward and backward, histories of 10 to 100 items with 3 tokens each:
milliseconds and growth of memory of `plain` (softmax and values), `blocked` (ours: tokens of an item first, then one
product for each pair of items) and `naive` (a product for each pair of tokens)
(decode) a user's seconds at beam 50 and 100, 64 users at once and one by one: BBQRec (3 levels of three codes,
similarity table) beside TIGER (4 levels of one code), same widths and layers, untrained, 12,101 items
Each way runs in a process of its own, ways take turns, the fastest of the repeats counts."""
import argparse, json, os, platform, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
HEADS, WIDTH, LEVELS, BUCKETS = 6, 64, 3, 100

def peak():
    "Peak memory of this process in bytes"
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1])*1024 for line in lines if line.startswith('VmHWM'))

def naive(weights, values, table, rows):
    "Equation 17 as it is written"
    import torch
    item = torch.arange(weights.shape[2])//LEVELS # of each token
    factors = table[rows[:, item][:, :, item]].permute(0, 3, 1, 2, 4)
    return (weights[..., None]*values[:, :, None]*factors).sum(3)

def child_attention(way, a):
    import torch
    from genrec.recommend.similarity import similar_values
    torch.manual_seed(0)
    n, t = a['batch'], a['items']
    tokens = t*LEVELS
    scores = torch.randn(n, HEADS, tokens, tokens, requires_grad=True)
    values = torch.randn(n, HEADS, tokens, WIDTH, requires_grad=True)
    table, rows = torch.ones(BUCKETS+2, HEADS, WIDTH, requires_grad=True), torch.randint(BUCKETS+1, (n, t, t))
    def plain(): return scores.softmax(-1)@values
    def blocked(): return similar_values(scores.softmax(-1), values, table, rows, size=LEVELS)
    def written(): return naive(scores.softmax(-1), values, table, rows)
    attend = dict(plain=plain, blocked=blocked, naive=written)[way]
    base, best = peak(), 9e9
    for _ in range(a['rounds']):
        start = time.perf_counter()
        attend().sum().backward()
        best = min(best, time.perf_counter()-start)
        for p in (scores, values, table):
            p.grad = None
    return dict(ms=best*1e3, growth_gb=(peak()-base)/1e9)

def untrained(way, n, g):
    "A recommender of `n` items; numbers come from the generator `g`"
    import torch
    from genrec.core.values import SemanticIds
    from genrec.recommend.t5 import T5Recommender
    from genrec.recommend.similarity import SimilarityT5
    def ids(levels): return SemanticIds(torch.randint(256, (n, levels), generator=g), (256,)*levels)
    dims = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4, dropout=0., max_history=20)
    torch.manual_seed(0)
    if way=='tiger':
        return T5Recommender(ids(4), **dims)
    sids = {part: ids(3) for part in ('id', 'image', 'text')}
    if way=='no_table':
        return T5Recommender(sids, **dims)
    return SimilarityT5(sids, torch.randn(n, 384, generator=g), n_buckets=BUCKETS, **dims)

def user_seconds(m, histories, width, batch):
    "Seconds of a user, the best of three rounds; users one by one are eight, in one round"
    import torch
    n = len(histories) if batch>1 else min(8, len(histories))
    best = 9e9
    for _ in range(3 if batch>1 else 1):
        start = time.perf_counter()
        for i in torch.arange(n).split(batch):
            m.recommend(histories[i], k=10, width=width)
        best = min(best, (time.perf_counter()-start)/n)
    return best

def child_decode(way, a):
    import torch
    from genrec.core.values import Histories
    g, n = torch.Generator().manual_seed(0), 12_101
    m = untrained(way, n, g).eval()
    users, out = 8 if a['small'] else 64, {}
    histories = Histories.of(torch.randint(n, (users, 20), generator=g).tolist())
    m.recommend(histories[torch.arange(2)], k=10, width=50)
    for width in (50, 100):
        for batch in (1, users):
            out[f'beam {width}, batch {batch}'] = user_seconds(m, histories, width, batch)*1e3
    return dict(ms=out)

def spawn(part, way, a, threads, *, file=__file__):
    "What a process of its own measures"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1',
        PYTHONPATH=str(root), IN_TEST='', TRANSFORMERS_VERBOSITY='error')
    command = [sys.executable, file, '--child', json.dumps([part, way, a])]
    p = subprocess.run(command, env=env, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f'{part} {way} failed\n{p.stderr}')
    return json.loads(p.stdout.strip().splitlines()[-1])

def best_attention(items, batch, a):
    "Way -> milliseconds and growth of memory, the best of the repeats"
    best, job = {}, dict(items=items, batch=batch, rounds=3 if a.small else 8)
    for _ in range(a.repeat):
        for way in ('plain', 'blocked', 'naive'):
            if way=='naive' and items*LEVELS>150: # about 40 GB a hundred items
                continue
            found = spawn('attention', way, job, a.threads)
            before = best.setdefault(way, found)
            if found['ms']<before['ms']:
                best[way] = dict(found, growth_gb=min(found['growth_gb'], before['growth_gb']))
    return best

def attention_ratios(best):
    "Of equation 17 as written over ours, where it was run, and of ours over plain attention"
    out = {}
    for a, b in (('naive', 'blocked'), ('blocked', 'plain')):
        if a in best:
            out[f'{a}_over_{b}_time'] = best[a]['ms']/best[b]['ms']
            out[f'{a}_over_{b}_memory'] = best[a]['growth_gb']/best[b]['growth_gb']
    return out

def best_decode(a):
    "Way -> milliseconds a user, for each beam and batch"
    best = {}
    for _ in range(a.repeat):
        for way in ('tiger', 'bbqrec', 'no_table'):
            found = spawn('decode', way, dict(small=a.small), a.threads)['ms']
            best[way] = {k: min(v, best.get(way, found)[k]) for k, v in found.items()}
    return best

def measure_attention(a, rows, ratios):
    "Adds to rows and ratios"
    for items in (5, 10) if a.small else (10, 20, 50, 100):
        batch = max(1, 320//items)
        best = best_attention(items, batch, a)
        rows += [dict(part='attention', items=items, batch=batch, way=way, **found) for way, found in best.items()]
        ratios[f'attention, {items} items'] = attention_ratios(best)
        print(f'{items} items', {way: rounded(found, 3) for way, found in best.items()}, flush=True)

def measure_decode(a, rows, ratios):
    "Adds to rows and ratios"
    best = best_decode(a)
    rows += [dict(part='decode', way=way, ms=found) for way, found in best.items()]
    for way in ('bbqrec', 'no_table'):
        ratios[f'{way} over tiger, time of a user'] = {k: v/best['tiger'][k] for k, v in best[way].items()}
    print({way: rounded(found, 2) for way, found in best.items()}, flush=True)

def rounded(figures, digits): return {name: round(value, digits) for name, value in figures.items()}

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--only', nargs='*', default=['attention', 'decode'])
    p.add_argument('--repeat', type=int)
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'bbqrec.json'))
    p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        part, way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'child_{part}'](way, args)))
    a.repeat = a.repeat or (1 if a.small else 2)
    rows, ratios = [], {}
    if 'attention' in a.only:
        measure_attention(a, rows, ratios)
    if 'decode' in a.only:
        measure_decode(a, rows, ratios)
    ratios = {name: rounded(figures, 2) for name, figures in ratios.items()}
    for name, figures in ratios.items():
        print(f'{name}: '+', '.join(f'{k} {v}' for k, v in figures.items()))
    from importlib.metadata import version
    versions = {name: version(name) for name in ('torch', 'transformers')}
    record = dict(small=a.small, threads=a.threads, machine=platform.machine(), versions=versions, ratios=ratios)
    record['rows'] = rows
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(record, indent=1)+'\n')

if __name__=='__main__':
    main()

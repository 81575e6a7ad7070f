"""The causal recommender against T5 and SASRec in training, against T5 and exact scoring in decoding; the untrained row

    python bench/causal.py [--small] [--part train decode counts] [--data ../shared/data/scientific_cgr]
        [--recbole PYTHON] [--threads 1] [--repeat 3] [--out runs/bench/causal.json]

(train) processor seconds of an epoch, the best of the repeats, ways in turn, a process each: the causal recommender as
    it is by default, and with SASRec's width; our SASRec and, with `--recbole`, RecBole's; the T5 of the comparisons.
    `targets` are the items that an epoch learns to say, a second; `floor` the arithmetic of the causal model without
    padding at the speed of the fastest matrix product of this run, and how many times that its epoch takes
(decode) seconds a user at beam 50, top 10, batch 1 and 64, 12 thousand and 1 million items, random weights: beam search
    of the causal recommender and of T5, and the causal model's exact scores of the whole catalogue
(counts) the untrained row at 1 million items and 10 million interactions: seconds to count and for 256 users, memory

Real histories and codes of `--data` in (train), made-up ones elsewhere and where the folder is absent."""
import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'bench')]
PARTS = ('train', 'decode', 'counts')
TRAINED = ('causal', 'causal_64', 'sasrec_64', 't5')
WIDTH, K, LENGTH = 50, 10, 20

def codes_of(n, seed=0):
    "Random unique IDs: three levels of 256 codes and a rank"
    import torch
    from genrec.codes.collide import append_rank
    from genrec.core.values import SemanticIds
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 256, (n, 3), generator=generator)
    return append_rank(SemanticIds(codes, (256,)*3))

def made(way, n_items, small=False):
    "A model with random weights"
    import torch
    from genrec.recommend.causal import CausalRecommender
    from genrec.recommend.sasrec import SASRec
    from genrec.recommend.t5 import T5Recommender
    from genrec.study.settings import RECOMMENDER
    torch.manual_seed(0)
    if way=='sasrec_64':
        return SASRec(n_items, dim=64, max_history=LENGTH)
    if way=='t5':
        return T5Recommender(codes_of(n_items), RECOMMENDER.model)
    return CausalRecommender(codes_of(n_items), **(dict(dim=64, d_ff=256) if way=='causal_64' else {}))

# (train)
def train(way, a):
    "Processor seconds of an epoch"
    from baselines import split_of, n_weights
    from genrec.core.train import fit
    split = split_of(a.data, a.small)
    model = made(way, split.n_items)
    data = model.training_data(split.train)
    how = dict(epochs=1, batch_size=128, micro_cells=512 if way=='t5' else 3000)
    fit(model, data[:128], **how) # warm
    took = []
    for _ in range(1 if way=='t5' else a.repeat):
        start = time.process_time()
        fit(model, data, **how)
        took.append(time.process_time()-start)
    return dict(seconds=min(took), samples=len(data), targets=len(split.train)/min(took), weights=n_weights(model))

def floor(way, a):
    "Seconds of an epoch's arithmetic, without padding, at the speed of a matrix product"
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from baselines import split_of
    from train import product_speed
    from genrec.core import layers
    split = split_of(a.data, a.small)
    model = made(way, split.n_items)
    data = model.training_data(split.train)
    suits, layers.onednn_suits = layers.onednn_suits, lambda: False # what oneDNN does is not counted
    lengths, operations = data.history.lengths.clamp(max=model.max_history), 0
    for length in lengths.unique():
        some = (lengths==length).nonzero()[:, 0]
        with FlopCounterMode(display=False) as counter:
            model.loss(data[some[:64]])['loss'].backward()
        operations += counter.get_total_flops()*len(some)/len(some[:64])
    layers.onednn_suits = suits
    speed = max(product_speed(torch.float32), product_speed(torch.float32, layers.linear))
    return dict(operations=operations, speed=speed, seconds=operations/speed)

# (decode)
def decode(way, a, n_items):
    "Seconds a user at batch 1 and 64"
    import torch
    from genrec.core.values import Histories
    from genrec.recommend.base import top_k
    from genrec.recommend.oracle import score_catalog
    model = made('causal' if way=='exact' else way, n_items).eval()
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(0, n_items, (64, LENGTH), generator=generator).tolist()
    def ask(histories):
        if way=='exact':
            return top_k(score_catalog(model, histories), K)
        return model.recommend(histories, k=K, width=WIDTH)
    found = {}
    for batch in (1, 64):
        if way=='exact' and n_items*batch>2**21:
            continue # minutes a user: left out
        histories = Histories.of(rows[:batch])
        ask(histories) # warm
        took = []
        for _ in range(a.repeat):
            start = time.perf_counter()
            ask(histories)
            took.append((time.perf_counter()-start)/batch)
        found[str(batch)] = min(took)
    return found

# (counts)
def counts(a):
    "The untrained row at scale"
    import resource
    import torch
    from genrec.core.values import Histories, Samples
    from genrec.recommend.counts import FollowersAndContent
    n_items, n = (10_000, 100_000) if a.small else (1_000_000, 10_000_000)
    generator = torch.Generator().manual_seed(0)
    popular = torch.rand(n, generator=generator).square()
    items = (popular*n_items).long()
    users = n//10 # of ten items each
    start = (torch.arange(users)*10).repeat_interleave(8)
    end = start+torch.arange(1, 9).repeat(users)
    history = Histories(items, start, end)
    samples = Samples(torch.arange(users).repeat_interleave(8), history, items[end])
    model, begun = FollowersAndContent(n_items), time.process_time()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    model.fit(samples)
    fitted = time.process_time()-begun
    begun = time.process_time()
    model.recommend(history[torch.arange(256)*8+7], k=K, exclude_seen=True)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return dict(items=n_items, interactions=n, fit=fitted, users_256=time.process_time()-begun,
                gb=(after-before)/1e6, samples_gb=3*8*len(end)/1e9)

# children
def child(a, what, *args):
    "Run a function in a process of its own"
    here = dict(os.environ, OMP_NUM_THREADS=str(a.threads), GENREC_PROGRESS='off')
    command = [sys.executable, __file__, '--child', json.dumps([what, *args])]
    command += ['--data', str(a.data), '--repeat', str(a.repeat)]+['--small']*a.small
    done = subprocess.run(command, env=here, capture_output=True, text=True)
    if done.returncode:
        return dict(failed=(done.stderr.strip().splitlines() or ['no message'])[-1])
    return json.loads(done.stdout.strip().splitlines()[-1])

def train_part(a):
    "All ways of training, and RecBole's"
    from baselines import child as other
    rows = {way: child(a, 'train', way) for way in TRAINED}
    if a.recbole:
        job = dict(way='sasrec', folder=str(a.data), small=a.small, repeat=a.repeat)
        rows['recbole sasrec'] = other(a.recbole, 'recbole', threads=a.threads, **job)
    rows['floor'] = child(a, 'floor', 'causal')
    seconds = {way: row['seconds'] for way, row in rows.items() if 'seconds' in row}
    ratios = {f'{way} over causal': seconds[way]/seconds['causal'] for way in ('t5',) if way in seconds}
    ratios |= {f'{way} over causal_64': seconds[way]/seconds['causal_64'] for way in ('sasrec_64', 'recbole sasrec')
               if way in seconds}
    if 'floor' in seconds:
        ratios['causal over its floor'] = seconds['causal']/seconds['floor']
    return dict(rows=rows, ratios={name: round(value, 2) for name, value in ratios.items()})

def decode_part(a):
    "Beam searches and exact scoring"
    rows, ratios = {}, {}
    for n in (500, 2000) if a.small else (12_101, 1_000_000):
        found = {way: child(a, 'decode', way, n) for way in ('causal', 't5', 'exact')}
        rows[f'{n:,} items'] = found
        for batch in ('1', '64'):
            for way in ('t5', 'exact'):
                if batch in found[way] and batch in found['causal']:
                    ratio = found[way][batch]/found['causal'][batch]
                    ratios[f'{way} over a beam of 50, {n:,} items, batch {batch}'] = round(ratio, 2)
    return dict(rows=rows, ratios=ratios)

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true', help='a made-up shop and small catalogues: a try, no result')
    p.add_argument('--part', nargs='+', choices=PARTS, default=PARTS)
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'scientific_cgr'))
    p.add_argument('--recbole', help='its python, see .ci/beside.sh')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--repeat', type=int, default=3)
    p.add_argument('--out', default=str(root/'runs'/'bench'/'causal.json'))
    p.add_argument('--child', help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.recbole:
        a.recbole = os.path.abspath(a.recbole) # not resolved: a virtual environment's python is a link
    if a.child:
        what, *args = json.loads(a.child)
        made_here = dict(train=lambda way: train(way, a), floor=lambda way: floor(way, a), counts=lambda: counts(a),
                         decode=lambda way, n: decode(way, a, n))
        print(json.dumps(made_here[what](*args)))
        return
    parts = dict(train=lambda: train_part(a), decode=lambda: decode_part(a), counts=lambda: child(a, 'counts'))
    found = dict(small=a.small, threads=a.threads, machine=platform.machine(), data=Path(a.data).name)
    for name in a.part:
        found[name] = parts[name]()
        print(name, json.dumps(found[name].get('ratios', found[name]), indent=1), flush=True)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(found, indent=1)+'\n')

if __name__=='__main__':
    main()

"""Constrained decoding against Hugging Face `generate` with a trie callback, and against STATIC's tables and gather

    python bench/decode.py [--small] [--only decode constraint sweep oracle] [--way ours ...] [--repeat 3]
                           [--data ../shared/data/beauty14/letter_Beauty.index.json] [--out runs/bench/decode.json]

(decode) equal weights, beam 50, top 10, 64 users with 20 items each: seconds a user and growth of memory over the idle
    model at batch 1, 8 and 64, in fp32 and bf16, and whether the lists agree
(constraint) what the catalogue costs: 64 x 50 beams over all levels, at 12 k, 1 M and 10 M items
(sweep) users a second against beam width, catalogue, batch and model size
(oracle) share of the exact top 10 that a beam of 50 finds

Each way runs in a process of its own, ways take turns, each is warmed up, and the fastest of the repeats counts. The
floor is the arithmetic when nothing is repeated over beams, at the speed of PyTorch's plain matrix product in the same
run, and of the fastest one at hand (`genrec.core.layers.linear`). A ratio above 1 says how many times ours is better.
The other side: one vocabulary of 1,026 tokens and no end token (public code has 34 k text tokens on top, way
`generate_34k`), a tree of dicts asked once for every beam."""
import argparse
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from itertools import product
from pathlib import Path

root = Path(__file__).resolve().parent.parent
DIMS = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4)
WIDTH, K, ITEMS, LEVELS, CODES = 50, 10, 20, 4, 256
PARTS = ('decode', 'constraint', 'sweep', 'oracle')
WAYS = ('ours', 'generate', 'ours_bf16', 'generate_34k')

def index(path):
    "The published index, or a made-up one of its size where it is absent"
    from genrec.codes.index_json import load_index
    if path and Path(path).is_file():
        return load_index(path)
    return random_ids(12_101, used=(197, 256, 256, 256))

def random_ids(n, used=(CODES,)*LEVELS):
    import torch
    from genrec.core.values import SemanticIds
    generator = torch.Generator().manual_seed(0)
    codes = [torch.randint(0, size, (n,), generator=generator) for size in used]
    return SemanticIds(torch.stack(codes, 1), (CODES,)*LEVELS)

def users(n, n_items):
    import torch
    from genrec.core.values import Histories
    generator = torch.Generator().manual_seed(1)
    return Histories.of(torch.randint(0, n_items, (n, ITEMS), generator=generator).tolist())

def memory(field):
    "Bytes of this process, from the kernel"
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(line.split()[1])*1024 for line in lines if line.startswith(field))

class Peak:
    "How far memory grows in the block"
    def __enter__(self):
        try:
            Path('/proc/self/clear_refs').write_text('5')
        except OSError:
            pass
        self.idle = memory('VmRSS')
        return self

    def __exit__(self, *_):
        self.growth = max(0, memory('VmHWM')-self.idle)

# two models, one set of weights
def hf_model(tokens):
    """A random T5 that spells like a trained one: the next level's tokens take all the probability

    Four dimensions of the decoder say which level was written last and nothing overwrites them, so a softmax over all
    tokens is one over a level's codes, and both searches rank alike."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration
    torch.manual_seed(0)
    sizes = {name: DIMS[name] for name in ('d_model', 'd_ff', 'd_kv')}
    cfg = T5Config(vocab_size=tokens, **sizes, num_heads=DIMS['n_heads'], num_layers=DIMS['n_layers'],
                   feed_forward_proj='relu', tie_word_embeddings=False, decoder_start_token_id=0, pad_token_id=0,
                   eos_token_id=1)
    model = T5ForConditionalGeneration(cfg).eval()
    # its own table, unscaled, whatever this version of transformers ties
    model.lm_head = torch.nn.Linear(DIMS['d_model'], tokens, bias=False)
    model.config.tie_word_embeddings = model.config.scale_decoder_outputs = False
    with torch.no_grad():
        write_levels(model)
    return model

def write_levels(model):
    "Let the last four dimensions say which level was written last"
    first = DIMS['d_model']-LEVELS
    for name, weight in model.decoder.named_parameters():
        if name.endswith(('.o.weight', '.wo.weight')):
            weight[first:] = 0
    head, table = model.lm_head.weight, model.shared.weight
    head.normal_(std=.25)
    table[:, first:] = 0
    head[:, first:] = 0
    table[0, first] = 8.
    for level in range(LEVELS):
        rows = slice(2+CODES*level, 2+CODES*(level+1))
        head[rows, first+level] = 20.
        if level+1<LEVELS:
            table[rows, first+level+1] = 8.

def our_model(hf, sids, **dims):
    "The same weights in a T5Recommender"
    from genrec.recommend.t5 import T5Recommender
    from genrec.recommend.t5_hf import from_hf
    if hf is not None:
        return from_hf(hf, sids, dropout=0., max_history=ITEMS).eval()
    return T5Recommender(sids, **(DIMS | dims), recency=False, tie=False, dropout=0., max_history=ITEMS).eval()

class DictTrie:
    "The tree of public code"
    def __init__(self, rows):
        self.root = {}
        for row in rows:
            node = self.root
            for token in row:
                node = node.setdefault(token, {})

    def get(self, prefix):
        node = self.root
        for token in prefix:
            node = node.get(token, {})
        return list(node)

# (decode)
def our_way(hf, sids, *, precision, device):
    "histories -> (codes, scores) of the top 10"
    model = our_model(hf, sids).to(device)
    def recommend(histories):
        ranking = model.recommend(histories, k=K, width=WIDTH, precision=precision)
        return model.codes[ranking.items.clamp(min=0)].cpu(), ranking.scores
    return recommend

def their_way(hf, sids, *, precision, device):
    "The same by `generate`"
    import torch
    hf = hf.to(device, torch.bfloat16 if precision=='bf16' else torch.float32)
    rows = our_model(None, sids).tokens
    trie = DictTrie([[0, *row] for row in rows.tolist()])
    def allowed(batch, sentence): return trie.get(sentence.tolist())
    search = dict(num_beams=WIDTH, num_return_sequences=K, max_new_tokens=LEVELS, do_sample=False,
                  prefix_allowed_tokens_fn=allowed, return_dict_in_generate=True, output_scores=True)
    first = torch.tensor([2+CODES*level for level in range(LEVELS)])
    def recommend(histories):
        ids = torch.nn.functional.pad(rows[histories.pad()].flatten(1), (0, 1), value=1).to(device)
        with torch.no_grad():
            found = hf.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **search)
        codes = found.sequences[:, 1:1+LEVELS].cpu()-first
        scores = found.sequences_scores.float().cpu()*LEVELS # a mean over four codes (see length_penalty)
        return codes.view(len(histories), K, LEVELS), scores.view(len(histories), K)
    return recommend

def timed(recommend, histories, batch, *, device):
    "(lists, times and memory) of all users in batches; 16 users are enough one by one"
    import torch
    on_gpu = device.type=='cuda'
    def wait():
        if on_gpu:
            torch.cuda.synchronize()
    n = len(histories) if batch>1 else min(len(histories), 16)
    with Peak() as peak:
        wait()
        start, cpu = time.perf_counter(), time.process_time()
        lists = [recommend(histories[part]) for part in torch.arange(n).split(batch)]
        wait()
        took = dict(ms=(time.perf_counter()-start)/n*1e3, cpu_ms=(time.process_time()-cpu)/n*1e3)
    growth = torch.cuda.max_memory_allocated() if on_gpu else peak.growth
    return lists, dict(took, growth_gb=growth/1e9)

def child_decode(way, a):
    "Seconds a user at each batch size, growth of memory, and the lists"
    import torch
    precision, device = ('bf16' if way.endswith('bf16') else 'no'), torch.device(a['device'])
    sids = index(a['data'])
    hf = hf_model(34_000 if '34k' in way else 2+CODES*LEVELS)
    histories = users(a['users'], len(sids))
    make = our_way if way.startswith('ours') else their_way
    recommend = make(hf, sids, precision=precision, device=device)
    del hf
    for n in (1, min(4, len(histories))): # warm up
        recommend(histories[torch.arange(n)])
    out = {}
    for batch in a['batches']:
        if batch<=len(histories):
            lists, out[batch] = timed(recommend, histories, batch, device=device)
    codes, scores = (torch.cat(parts) for parts in zip(*lists))
    return dict(batches=out, codes=codes.tolist(), scores=scores.tolist())

def distinct(codes, scores):
    "IDs with their first scores, in order: items may share an ID"
    backwards = reversed(list(zip(codes, scores)))
    score_of = {tuple(code): round(score, 6) for code, score in backwards}
    return list(score_of.items())[::-1]

def agree(a, b):
    "Share of users whose lists of IDs are the same, and the same but for ties"
    same = tied = 0
    for codes, scores, other_codes, other_scores in zip(a['codes'], a['scores'], b['codes'], b['scores']):
        pairs = list(zip(distinct(codes, scores), distinct(other_codes, other_scores)))
        same += all(ours[0]==theirs[0] for ours, theirs in pairs)
        tied += all(ours[0]==theirs[0] or abs(ours[1]-theirs[1])<2e-4 for ours, theirs in pairs)
    return dict(identical=same/len(a['codes']), ties_aside=tied/len(a['codes']))

# the floor
def flops(t=LEVELS*ITEMS+1, width=WIDTH, levels=LEVELS, codes=CODES):
    "Multiplications and additions for one user when nothing is repeated over beams"
    d, hd, ff, n_layers = DIMS['d_model'], DIMS['n_heads']*DIMS['d_kv'], DIMS['d_ff'], DIMS['n_layers']
    rows = 1+width*(levels-1)
    enc = t*(4*d*hd+2*d*ff)+2*t*t*hd
    dec = rows*(6*d*hd+2*d*ff)+2*rows*t*hd+t*2*d*hd
    return 2*(n_layers*(enc+dec)+rows*d*codes)

def child_floor(way, a):
    "Speed of a plain matrix product, in floating-point operations a second"
    import torch
    from genrec.core.layers import linear
    dtype, device = (torch.bfloat16 if way=='bf16' else torch.float32), a['device']
    ways, best = dict(plain=torch.nn.functional.linear, fastest=linear), dict(plain=0., fastest=0.)
    for n, k, m in ((3200, 128, 1024), (3200, 1024, 128), (2048, 2048, 2048)):
        x, w = torch.randn(n, k, device=device).to(dtype), torch.randn(m, k, device=device).to(dtype)
        for _, (name, multiply) in product(range(40), ways.items()):
            start = time.perf_counter()
            multiply(x, w)
            if device!='cpu':
                torch.cuda.synchronize()
            best[name] = max(best[name], 2*n*k*m/(time.perf_counter()-start))
    return dict(best, fastest=max(best.values()))

# (constraint)
class Static:
    """The scheme of STATIC's paper (arXiv 2602.22647)

    A dense mask and a dense table of states for two levels, then one gather of at most `branch` children a beam from a
    table of (code, state)."""
    def __init__(self, trie):
        import torch
        n_codes = trie.sizes[0]
        self.start = trie.mask[0][0]==0
        codes = torch.arange(n_codes)
        first = trie.child(0, torch.zeros(n_codes, dtype=torch.int64), codes) # node of each first code, -1 where none
        self.states = trie.child(1, first[:, None], codes).int()
        self.mask, self.branch = self.states>=0, trie.max_branch
        self.starts = [starts.int() for starts in trie.ptr]
        self.packed = [torch.stack([code.int(), torch.arange(len(code)).int()], 1) for code in trie.code]

    def scores(self, level, code, node, *, log_probs):
        "Candidates' scores, and a function (codes, slots) -> the winners' states"
        import torch
        none = torch.tensor(-torch.inf)
        if level==0:
            return torch.where(self.start, log_probs, none), lambda chosen, _: chosen
        if level==1:
            return torch.where(self.mask[code], log_probs, none), lambda chosen, _: self.states[code, chosen]
        start = self.starts[level][node.long()]
        n = self.starts[level][node.long()+1]-start
        at = torch.arange(self.branch[level])
        got = self.packed[level][(start[:, None]+at).clamp(max=len(self.packed[level])-1)]
        codes, states = got[..., 0], got[..., 1]
        out = torch.where(at<n[:, None], log_probs.gather(1, codes.long()), none)
        return out, lambda _, slot: states.gather(1, slot[:, None])[:, 0]

def child_constraint(way, a):
    """Microseconds a user for masks and next states over all levels

    Both ways and all catalogues take turns, so that none finds the cache warm."""
    n, setups, rows, best = 64, [], [], {}
    for items in a['sizes']:
        ours, theirs, row = constraint_ways(items, n, WIDTH, data=a['data'])
        setups += [(items, 'ours', ours), (items, 'static', theirs)]
        rows.append(row)
    for _, (items, name, step), level in product(range(a['rounds']), setups, range(LEVELS)):
        start = time.perf_counter()
        step(level)
        took = (time.perf_counter()-start)/n*1e6
        best[items, name, level] = min(best.get((items, name, level), took), took)
    for row in rows:
        levels = {name: [best[row['items'], name, level] for level in range(LEVELS)] for name in ('ours', 'static')}
        row.update(us=sum(levels['ours']), static_us=sum(levels['static']), levels=levels)
    return dict(rows=rows)

def constraint_ways(items, n, beams, *, data):
    "Steps (level -> scores, states) of both ways, and what our trie took"
    import torch
    from genrec.codes.trie import CodeTrie
    sids = index(data) if items==12_101 else random_ids(items)
    with Peak() as peak:
        start = time.perf_counter()
        trie = CodeTrie(sids)
        build = time.perf_counter()-start
    static = Static(trie)
    generator = torch.Generator().manual_seed(0)
    item = torch.randint(0, items, (n, beams), generator=generator)
    nodes, code = [trie.path(depth, item) for depth in range(LEVELS+1)], sids.codes[item] # beams on their way to items
    def logits_of(level): return torch.randn(n, beams if level else 1, CODES, generator=generator).log_softmax(-1)
    logits = [logits_of(level) for level in range(LEVELS)]
    slot = [nodes[level+1]-trie.ptr[level].long()[nodes[level]] for level in range(LEVELS)]
    at = torch.arange(beams).expand(n, -1)
    def ours(level):
        node = nodes[level] if level else nodes[level][:, :1]
        scores, codes, first = trie.legal_scores(level, node, [logits[level]])
        if codes is None:
            return scores, trie.table[level][nodes[level], code[..., level]].long()
        return scores, first.gather(1, at)+slot[level]
    def theirs(level):
        node, before = nodes[level].flatten(), code[..., level-1].flatten()
        scores, after = static.scores(level, before, node, log_probs=logits[level].flatten(0, 1))
        return scores, after(code[..., level].flatten(), slot[level].flatten())
    check_ways(ours, theirs, n)
    return ours, theirs, dict(items=items, build_s=build, build_over_input_gb=peak.growth/1e9)

def check_ways(ours, theirs, n):
    "Both give the same states, and the same probability"
    for level in range(1, LEVELS):
        (scores, states), (other_scores, other_states) = ours(level), theirs(level)
        assert (states.flatten()==other_states.flatten().long()).all()
        assert abs(scores.exp().sum()-other_scores.exp().sum())<1e-2*n

# (sweep)
AXES = dict(width=(10, 20, 50, 100, 200), items=(1000, 12_101, 100_000, 1_000_000), batch=(1, 4, 16, 64, 256),
            d_model=(64, 128, 256, 512), n_layers=(2, 4, 8))

def users_a_second(at, a):
    "Of one shape: width, items, batch, d_model, n_layers"
    import torch
    torch.manual_seed(0)
    width, items, d_model = at['width'], at['items'], at['d_model']
    sids = index(a['data']) if items==12_101 else random_ids(items)
    model = our_model(None, sids, d_model=d_model, d_ff=8*d_model, n_heads=max(1, 3*d_model//64),
                      n_layers=at['n_layers']).to(torch.device(a['device']))
    histories = users(at['batch'], items)
    model.recommend(histories[torch.arange(1)], k=K, width=width)
    best = 1e9
    for _ in range(1 if a['small'] else 2):
        start = time.perf_counter()
        model.recommend(histories, k=K, width=width)
        best = min(best, time.perf_counter()-start)
    return at['batch']/best

def child_sweep(way, a):
    rows, done = [], {}
    base = dict(width=WIDTH, items=12_101, batch=4 if a['small'] else 64, d_model=128, n_layers=4)
    for axis, values in AXES.items():
        for value in values[:2] if a['small'] else values:
            at = base | {axis: value}
            shape = tuple(at.values())
            if shape not in done:
                done[shape] = users_a_second(at, a)
            others = {name: other for name, other in at.items() if name!=axis}
            rows.append(dict(axis=axis, value=value, users_a_second=done[shape], **others))
    return dict(rows=rows)

# (oracle)
def agreement_row(model, histories, weights):
    "How much of the exact top 10 a beam finds"
    from genrec.recommend.base import top_k
    from genrec.recommend.oracle import agreement, score_catalog
    start = time.perf_counter()
    best = top_k(score_catalog(model, histories), K)
    seconds = time.perf_counter()-start
    found = {p: model.recommend(histories, k=K, width=WIDTH, precision=p) for p in ('no', 'bf16')}
    def of_width(width): return round(agreement(model.recommend(histories, k=K, width=width), best, K), 4)
    row = dict(weights=weights, users=len(histories), width=WIDTH, agreement_at_10=agreement(found['no'], best, K))
    row |= dict(bf16_with_fp32_at_10=agreement(found['bf16'], found['no'], K), oracle_ms=seconds/len(histories)*1e3)
    return row | dict(agreement_by_width={width: of_width(width) for width in (10, 20, WIDTH, 100, 200)})

def child_oracle(way, a):
    "With random weights, and with those of a short training on the users of the index"
    sids, n = index(a['data']), 2 if a['small'] else 32
    model = our_model(hf_model(2+CODES*LEVELS), sids)
    rows, folder = [agreement_row(model, users(n, len(sids)), 'random')], Path(a['data']).parent
    if folder.is_dir() and not a['small']:
        rows.append(trained_row(folder, n))
    return dict(rows=rows)

def trained_row(folder, n):
    import torch
    from train import data, some
    from genrec.core.optim import muon
    from genrec.core.fit_config import FitConfig
    from genrec.core.train import fit
    sids, split = data(folder)
    torch.manual_seed(0)
    model = our_model(None, sids)
    cfg = FitConfig(epochs=2, batch_size=256, micro_cells=512, lr=1e-3, optimizer=muon)
    fit(model, some(split.train, 12_288, 0), cfg)
    return agreement_row(model.eval(), some(split.test, n, 1).history.last(ITEMS), 'trained on 24,576 samples')

CHILDREN = dict(decode=child_decode, floor=child_floor, constraint=child_constraint, sweep=child_sweep,
                oracle=child_oracle)

# all runs
def spawn(part, way, args, *, threads):
    "What a child says, in a process of its own"
    own = dict(OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root))
    environment = os.environ | own | dict(IN_TEST='', TRANSFORMERS_VERBOSITY='error')
    command = [sys.executable, __file__, '--child', json.dumps([part, way, args])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'{part} {way} failed\n{done.stderr}')
    return json.loads(done.stdout.strip().splitlines()[-1])

def rounded(values, digits): return {k: round(v, digits) if isinstance(v, float) else v for k, v in values.items()}

def decode(a, args):
    "Ways in turns; of each batch size the fastest run"
    fastest, last = {}, {}
    fewer = args | dict(batches=[8], users=min(16, args['users'])) # a head of 34 k tokens is slow
    for repeat, way in product(range(a.repeat), a.way):
        if way=='generate_34k' and repeat:
            continue
        last[way] = spawn('decode', way, fewer if way=='generate_34k' else args, threads=a.threads)
        batches = last[way]['batches']
        for batch, values in batches.items():
            before = fastest.setdefault((way, int(batch)), values)
            fastest[way, int(batch)] = {name: min(before[name], value) for name, value in values.items()}
        print(f'decode {way:14s}', {batch: rounded(values, 3) for batch, values in batches.items()}, flush=True)
    return [dict(part='decode', way=way, batch=batch, **values) for (way, batch), values in fastest.items()],last

def lists_agree(last):
    "Lists of each way beside those of `generate`"
    if 'generate' not in last:
        return {}
    others = [way for way in last if way!='generate' and '34k' not in way]
    return {f'{way} and generate': agree(last[way], last['generate']) for way in others}

def floors(a, args):
    "What the arithmetic alone would take, for each precision"
    out = {}
    for precision in ('fp32', 'bf16'):
        speed = spawn('floor', precision, args, threads=a.threads)
        out[precision] = dict(
            gflop_a_user=flops()/1e9, gflop_a_second=speed['plain']/1e9, fastest_gflop_a_second=speed['fastest']/1e9,
            ms=flops()/speed['plain']*1e3, fastest_ms=flops()/speed['fastest']*1e3)
    return out

def decode_ratios(rows, floor):
    "How many times ours is better than `generate`, and how far it is from the floor"
    of, out = {(row['way'], row['batch']): row for row in rows if row['part']=='decode'}, {}
    best = min((row['ms'] for (way, _), row in of.items() if way=='generate'), default=None)
    for (way, batch), ours in sorted(of.items()):
        precision = dict(ours='fp32', ours_bf16='bf16').get(way)
        if precision is None:
            continue
        found, theirs = {}, of.get(('generate', batch))
        if theirs:
            found['same_batch'] = theirs['ms']/ours['ms']
            found['memory'] = theirs['growth_gb']/max(ours['growth_gb'], 1e-3)
        if best:
            found['generates_best_batch'] = best/ours['ms']
        found['times_the_floor'] = ours['ms']/floor[precision]['ms']
        found['times_the_fastest_floor'] = ours['ms']/floor[precision]['fastest_ms']
        out[f'{precision}, batch {batch}'] = rounded(found, 2)
    return out

def constraint_ratios(rows):
    "What a larger catalogue costs, and what STATIC's scheme does"
    rows = [row for row in rows if row['part']=='constraint']
    if not rows:
        return {}
    found = dict(largest_over_smallest=max(row['us'] for row in rows)/min(row['us'] for row in rows))
    for row in rows:
        found[f"ours over STATIC's scheme, {row['items']:,} items"] = row['us']/row['static_us']
    return dict(constraint=rounded(found, 2))

def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--only', nargs='*', default=PARTS)
    p.add_argument('--way', nargs='*', default=WAYS)
    p.add_argument('--repeat', type=int)
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'beauty14'/'letter_Beauty.index.json'))
    p.add_argument('--device', default='cpu')
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'decode.json'))
    p.add_argument('--child')
    return p.parse_args()

def run_child(job):
    import torch
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    part, way, args = json.loads(job)
    print(json.dumps(CHILDREN[part](way, args)))

def last_record(a):
    "The record that is there: parts that are not run again stay; nothing where it was made in another way"
    old = json.loads(Path(a.out).read_text()) if Path(a.out).is_file() else {}
    same = (old.get('small'), old.get('threads'), old.get('device'))==(a.small, a.threads, a.device)
    return old if same else {}

def constraint(a, args):
    sizes = [12_101, 100_000] if a.small else [12_101, 1_000_000, 10_000_000]
    made = spawn('constraint', '', args | dict(sizes=sizes, rounds=5 if a.small else 200), threads=a.threads)
    for row in made['rows']:
        print('constraint', rounded({k: v for k, v in row.items() if k!='levels'}, 2), flush=True)
    return [dict(part='constraint', **row) for row in made['rows']]

def measured(a, args):
    "(rows, lists, floor), new and old"
    old = last_record(a)
    rows, lists, floor = [], old.get('lists', {}), old.get('floor', {})
    if 'decode' in a.only:
        rows, last = decode(a, args)
        lists, floor = lists_agree(last), floors(a, args)
    rows += [row for row in old.get('rows', []) if row['part'] not in a.only]
    if 'constraint' in a.only:
        rows += constraint(a, args)
    for part in ('sweep', 'oracle'):
        if part in a.only:
            rows += [dict(part=part, **row) for row in spawn(part, '', args, threads=a.threads)['rows']]
    return rows, lists, floor

def say(rows, ratios, floor):
    for row in rows:
        if row['part']=='oracle':
            print('oracle', rounded(row, 3))
        if row['part']=='sweep':
            print(f"sweep {row['axis']:9s} {row['value']:9,} {row['users_a_second']:9.1f} users a second")
    for name, values in ratios.items():
        print(f'{name}: '+', '.join(f'{what} {value}' for what, value in values.items()))
    if floor:
        print('floor', {precision: rounded(values, 2) for precision, values in floor.items()})

def main():
    a = arguments()
    if a.child:
        return run_child(a.child)
    a.repeat = a.repeat or (1 if a.small else 2)
    args = dict(data=a.data, device=a.device, small=a.small)
    args |= dict(users=8, batches=[1, 8]) if a.small else dict(users=64, batches=[1, 8, 64])
    rows, lists, floor = measured(a, args)
    ratios = decode_ratios(rows, floor) | constraint_ratios(rows)
    say(rows, lists | ratios, floor)
    versions = {name: version(name) for name in ('torch', 'transformers')}
    out = dict(small=a.small, threads=a.threads, device=a.device, machine=platform.machine())
    out |= dict(made_up=not Path(a.data).is_file(), versions=versions)
    out |= dict(ratios=ratios, lists=lists, floor=floor, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__':
    main()

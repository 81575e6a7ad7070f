"""Constrained decoding against Hugging Face `generate` with a trie callback, and against STATIC's dense table and CSR gather

    python bench/decode.py [--small] [--only decode constraint sweep oracle] [--way ours ...] [--repeat 3] [--data ../shared/data/beauty14/letter_Beauty.index.json] [--out runs/bench/decode.json]

(decode) equal weights, beam 50, top 10, 64 users with 20 items each: seconds a user and growth of memory over the idle model at batch 1, 8 and 64, in fp32 and bf16, and whether the lists agree
(constraint) what the catalogue costs: 64 x 50 beams over all levels, at 12 k, 1 M and 10 M items
(sweep) users a second against beam width, catalogue, batch and model size
(oracle) share of the exact top 10 that a beam of 50 finds
Each way runs in a process of its own, ways take turns, each is warmed up, and the fastest of the repeats counts. The floor is the arithmetic when nothing is repeated over beams, at the speed of PyTorch's plain matrix product in the same run, and of the fastest one at hand (`genrec.core.layers.linear`). A ratio above 1 says how many times ours is better.
The other side: one vocabulary of 1,026 tokens and no end token (public code has 34 k text tokens on top, way `generate_34k`), a tree of dicts asked once for every beam."""
import argparse, json, os, platform, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
DIMS = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4)
WIDTH, K, ITEMS = 50, 10, 20

def index(path):
    "The published index, or a made-up one of its size where it is absent"
    import torch
    from genrec.core.values import SemanticIds
    from genrec.codes.index_json import load_index
    if path and Path(path).is_file(): return load_index(path)
    return random_ids(12_101, used=(197, 256, 256, 256))

def random_ids(n, used=(256,)*4):
    import torch
    from genrec.core.values import SemanticIds
    g = torch.Generator().manual_seed(0)
    return SemanticIds(torch.stack([torch.randint(0, u, (n,), generator=g) for u in used], 1), (256,)*4)

def users(n, n_items):
    import torch
    from genrec.core.values import Histories
    return Histories.of(torch.randint(0, n_items, (n, ITEMS), generator=torch.Generator().manual_seed(1)).tolist())

def memory(field):
    "Bytes of this process, from the kernel"
    return next(int(l.split()[1])*1024 for l in Path('/proc/self/status').read_text().splitlines() if l.startswith(field))

class Peak:
    "How far memory grows in the block"
    def __enter__(self):
        try: Path('/proc/self/clear_refs').write_text('5')
        except OSError: pass
        self.idle = memory('VmRSS'); return self
    def __exit__(self, *_): self.growth = max(0, memory('VmHWM')-self.idle)

# two models, one set of weights
def hf_model(tokens):
    """A random T5 that spells like a trained one: the next level's tokens take all the probability

    Four dimensions of the decoder say which level was written last and nothing overwrites them, so a softmax over all tokens is one over a level's codes, and both searches rank alike."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration
    torch.manual_seed(0)
    cfg = T5Config(vocab_size=tokens, d_model=DIMS['d_model'], d_ff=DIMS['d_ff'], d_kv=DIMS['d_kv'], num_heads=DIMS['n_heads'], num_layers=DIMS['n_layers'],
        feed_forward_proj='relu', tie_word_embeddings=False, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1)
    m = T5ForConditionalGeneration(cfg).eval()
    m.lm_head = torch.nn.Linear(DIMS['d_model'], tokens, bias=False) # its own table, unscaled, whatever this version of transformers ties
    m.config.tie_word_embeddings = m.config.scale_decoder_outputs = False
    with torch.no_grad():
        d = DIMS['d_model']-4
        for n, p in m.decoder.named_parameters():
            if n.endswith(('.o.weight', '.wo.weight')): p[d:] = 0
        m.lm_head.weight.normal_(std=.25); m.shared.weight[:, d:] = 0; m.lm_head.weight[:, d:] = 0
        m.shared.weight[0, d] = 8.
        for l in range(4):
            rows = slice(2+256*l, 2+256*(l+1))
            m.lm_head.weight[rows, d+l] = 20.
            if l<3: m.shared.weight[rows, d+l+1] = 8.
    return m

def our_model(hf, sids, **dims):
    "The same weights in a T5Recommender"
    from genrec.recommend.t5 import T5Recommender
    from genrec.recommend.t5_hf import from_hf
    if hf is not None: return from_hf(hf, sids, dropout=0., max_history=ITEMS).eval()
    return T5Recommender(sids, **(DIMS|dims), recency=False, tie=False, dropout=0., max_history=ITEMS).eval()

class DictTrie:
    "The tree of public code"
    def __init__(self, rows):
        self.root = {}
        for r in rows:
            node = self.root
            for t in r: node = node.setdefault(t, {})
    def get(self, prefix):
        node = self.root
        for t in prefix: node = node.get(t, {})
        return list(node)

def child_decode(way, a):
    "Seconds a user at each batch size, growth of memory, and the lists"
    import torch
    precision, dev = ('bf16' if way.endswith('bf16') else 'no'), torch.device(a['device'])
    sids, n = index(a['data']), a['users']
    tokens = 34_000 if '34k' in way else 1026
    hf = hf_model(tokens)
    h = users(n, len(sids))
    if way.startswith('ours'):
        m = our_model(hf, sids).to(dev)
        del hf
        def run(h): r = m.recommend(h, k=K, width=WIDTH, precision=precision); return m.codes[r.items.clamp(min=0)].cpu(), r.scores
    else:
        hf = hf.to(dev, torch.bfloat16 if precision=='bf16' else torch.float32)
        rows = our_model(None, sids).tokens
        trie = DictTrie([[0, *r] for r in rows.tolist()])
        def allowed(batch, sentence): return trie.get(sentence.tolist())
        def run(h):
            ids = torch.nn.functional.pad(rows[h.pad()].flatten(1), (0, 1), value=1).to(dev)
            with torch.no_grad(): o = hf.generate(input_ids=ids, attention_mask=torch.ones_like(ids), num_beams=WIDTH, num_return_sequences=K, max_new_tokens=4, do_sample=False,
                prefix_allowed_tokens_fn=allowed, return_dict_in_generate=True, output_scores=True)
            codes = o.sequences[:, 1:5].cpu()-torch.tensor([2, 258, 514, 770])
            return codes.view(len(h), K, 4), o.sequences_scores.float().cpu().view(len(h), K)*4 # a mean over four codes (see length_penalty)
    run(h[torch.arange(1)]); run(h[torch.arange(min(4, n))])
    sync, out = torch.cuda.synchronize if dev.type=='cuda' else (lambda: None), {}
    for batch in a['batches']:
        if batch>n: continue
        m_users = n if batch>1 else min(n, 16)
        parts = torch.arange(m_users).split(batch)
        with Peak() as peak:
            sync(); t, c = time.perf_counter(), time.process_time()
            lists = [run(h[i]) for i in parts]
            sync(); out[batch] = dict(ms=(time.perf_counter()-t)/m_users*1e3, cpu_ms=(time.process_time()-c)/m_users*1e3)
        out[batch]['growth_gb'] = (peak.growth if dev.type=='cpu' else torch.cuda.max_memory_allocated())/1e9
    codes, scores = (torch.cat(o) for o in zip(*lists))
    return dict(batches=out, codes=codes.tolist(), scores=scores.tolist())

def agree(a, b):
    "Share of users whose lists of IDs are the same, and the same but for ties"
    same = tied = 0
    for ca, sa, cb, sb in zip(a['codes'], a['scores'], b['codes'], b['scores']):
        def ids(c, s): return list({tuple(o): round(v, 6) for o, v in reversed(list(zip(c, s)))}.items())[::-1] # items may share an ID
        x, y = ids(ca, sa), ids(cb, sb)
        z = list(zip(x, y))
        same += all(p[0]==q[0] for p, q in z); tied += all(p[0]==q[0] or abs(p[1]-q[1])<2e-4 for p, q in z)
    return dict(identical=same/len(a['codes']), ties_aside=tied/len(a['codes']))

# the floor
def flops(t=4*ITEMS+1, width=WIDTH, levels=4, codes=256):
    "Multiplications and additions for one user when nothing is repeated over beams"
    d, hd, ff, L = DIMS['d_model'], DIMS['n_heads']*DIMS['d_kv'], DIMS['d_ff'], DIMS['n_layers']
    rows = 1+width*(levels-1)
    enc = t*(4*d*hd+2*d*ff)+2*t*t*hd
    dec = rows*(6*d*hd+2*d*ff)+2*rows*t*hd+t*2*d*hd
    return 2*(L*(enc+dec)+rows*d*codes)

def child_floor(way, a):
    "Speed of a plain matrix product, in floating-point operations a second"
    import torch
    from genrec.core.layers import linear
    dtype, best, dev = (torch.bfloat16 if way=='bf16' else torch.float32), dict(plain=0., fastest=0.), a['device']
    for n, k, m in ((3200, 128, 1024), (3200, 1024, 128), (2048, 2048, 2048)):
        x, w = torch.randn(n, k, device=dev).to(dtype), torch.randn(m, k, device=dev).to(dtype)
        for _ in range(40):
            for name, f in (('plain', torch.nn.functional.linear), ('fastest', linear)):
                t = time.perf_counter(); f(x, w)
                if dev!='cpu': torch.cuda.synchronize()
                best[name] = max(best[name], 2*n*k*m/(time.perf_counter()-t))
    return dict(best, fastest=max(best.values()))

# (constraint)
class Static:
    "The scheme of STATIC's paper (arXiv 2602.22647): a dense mask and a dense table of states for two levels, then one gather of at most `branch` children a beam from a table of (code, state)"
    def __init__(self, t):
        import torch
        V = t.sizes[0]
        self.start = t.mask[0][0]==0
        first = t.child(0, torch.zeros(V, dtype=torch.int64), torch.arange(V)) # node of each first code, -1 where none
        self.states = t.child(1, first[:, None], torch.arange(V)).int()
        self.mask, self.branch = self.states>=0, t.max_branch
        self.ptr = [p.int() for p in t.ptr]
        self.packed = [torch.stack([c.int(), torch.arange(len(c)).int()], 1) for c in t.code]
    def scores(self, l, code, node, lp): # -> candidates' scores and a function that gives the winners' states
        import torch
        none = torch.tensor(-torch.inf)
        if l==0: return torch.where(self.start, lp, none), lambda c, _: c
        if l==1: return torch.where(self.mask[code], lp, none), lambda c, _: self.states[code, c]
        start = self.ptr[l][node.long()]
        n = self.ptr[l][node.long()+1]-start
        at = torch.arange(self.branch[l])
        got = self.packed[l][(start[:, None]+at).clamp(max=len(self.packed[l])-1)]
        c, s = got[..., 0], got[..., 1]
        out = torch.where(at<n[:, None], lp.gather(1, c.long()), none)
        return out, lambda _, slot: s.gather(1, slot[:, None])[:, 0]

def child_constraint(way, a):
    "Microseconds a user for masks and next states over all levels; both ways and all catalogues in turns, so that none finds the cache warm"
    import torch
    n, beams, setups = 64, WIDTH, []
    for items in a['sizes']:
        f, static_f, row = constraint_ways(items, n, beams, a['data'])
        setups += [(items, 'ours', f), (items, 'static', static_f)]
        a.setdefault('rows', []).append(row)
    best = {}
    for _ in range(a['rounds']):
        for items, name, f in setups:
            for l in range(4):
                t = time.perf_counter(); f(l); dt = (time.perf_counter()-t)/n*1e6
                best[items, name, l] = min(best.get((items, name, l), dt), dt)
    us = {i: {w: [best[i, w, l] for l in range(4)] for w in ('ours', 'static')} for i in a['sizes']}
    return dict(rows=[dict(r, us=sum(us[r['items']]['ours']), static_us=sum(us[r['items']]['static']), levels=us[r['items']]) for r in a['rows']])

def constraint_ways(items, n, beams, data):
    import torch
    from genrec.codes.trie import CodeTrie
    sids = index(data) if items==12_101 else random_ids(items)
    with Peak() as peak:
        t0 = time.perf_counter(); trie = CodeTrie(sids); build = time.perf_counter()-t0
    static = Static(trie)
    g = torch.Generator().manual_seed(0)
    item = torch.randint(0, items, (n, beams), generator=g)
    nodes, code = [trie.path(d, item) for d in range(5)], sids.codes[item] # each beam on its way to some item
    logits = [torch.randn(n, 1 if l==0 else beams, 256, generator=g).log_softmax(-1) for l in range(4)]
    slot = [(nodes[l+1]-trie.ptr[l].long()[nodes[l]]) for l in range(4)]
    at = torch.arange(beams).expand(n, -1)
    def ours(l):
        node = nodes[l] if l else nodes[l][:, :1]
        s, c, first = trie.legal_scores(l, node, [logits[l]])
        return s, trie.table[l][nodes[l], code[..., l]].long() if c is None else first.gather(1, at)+slot[l]
    def theirs(l):
        lp = logits[l].flatten(0, 1)
        node, before = nodes[l].flatten(), code[..., l-1].flatten()
        s, after = static.scores(l, before, node, lp)
        return s, after(code[..., l].flatten(), slot[l].flatten())
    for l in range(1, 4): assert (ours(l)[1].flatten()==theirs(l)[1].flatten().long()).all() and abs(ours(l)[0].exp().sum()-theirs(l)[0].exp().sum())<1e-2*n
    return ours, theirs, dict(items=items, build_s=build, build_over_input_gb=peak.growth/1e9)

# (sweep)
def child_sweep(way, a):
    import torch
    rows, small, dev = [], a['small'], torch.device(a['device'])
    base = dict(width=WIDTH, items=12_101, batch=64, d_model=128, n_layers=4)
    axes = dict(width=(10, 20, 50, 100, 200), items=(1000, 12_101, 100_000, 1_000_000), batch=(1, 4, 16, 64, 256), d_model=(64, 128, 256, 512), n_layers=(2, 4, 8))
    if small: axes = {k: v[:2] for k, v in axes.items()}; base['batch'] = 4
    def measure(width, items, batch, d_model, n_layers):
        torch.manual_seed(0)
        m = our_model(None, index(a['data']) if items==12_101 else random_ids(items), d_model=d_model, d_ff=8*d_model, n_heads=max(1, 3*d_model//64), n_layers=n_layers).to(dev)
        h = users(batch, items)
        m.recommend(h[torch.arange(1)], k=K, width=width)
        best = 1e9
        for _ in range(1 if small else 2):
            t = time.perf_counter(); m.recommend(h, k=K, width=width); best = min(best, time.perf_counter()-t)
        return batch/best
    done = {}
    for axis, values in axes.items():
        for v in values:
            at = base|{axis: v}
            key = tuple(at.values())
            if key not in done: done[key] = measure(**at)
            rows.append(dict(axis=axis, value=v, users_a_second=done[key], **{k: o for k, o in at.items() if k!=axis}))
    return dict(rows=rows)

# (oracle)
def child_oracle(way, a):
    "Share of the exact top 10 that a beam finds, with random weights and with those of a short training on the users of the index"
    import torch
    from genrec.recommend.base import top_k
    from genrec.recommend.oracle import score_catalog, agreement
    def row(m, h, weights):
        t = time.perf_counter(); best = top_k(score_catalog(m, h), K); s = time.perf_counter()-t
        r = {p: m.recommend(h, k=K, width=WIDTH, precision=p) for p in ('no', 'bf16')}
        found = {w: round(agreement(m.recommend(h, k=K, width=w), best, K), 4) for w in (10, 20, WIDTH, 100, 200)}
        return dict(weights=weights, users=len(h), width=WIDTH, agreement_at_10=agreement(r['no'], best, K), bf16_with_fp32_at_10=agreement(r['bf16'], r['no'], K), oracle_ms=s/len(h)*1e3, agreement_by_width=found)
    sids, n = index(a['data']), 2 if a['small'] else 32
    rows, folder = [row(our_model(hf_model(1026), sids), users(n, len(sids)), 'random')], Path(a['data']).parent
    if folder.is_dir() and not a['small']:
        from train import data, some
        from genrec.core.optim import muon
        from genrec.core.train import fit
        sids, split = data(folder)
        torch.manual_seed(0)
        m = our_model(None, sids)
        fit(m, some(split.train, 12_288, 0), epochs=2, batch_size=256, micro_cells=512, lr=1e-3, optimizer=muon)
        rows.append(row(m.eval(), some(split.test, n, 1).history.last(ITEMS), 'trained on 24,576 samples'))
    return dict(rows=rows)

def spawn(part, way, a, threads):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root), IN_TEST='', TRANSFORMERS_VERBOSITY='error')
    p = subprocess.run([sys.executable, __file__, '--child', json.dumps([part, way, a])], env=env, capture_output=True, text=True)
    if p.returncode: sys.exit(f'{part} {way} failed\n{p.stderr}')
    return json.loads(p.stdout.strip().splitlines()[-1])

def decode(a, args):
    "Ways in turns; of each batch size the fastest run"
    rows, last = {}, {}
    for r in range(a.repeat):
        for way in a.way:
            if way=='generate_34k' and r: continue
            o = spawn('decode', way, args|dict(batches=[8] if way=='generate_34k' else args['batches'], users=min(16, args['users']) if way=='generate_34k' else args['users']), a.threads)
            last[way] = o
            for b, v in o['batches'].items():
                w = rows.setdefault((way, int(b)), v)
                rows[way, int(b)] = {k: min(w[k], v[k]) for k in v}
            print(f'decode {way:14s}', {b: {k: round(x, 3) for k, x in v.items()} for b, v in o['batches'].items()}, flush=True)
    lists = {f'{w} and generate': agree(last[w], last['generate']) for w in last if w!='generate' and 'generate' in last and '34k' not in w}
    floor = {p: spawn('floor', p, args, a.threads) for p in ('fp32', 'bf16')}
    return [dict(part='decode', way=w, batch=b, **v) for (w, b), v in rows.items()], lists, {p: dict(gflop_a_user=flops()/1e9, gflop_a_second=f['plain']/1e9, fastest_gflop_a_second=f['fastest']/1e9, ms=flops()/f['plain']*1e3, fastest_ms=flops()/f['fastest']*1e3) for p, f in floor.items()}

def ratios(rows, floor):
    "How many times ours is better"
    get, out = {(r['way'], r['batch']): r for r in rows if r['part']=='decode'}, {}
    theirs = [b for w, b in get if w=='generate']
    best = min((get['generate', b]['ms'] for b in theirs), default=None)
    for way, p in (('ours', 'fp32'), ('ours_bf16', 'bf16')):
        for b in sorted(b for w, b in get if w==way):
            o, d = get[way, b], {}
            if ('generate', b) in get: d |= dict(same_batch=get['generate', b]['ms']/o['ms'], memory=get['generate', b]['growth_gb']/max(o['growth_gb'], 1e-3))
            if best: d['generates_best_batch'] = best/o['ms']
            out[f'{p}, batch {b}'] = {k: round(v, 2) for k, v in (d|dict(times_the_floor=o['ms']/floor[p]['ms'], times_the_fastest_floor=o['ms']/floor[p]['fastest_ms'])).items()}
    c = [r for r in rows if r['part']=='constraint']
    if c: out['constraint'] = dict(largest_over_smallest=round(max(r['us'] for r in c)/min(r['us'] for r in c), 2), **{f"ours over STATIC's scheme, {r['items']:,} items": round(r['us']/r['static_us'], 2) for r in c})
    return out

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--only', nargs='*', default=['decode', 'constraint', 'sweep', 'oracle'])
    p.add_argument('--way', nargs='*', default=['ours', 'generate', 'ours_bf16', 'generate_34k']); p.add_argument('--repeat', type=int)
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'beauty14'/'letter_Beauty.index.json')); p.add_argument('--device', default='cpu')
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1)); p.add_argument('--out', default=str(root/'runs'/'bench'/'decode.json')); p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        part, way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'child_{part}'](way, args)))
    a.repeat = a.repeat or (1 if a.small else 2)
    args = dict(data=a.data, device=a.device, small=a.small, users=8 if a.small else 64, batches=[1, 8] if a.small else [1, 8, 64])
    old = json.loads(Path(a.out).read_text()) if Path(a.out).is_file() else {}
    old = old if (old.get('small'), old.get('threads'), old.get('device'))==(a.small, a.threads, a.device) else {} # parts that are not run again stay
    rows, lists, floor = decode(a, args) if 'decode' in a.only else ([], old.get('lists', {}), old.get('floor', {}))
    rows += [r for r in old.get('rows', []) if r['part'] not in a.only]
    if 'constraint' in a.only:
        sizes = [12_101, 100_000] if a.small else [12_101, 1_000_000, 10_000_000]
        for r in spawn('constraint', '', args|dict(sizes=sizes, rounds=5 if a.small else 200), a.threads)['rows']:
            rows.append(dict(part='constraint', **r))
            print('constraint', {k: round(v, 2) if isinstance(v, float) else v for k, v in rows[-1].items() if k not in ('part', 'levels')}, flush=True)
    for part in ('sweep', 'oracle'):
        if part in a.only: o = spawn(part, '', args, a.threads); rows += [dict(part=part, **r) for r in o.get('rows', [o])]
    for r in rows:
        if r['part']=='oracle': print('oracle', {k: round(v, 3) if isinstance(v, float) else v for k, v in r.items()})
        if r['part']=='sweep': print(f"sweep {r['axis']:9s} {r['value']:9,} {r['users_a_second']:9.1f} users a second")
    out = ratios(rows, floor) if floor or rows else {}
    for k, v in (lists|out).items(): print(f'{k}: '+', '.join(f'{n} {o}' for n, o in v.items()))
    if floor: print('floor', {k: {n: round(x, 2) for n, x in v.items()} for k, v in floor.items()})
    from importlib.metadata import version
    out = dict(small=a.small, threads=a.threads, device=a.device, machine=platform.machine(), made_up=not Path(a.data).is_file(), versions={n: version(n) for n in ('torch', 'transformers')},
        ratios=out, lists=lists, floor=floor, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__': main()

"""T5 training against the way of public code, each in a process of its own, on equal samples

    python bench/train.py [--small] [--data ../shared/data/beauty14] [--way ours public ...] [--repeat 1] [--out runs/bench/train.json]

The public way (LC-Rec, LETTER, MQL4GRec): Hugging Face `Trainer`, `T5ForConditionalGeneration` with one softmax over 34k tokens, every prefix a text of its own, padded to the longest of its batch (`public`) or to 80 tokens (`public_80`).
Ours: `fit` and `T5Recommender`, the same widths, layers and dropout, the same samples, batch size, optimiser and rate; `stock` is ours with Hugging Face's own stacks in place of `T5Stack`.
`samples` are samples a second of training by wall time; `loss` is the mean over levels of -log p(code) on validation targets after equal samples, each under its own softmax; `floor` counts the floating-point operations of our step (padding left out) against the speed of the fastest matrix product at hand (`samples_plain`: of PyTorch's plain one).
Data: LETTER's Beauty index and histories; where the folder is absent, made-up ones of about that shape."""
import argparse, json, os, platform, resource, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
DIMS = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4, dropout=.1)
WORDS, BATCH, LR, HISTORY = 32_100, 256, 1e-3, 20

def data(folder):
    "Semantic IDs and a split"
    import torch
    from genrec.core.values import SemanticIds, Log
    from genrec.data.split import leave_one_out
    from genrec.data.log import index_log
    if folder and Path(folder).is_dir():
        from genrec.data.sources import load_lcrec
        from genrec.codes.index_json import load_index
        log = index_log(load_lcrec(folder))
        return load_index(Path(folder)/'letter_Beauty.index.json', log.items), leave_one_out(log)
    g = torch.Generator().manual_seed(0)
    n, users = 12_101, 22_363
    length = (5+torch.empty(users).exponential_(.26, generator=g)).long().clamp(max=60)
    user = torch.arange(users).repeat_interleave(length)
    start = torch.randint(n, (users,), generator=g).repeat_interleave(length)
    item = (start+torch.randint(-40, 40, (len(user),), generator=g))%n
    ids = torch.stack([torch.arange(n)//48%256, torch.arange(n)%256, torch.randint(256, (n,), generator=g), torch.randint(256, (n,), generator=g)], 1)
    log = Log(user, item, torch.arange(len(user)), tuple(map(str, range(users))), tuple(map(str, range(n))))
    return SemanticIds(ids, (256,)*4), leave_one_out(log)

def some(s, n, seed):
    import torch
    return s[torch.randperm(len(s), generator=torch.Generator().manual_seed(seed))[:n]]

def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*(1 if sys.platform=='darwin' else 1024)/1e9

# ours
def train_ours(folder, n, epochs, precision='no', change=None):
    import torch
    from genrec.recommend.t5 import T5Recommender
    from genrec.core.train import fit
    sids, split = data(folder)
    m = T5Recommender(sids, max_history=HISTORY, recency=False, **DIMS)
    if change: change(m)
    train, valid = some(split.train, n, 0), some(split.valid, 2000, 1)
    kw = dict(batch_size=BATCH, micro_cells=512, lr=LR, precision=precision)
    fit(m, train[:64], epochs=1, **dict(kw, lr=1e-9)) # warm
    base, t = peak(), time.perf_counter()
    fit(m, train, epochs=epochs, **kw)
    sec, top = time.perf_counter()-t, peak()
    with torch.no_grad(): loss = -torch.cat([m.log_prob(valid[i:i+200].history, valid[i:i+200].target) for i in range(0, len(valid), 200)]).mean()/len(sids.sizes)
    return dict(samples=len(train)*epochs/sec, loss=float(loss), peak_gb=top-base, weights=sum(p.numel() for p in m.parameters()))

def train_ours_bf16(*a): return train_ours(*a, 'bf16')

# ours through Hugging Face's own stacks
def train_stock(folder, n, epochs, precision='no'):
    from torch import nn
    from genrec.core.layers import byte_dropout, fast_linear
    class Stock(nn.Module):
        "Hugging Face's stack in place of ours, with our linear layers and dropout"
        def __init__(self, stack):
            super().__init__()
            self.stack = fast_linear(byte_dropout(stack.to_hf()))
        def forward(self, x, ok=None, read=None, read_ok=None, products=None):
            more = {} if read is None else dict(encoder_hidden_states=read, encoder_attention_mask=read_ok.long())
            return self.stack(inputs_embeds=x, attention_mask=None if ok is None else ok.long(), **more).last_hidden_state
    def change(m): m.encoder, m.decoder = Stock(m.encoder), Stock(m.decoder)
    return train_ours(folder, n, epochs, precision, change)

def train_stock_bf16(*a): return train_stock(*a, 'bf16')

# the public way
def train_public(folder, n, epochs, bf16=False, pad=None):
    import torch, tempfile, transformers
    from transformers import T5Config, T5ForConditionalGeneration, Trainer, TrainingArguments, TrainerCallback
    transformers.utils.logging.set_verbosity_error()
    sids, split = data(folder)
    tokens = sids.codes+torch.tensor([sum(sids.sizes[:l]) for l in range(sids.n_levels)])+WORDS
    cfg = T5Config(vocab_size=WORDS+sum(sids.sizes), d_model=DIMS['d_model'], d_ff=DIMS['d_ff'], d_kv=DIMS['d_kv'], num_heads=DIMS['n_heads'],
                   num_layers=DIMS['n_layers'], dropout_rate=DIMS['dropout'], decoder_start_token_id=0, tie_word_embeddings=True)
    m = T5ForConditionalGeneration(cfg)
    def rows(s):
        items = s.history.last(HISTORY).pad()
        return [dict(input_ids=tokens[h[h>=0]].flatten().tolist()+[1], labels=tokens[t].tolist()+[1]) for h, t in zip(items, s.target.tolist())]
    def collate(batch):
        w = pad or max(len(b['input_ids']) for b in batch)
        x = torch.tensor([b['input_ids'][:w]+[0]*(w-len(b['input_ids'])) for b in batch])
        return dict(input_ids=x, attention_mask=(x>0).long(), labels=torch.tensor([b['labels'] for b in batch]))
    train, valid = rows(some(split.train, n, 0)), rows(some(split.valid, 2000, 1))
    def trainer(data, lr, epochs):
        args = TrainingArguments(output_dir=tempfile.mkdtemp(), per_device_train_batch_size=BATCH, num_train_epochs=epochs, learning_rate=lr, weight_decay=.01, lr_scheduler_type='cosine',
            warmup_steps=round(.05*epochs*-(-len(data)//BATCH)), max_grad_norm=1., bf16=bf16, use_cpu=True, save_strategy='no', report_to=[], disable_tqdm=True, logging_strategy='no')
        return Trainer(model=m, args=args, train_dataset=data, data_collator=collate)
    trainer(train[:64], 1e-9, 1).train()
    tr = trainer(train, LR, epochs)
    base, t = peak(), time.perf_counter()
    tr.train()
    sec, top = time.perf_counter()-t, peak()
    m.eval(); nll = []
    with torch.no_grad():
        for i in range(0, len(valid), 200):
            b = collate(valid[i:i+200])
            lp = m(**b).logits[:,:sids.n_levels].log_softmax(-1).gather(2, b['labels'][:,:sids.n_levels,None])
            nll.append(-lp.mean((1,2)))
    return dict(samples=len(train)*epochs/sec, loss=float(torch.cat(nll).mean()), peak_gb=top-base, weights=sum(p.numel() for p in m.parameters()))

def train_public_bf16(*a): return train_public(*a, bf16=True)
def train_public_80(*a): return train_public(*a, pad=81)
def train_public_80_bf16(*a): return train_public(*a, bf16=True, pad=81)

# the floor
def train_floor(folder, n, epochs):
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    import genrec.core.layers as layers
    from genrec.recommend.t5 import T5Recommender
    suits, layers.onednn_suits = layers.onednn_suits, lambda: False # what oneDNN does is not counted
    sids, split = data(folder)
    m = T5Recommender(sids, max_history=HISTORY, recency=False, **dict(DIMS, dropout=0.))
    train = some(split.train, 2048, 0)
    lengths, flops = train.history.lengths.clamp(max=HISTORY), 0
    for v in lengths.unique():
        s = train[lengths==v]
        with FlopCounterMode(display=False) as f: m.loss(s)['loss'].backward()
        flops += f.get_total_flops()
    layers.onednn_suits = suits
    def speed(kind, f=torch.nn.functional.linear):
        a, b, best = torch.randn(4096, 512).to(kind), torch.randn(512, 512).to(kind), 9e9
        for _ in range(30):
            t = time.perf_counter(); f(a, b)
            best = min(best, time.perf_counter()-t)
        return 2*4096*512*512/best
    a_sample, plain = flops/len(train), speed(torch.float32)
    with torch.no_grad(): fastest = max(plain, speed(torch.float32, layers.linear))
    return dict(gflop_a_sample=a_sample/1e9, samples=fastest/a_sample, samples_plain=plain/a_sample, samples_bf16=speed(torch.bfloat16)/a_sample)

WAYS = ('floor', 'ours', 'ours_bf16', 'stock', 'stock_bf16', 'public', 'public_bf16', 'public_80', 'public_80_bf16')

def run(way, args, repeat, threads):
    "The fastest of some runs, each in a process of its own"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root), IN_TEST='')
    best = None
    for _ in range(repeat):
        p = subprocess.run([sys.executable, __file__, '--child', json.dumps([way, args])], env=env, capture_output=True, text=True)
        if p.returncode: sys.exit(f'{way} {args} failed\n{p.stderr}')
        r = json.loads(p.stdout.strip().splitlines()[-1])
        if best is None or r['samples']>best['samples']: best = r
    return best

def ratios(rows):
    "How many times as many samples a second, and how much lower the loss"
    out = {}
    for a in ('ours', 'ours_bf16'):
        for b in [w for w in rows if w.startswith(('public', 'stock')) and w.endswith('bf16')==a.endswith('bf16')]:
            if a in rows: out[f'{a} against {b}'] = dict(samples=round(rows[a]['samples']/rows[b]['samples'], 2), memory=round(rows[b]['peak_gb']/max(rows[a]['peak_gb'], 1e-3), 2), loss=round(rows[a]['loss']-rows[b]['loss'], 4))
        if a in rows and 'floor' in rows: out[f'{a} over the arithmetic floor'] = dict(time=round(rows['floor']['samples_bf16' if 'bf16' in a else 'samples']/rows[a]['samples'], 2))
    return out

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--data', default=str(root.parent/'shared'/'data'/'beauty14'))
    p.add_argument('--way', nargs='*', default=list(WAYS)); p.add_argument('--samples', type=int, default=20_480); p.add_argument('--epochs', type=int, default=3)
    p.add_argument('--repeat', type=int, default=1); p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'train.json')); p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS'])); torch.manual_seed(0)
        way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'train_{way}'](*args)))
    n, epochs = (256, 1) if a.small else (a.samples, a.epochs)
    rows = {}
    for way in a.way:
        rows[way] = run(way, [a.data, n, epochs], 1 if way=='floor' else a.repeat, a.threads)
        print(f'{way:16s}', {k: round(v, 4) for k, v in rows[way].items()}, flush=True)
    out = ratios(rows)
    for k, v in out.items(): print(f'{k}: '+', '.join(f'{n} {o}' for n, o in v.items()))
    import torch, transformers
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    real = Path(a.data).is_dir()
    out = dict(small=a.small, threads=a.threads, machine=platform.machine(), data='LETTER Beauty' if real else 'made up', samples=n, epochs=epochs, versions=versions, ratios=out, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__': main()

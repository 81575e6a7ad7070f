"""T5 training against the way of public code, each in a process of its own, on equal samples

    python bench/train.py [--small] [--data ../shared/data/beauty14] [--way ours public ...] [--repeat 1]
        [--out runs/bench/train.json]

The public way (LC-Rec, LETTER, MQL4GRec): Hugging Face `Trainer`, `T5ForConditionalGeneration` with one softmax over
34k tokens, every prefix a text of its own, padded to the longest of its batch (`public`) or to 80 tokens (`public_80`).
Ours: `fit` and `T5Recommender`, the same widths, layers and dropout, the same samples, batch size, optimiser and rate;
`stock` is ours with Hugging Face's own stacks in place of `T5Stack`.
`samples` are samples a second of training by wall time; `loss` is the mean over levels of -log p(code) on validation
targets after equal samples, each under its own softmax; `floor` counts the floating-point operations of our step
(padding left out) against the speed of the fastest matrix product at hand (`samples_plain`: of PyTorch's plain one).
Data: LETTER's Beauty index and histories; where the folder is absent, made-up ones of about that shape."""
import argparse, json, os, platform, resource, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
DIMS = dict(d_model=128, d_ff=1024, d_kv=64, n_heads=6, n_layers=4, dropout=.1)
WORDS, BATCH, LR, HISTORY = 32_100, 256, 1e-3, 20

def data(folder):
    "Semantic IDs and a split"
    if not folder or not Path(folder).is_dir():
        return made_up()
    from genrec.data.split import leave_one_out
    from genrec.data.log import index_log
    from genrec.data.sources import load_lcrec
    from genrec.codes.index_json import load_index
    log = index_log(load_lcrec(folder))
    return load_index(Path(folder)/'letter_Beauty.index.json', log.items), leave_one_out(log)

def made_up():
    "The same of about Beauty's shape"
    import torch
    from genrec.core.values import SemanticIds, Log
    from genrec.data.split import leave_one_out
    g = torch.Generator().manual_seed(0)
    n, users = 12_101, 22_363
    length = (5+torch.empty(users).exponential_(.26, generator=g)).long().clamp(max=60)
    user = torch.arange(users).repeat_interleave(length)
    start = torch.randint(n, (users,), generator=g).repeat_interleave(length)
    item = (start+torch.randint(-40, 40, (len(user),), generator=g))%n
    codes = [torch.arange(n)//48%256, torch.arange(n)%256]
    codes += [torch.randint(256, (n,), generator=g) for _ in range(2)]
    log = Log(user, item, torch.arange(len(user)), users=tuple(map(str, range(users))), items=tuple(map(str, range(n))))
    return SemanticIds(torch.stack(codes, 1), (256,)*4), leave_one_out(log)

def drawn(samples, n, seed):
    "Some of the samples"
    import torch
    return samples[torch.randperm(len(samples), generator=torch.Generator().manual_seed(seed))[:n]]

def peak():
    "Peak memory of this process in GB"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*(1 if sys.platform=='darwin' else 1024)/1e9

def n_weights(m): return sum(p.numel() for p in m.parameters())

# ours
def train_ours(folder, n, epochs, precision='no', *, change=None):
    import torch
    from genrec.recommend.t5 import T5Recommender
    from genrec.core.train import fit
    sids, split = data(folder)
    m = T5Recommender(sids, max_history=HISTORY, recency=False, **DIMS)
    if change:
        change(m)
    train, valid = drawn(split.train, n, 0), drawn(split.valid, 2000, 1)
    how = dict(batch_size=BATCH, micro_cells=512, lr=LR, precision=precision)
    fit(m, train[:64], epochs=1, **dict(how, lr=1e-9)) # warm
    base, t = peak(), time.perf_counter()
    fit(m, train, epochs=epochs, **how)
    sec, top = time.perf_counter()-t, peak()
    parts = [valid[i:i+200] for i in range(0, len(valid), 200)]
    with torch.no_grad():
        log_prob = torch.cat([m.log_prob(part.history, part.target) for part in parts])
    loss = float(-log_prob.mean()/len(sids.sizes))
    return dict(samples=len(train)*epochs/sec, loss=loss, peak_gb=top-base, weights=n_weights(m))

def train_ours_bf16(*args): return train_ours(*args, 'bf16')

# ours through Hugging Face's own stacks
def train_stock(folder, n, epochs, precision='no'):
    from torch import nn
    from genrec.core.layers import byte_dropout, fast_linear
    class Stock(nn.Module):
        "Hugging Face's stack in place of ours, with our linear layers and dropout"
        def __init__(self, stack):
            super().__init__()
            self.stack = fast_linear(byte_dropout(stack.to_hf()))
        def forward(self, x, ok=None, read=None, read_ok=None, *, products=None):
            mask = None if ok is None else ok.long()
            more = {}
            if read is not None:
                more = dict(encoder_hidden_states=read, encoder_attention_mask=read_ok.long())
            return self.stack(inputs_embeds=x, attention_mask=mask, **more).last_hidden_state
    def change(m):
        m.encoder, m.decoder = Stock(m.encoder), Stock(m.decoder)
    return train_ours(folder, n, epochs, precision, change=change)

def train_stock_bf16(*args): return train_stock(*args, 'bf16')

# the public way
def public_model(sids):
    "`T5ForConditionalGeneration` over words and codes"
    from transformers import T5Config, T5ForConditionalGeneration
    return T5ForConditionalGeneration(T5Config(
        vocab_size=WORDS+sum(sids.sizes), d_model=DIMS['d_model'], d_ff=DIMS['d_ff'], d_kv=DIMS['d_kv'],
        num_heads=DIMS['n_heads'], num_layers=DIMS['n_layers'], dropout_rate=DIMS['dropout'],
        decoder_start_token_id=0, tie_word_embeddings=True))

def public_rows(samples, sids):
    "Every prefix as a text of its own"
    import torch
    first = torch.tensor([sum(sids.sizes[:level]) for level in range(sids.n_levels)])
    tokens = sids.codes+first+WORDS
    rows = []
    for items, target in zip(samples.history.last(HISTORY).pad(), samples.target.tolist()):
        text = tokens[items[items>=0]].flatten().tolist()
        rows.append(dict(input_ids=text+[1], labels=tokens[target].tolist()+[1]))
    return rows

def padded(rows, width=None):
    "A batch, padded to its longest text or to a width"
    import torch
    width = width or max(len(row['input_ids']) for row in rows)
    x = torch.tensor([row['input_ids'][:width]+[0]*(width-len(row['input_ids'])) for row in rows])
    return dict(input_ids=x, attention_mask=(x>0).long(), labels=torch.tensor([row['labels'] for row in rows]))

def public_trainer(m, rows, *, lr, epochs, bf16, pad):
    "Hugging Face's `Trainer`"
    import tempfile
    from transformers import Trainer, TrainingArguments
    warmup = round(.05*epochs*-(-len(rows)//BATCH))
    args = TrainingArguments(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=BATCH, num_train_epochs=epochs, learning_rate=lr,
        weight_decay=.01, lr_scheduler_type='cosine', warmup_steps=warmup, max_grad_norm=1., bf16=bf16, use_cpu=True,
        save_strategy='no', report_to=[], disable_tqdm=True, logging_strategy='no')
    return Trainer(model=m, args=args, train_dataset=rows, data_collator=lambda batch: padded(batch, pad))

def train_public(folder, n, epochs, *, bf16=False, pad=None):
    import torch, transformers
    transformers.utils.logging.set_verbosity_error()
    sids, split = data(folder)
    m = public_model(sids)
    train, valid = public_rows(drawn(split.train, n, 0), sids), public_rows(drawn(split.valid, 2000, 1), sids)
    public_trainer(m, train[:64], lr=1e-9, epochs=1, bf16=bf16, pad=pad).train() # warm
    trainer = public_trainer(m, train, lr=LR, epochs=epochs, bf16=bf16, pad=pad)
    base, t = peak(), time.perf_counter()
    trainer.train()
    sec, top = time.perf_counter()-t, peak()
    m.eval()
    losses = []
    with torch.no_grad():
        for i in range(0, len(valid), 200):
            batch = padded(valid[i:i+200], pad)
            codes = batch['labels'][:,:sids.n_levels,None]
            log_prob = m(**batch).logits[:,:sids.n_levels].log_softmax(-1).gather(2, codes)
            losses.append(-log_prob.mean((1,2)))
    loss = float(torch.cat(losses).mean())
    return dict(samples=len(train)*epochs/sec, loss=loss, peak_gb=top-base, weights=n_weights(m))

def train_public_bf16(*args): return train_public(*args, bf16=True)
def train_public_80(*args): return train_public(*args, pad=81)
def train_public_80_bf16(*args): return train_public(*args, bf16=True, pad=81)

# the floor
def counted_operations(m, samples):
    "Floating-point operations of a step over all samples, without padding"
    from torch.utils.flop_counter import FlopCounterMode
    from genrec.core import layers
    suits, layers.onednn_suits = layers.onednn_suits, lambda: False # what oneDNN does is not counted
    lengths, operations = samples.history.lengths.clamp(max=HISTORY), 0
    for length in lengths.unique():
        with FlopCounterMode(display=False) as counter:
            m.loss(samples[lengths==length])['loss'].backward()
        operations += counter.get_total_flops()
    layers.onednn_suits = suits
    return operations

def product_speed(kind, multiply=None):
    "Operations a second of a matrix product, the best of thirty"
    import torch
    multiply = multiply or torch.nn.functional.linear
    a, b, best = torch.randn(4096, 512).to(kind), torch.randn(512, 512).to(kind), 9e9
    for _ in range(30):
        t = time.perf_counter()
        multiply(a, b)
        best = min(best, time.perf_counter()-t)
    return 2*4096*512*512/best

def train_floor(folder, n, epochs):
    import torch
    from genrec.core.layers import linear
    from genrec.recommend.t5 import T5Recommender
    sids, split = data(folder)
    m = T5Recommender(sids, max_history=HISTORY, recency=False, **dict(DIMS, dropout=0.))
    train = drawn(split.train, 2048, 0)
    a_sample = counted_operations(m, train)/len(train)
    plain = product_speed(torch.float32)
    with torch.no_grad():
        fastest = max(plain, product_speed(torch.float32, linear))
    return dict(gflop_a_sample=a_sample/1e9, samples=fastest/a_sample, samples_plain=plain/a_sample,
        samples_bf16=product_speed(torch.bfloat16)/a_sample)

WAYS = ('floor', 'ours', 'ours_bf16', 'stock', 'stock_bf16', 'public', 'public_bf16', 'public_80', 'public_80_bf16')

def run(way, args, repeat, threads):
    "The fastest of some runs, each in a process of its own"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1',
        PYTHONPATH=str(root), IN_TEST='')
    command, best = [sys.executable, __file__, '--child', json.dumps([way, args])], None
    for _ in range(repeat):
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f'{way} {args} failed\n{done.stderr}')
        found = json.loads(done.stdout.strip().splitlines()[-1])
        if best is None or found['samples']>best['samples']:
            best = found
    return best

def against(ours, other):
    "How many times as many samples a second, in what share of the memory, and how much lower the loss"
    return dict(
        samples=round(ours['samples']/other['samples'], 2),
        memory=round(other['peak_gb']/max(ours['peak_gb'], 1e-3), 2),
        loss=round(ours['loss']-other['loss'], 4))

def ratios(rows):
    "Ours beside the others of the same precision, and beside the floor"
    out = {}
    for way in ('ours', 'ours_bf16'):
        if way not in rows:
            continue
        bf16 = way.endswith('bf16')
        for other in rows:
            if other.startswith(('public', 'stock')) and other.endswith('bf16')==bf16:
                out[f'{way} against {other}'] = against(rows[way], rows[other])
        if 'floor' in rows:
            floor = rows['floor']['samples_bf16' if bf16 else 'samples']
            out[f'{way} over the arithmetic floor'] = dict(time=round(floor/rows[way]['samples'], 2))
    return out

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'beauty14'))
    p.add_argument('--way', nargs='*', default=list(WAYS))
    p.add_argument('--samples', type=int, default=20_480)
    p.add_argument('--epochs', type=int, default=3)
    p.add_argument('--repeat', type=int, default=1)
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'train.json'))
    p.add_argument('--child')
    a = p.parse_args()
    import torch
    if a.child:
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        torch.manual_seed(0)
        way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'train_{way}'](*args)))
    n, epochs = (256, 1) if a.small else (a.samples, a.epochs)
    rows = {}
    for way in a.way:
        rows[way] = run(way, [a.data, n, epochs], 1 if way=='floor' else a.repeat, a.threads)
        print(f'{way:16s}', {k: round(v, 4) for k, v in rows[way].items()}, flush=True)
    found = ratios(rows)
    for name, figures in found.items():
        print(f'{name}: '+', '.join(f'{k} {v}' for k, v in figures.items()))
    import transformers
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    of = 'LETTER Beauty' if Path(a.data).is_dir() else 'made up'
    record = dict(small=a.small, threads=a.threads, machine=platform.machine(), data=of, samples=n, epochs=epochs)
    record |= dict(versions=versions, ratios=found, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(record, indent=1)+'\n')

if __name__=='__main__':
    main()

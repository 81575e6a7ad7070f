"""Quantizers against faiss and against the training loops of public scripts, each run in a process of its own

    python bench/quantize.py [--small] [--only rq rqvae nearest] [--repeat 1] [--out runs/bench/quantize.json]

(a) RQ-k-means 4 x 256 against faiss `ResidualQuantizer` at the same encoding beam: seconds of training and of encoding,
    reconstruction error
(b) RQ-VAE training, batch 1024, 768-512-256-128-32, 4 x 256: milliseconds a step against a Dataset/DataLoader loop and
    `vector-quantize-pytorch`
(c) peak memory of `nearest` on 10 M vectors and 256 codewords

All share one number of threads. `cpu` are processor seconds, which a busy machine changes less than `wall`; a ratio
above 1 says how many times ours is better."""
import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path

root = Path(__file__).resolve().parent.parent
SIZES, HIDDEN, WIDTH, BATCH = (256,)*4, (512, 256, 128), 32, 1024
PARTS = ('rq', 'rqvae', 'nearest')

def vectors(n, dim, seed=0):
    "Made up, like those of a text encoder: a tree of topics, a falling spectrum, unit length"
    import torch
    generator = torch.Generator().manual_seed(seed)
    def normal(*shape): return torch.randn(*shape, generator=generator)
    scale, turn = torch.arange(1, dim+1)**-.5, torch.linalg.qr(normal(dim, dim))[0]
    broad, middle, narrow = normal(40, dim), normal(1000, dim)*.8, normal(20000, dim)*.6
    def block(m):
        topic = torch.randint(20000, (m,), generator=generator)
        x = ((broad[topic//500]+middle[topic//20]+narrow[topic]+normal(m, dim)*.5)*scale)@turn
        return x/x.norm(dim=1, keepdim=True)
    return torch.cat([block(min(50_000, n-i)) for i in range(0, n, 50_000)])

class Clock:
    "Wall and processor seconds of what stands in the block"
    def __enter__(self):
        self.start = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.wall, self.cpu = time.perf_counter()-self.start[0], time.process_time()-self.start[1]

def share(x, y):
    "Squared error as a share of the variance"
    return float((x-y).double().pow(2).sum()/(x-x.mean(0)).double().pow(2).sum())

# (a) residual k-means
def rq_ours(x, width, refine=0):
    from genrec.quantize.rq import ResidualQuantizer
    q = ResidualQuantizer(x.shape[1], SIZES)
    with Clock() as train:
        q.fit_kmeans(x, refine=refine, width=width)
    with Clock() as encode:
        codes = q.encode(x, width=width)
    return train, encode, share(x, q.decode(codes).detach())

def rq_refined(x, width): return rq_ours(x, width, refine=2)

def rq_faiss(x, width):
    import faiss
    import torch
    faiss.omp_set_num_threads(torch.get_num_threads())
    q, rows = faiss.ResidualQuantizer(x.shape[1], len(SIZES), 8), x.numpy()
    q.max_beam_size = width
    with Clock() as train:
        q.train(rows)
    with Clock() as encode:
        codes = q.compute_codes(rows)
    return train, encode, share(x, torch.from_numpy(q.decode(codes)))

def child_rq(way, n, dim, width):
    quantize = dict(ours=rq_ours, refined=rq_refined, faiss=rq_faiss)[way]
    train, encode, error = quantize(vectors(n, dim), width)
    return dict(train_wall=train.wall, train_cpu=train.cpu, encode_wall=encode.wall, encode_cpu=encode.cpu, error=error)

# (b) RQ-VAE: the network and the losses of the public scripts
def public_mlp(widths):
    from torch import nn
    layers = []
    for before, after in zip(widths, widths[1:]):
        layers += [nn.Dropout(p=0.), nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])

def public_book(size):
    "A codebook as an embedding, started by k-means on its first batch"
    import torch
    import torch.nn.functional as F
    from torch import nn
    class Book(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.ready = nn.Embedding(size, WIDTH), False

        def start(self, x):
            from sklearn.cluster import KMeans
            means = KMeans(size, n_init=1, max_iter=10, random_state=0).fit(x.detach().numpy())
            self.embedding.weight.data.copy_(torch.from_numpy(means.cluster_centers_))
            self.ready = True

        def forward(self, x):
            if not self.ready and self.training:
                self.start(x)
            codes = torch.argmin(torch.cdist(x, self.embedding.weight), dim=-1)
            q = self.embedding(codes)
            loss = F.mse_loss(q, x.detach())+.25*F.mse_loss(x, q.detach())
            return x+(q-x).detach(), loss, codes
    return Book()

def public_vae(dim, quantizer=None):
    "Encoder, codebooks one after the other (or a ready quantizer), decoder"
    import torch
    from torch import nn
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            widths = (dim, *HIDDEN, WIDTH)
            self.encoder, self.decoder = public_mlp(widths), public_mlp(widths[::-1])
            self.books = nn.ModuleList(public_book(size) for size in SIZES) if quantizer is None else None
            self.quantizer = quantizer

        def forward(self, x):
            left = self.encoder(x)
            if self.quantizer is not None:
                q, codes, loss = self.quantizer(left)
                return self.decoder(q), loss.mean(), codes
            q, losses, codes = 0., [], []
            for book in self.books:
                y, loss, chosen = book(left)
                left, q = left-y, q+y
                losses.append(loss)
                codes.append(chosen)
            return self.decoder(q), torch.stack(losses).mean(), torch.stack(codes, -1)
    return Model()

def public_loader(x):
    "Vectors one by one, as the public scripts read them"
    import torch
    from torch.utils.data import DataLoader, Dataset
    class Items(Dataset):
        def __init__(self, rows):
            self.rows = rows
        def __getitem__(self, i): return torch.FloatTensor(self.rows[i])
        def __len__(self): return len(self.rows)
    return DataLoader(Items(x.numpy()), batch_size=BATCH, shuffle=True)

def public_epoch(model, optimizer, loader):
    import torch
    import torch.nn.functional as F
    total = 0.
    for batch in loader:
        optimizer.zero_grad()
        y, quantization, _ = model(batch)
        loss = F.mse_loss(y, batch)+quantization
        if torch.isnan(loss): raise ValueError("the loss is NaN")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        total += loss.item()
    return total

def vae_loop(x, epochs, quantizer=None):
    import torch
    model = public_vae(x.shape[1], quantizer)
    optimizer, loader = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4), public_loader(x)
    public_epoch(model, optimizer, loader) # k-means is not timed
    with Clock() as clock:
        for _ in range(epochs-1):
            public_epoch(model, optimizer, loader)
    model.eval()
    with torch.no_grad():
        y, _, codes = model(x)
    return clock, (epochs-1)*len(loader), share(x, y), codes

def vae_public(x, epochs): return vae_loop(x, epochs)

def vae_lucid(x, epochs):
    from vector_quantize_pytorch import ResidualVQ
    quantizer = ResidualVQ(dim=WIDTH, codebook_size=SIZES[0], num_quantizers=len(SIZES), kmeans_init=True,
                           commitment_weight=.25, decay=.99)
    return vae_loop(x, epochs, quantizer)

def vae_ours(x, epochs, precision='no'):
    from genrec.core.optim import constant
    from genrec.core.fit_config import FitConfig
    from genrec.core.train import fit
    from genrec.quantize.rqvae import RQVAE
    model = RQVAE(x.shape[1], SIZES, HIDDEN, WIDTH).fit_kmeans(x, standardise=False)
    cfg = FitConfig(batch_size=BATCH, weight_decay=1e-4, schedule=constant, warmup=0, precision=precision)
    fit(model, x, cfg, epochs=1)
    with Clock() as clock:
        fit(model, x, cfg, epochs=epochs-1, seed=1)
    codes = model.encode(x)
    return clock, model.fit_log.steps, share(x, model.decode(codes).detach()), codes

def vae_ours_bf16(x, epochs): return vae_ours(x, epochs, 'bf16')

def child_rqvae(way, n, dim, epochs):
    import torch
    torch.manual_seed(0)
    x = vectors(n, dim)
    x = (x-x.mean(0))/x.std()
    train = dict(ours=vae_ours, ours_bf16=vae_ours_bf16, public=vae_public, lucid=vae_lucid)[way]
    clock, steps, error, codes = train(x, epochs)
    return dict(steps=steps, step_ms_wall=clock.wall/steps*1e3, step_ms_cpu=clock.cpu/steps*1e3, error=error,
                collision_rate=1-len(codes.unique(dim=0))/len(codes))

# (c) nearest codewords
def child_nearest(way, n, dim, size):
    import torch
    from genrec.quantize.base import nearest
    torch.manual_seed(0)
    x, codebook = torch.empty(n, dim), torch.randn(size, dim)
    for block in x.split(2**18):
        block.normal_()
    with Clock() as clock:
        codes = nearest(x, codebook)
    some = torch.randint(n, (1000,))
    assert (torch.cdist(x[some], codebook).argmin(1)==codes[some]).float().mean()>.999
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*(1 if sys.platform=='darwin' else 1024)
    return dict(peak_gb=peak/1e9, vectors_gb=x.numel()*4/1e9, wall=clock.wall, cpu=clock.cpu)

CHILDREN = dict(rq=child_rq, rqvae=child_rqvae, nearest=child_nearest)

# all runs
def jobs(small):
    "(part, way, sizes)"
    shapes = ((3000, 128),) if small else ((12_101, 768), (1_000_000, 128))
    for shape, width in product(shapes, (1, 5)):
        for way in ('ours', 'refined', 'faiss'):
            yield 'rq', way, (*shape, width)
    for way in ('ours_bf16', 'public', 'ours', 'lucid'):
        yield 'rqvae', way, (3000, 768, 4) if small else (12_101, 768, 100)
    yield 'nearest', 'ours', (200_000 if small else 10_000_000, 32, 256)

def processor_time(result): return next(value for name, value in result.items() if name.endswith('cpu'))

def run(part, way, sizes, *, repeat, threads):
    "The fastest of some runs, each in a process of its own"
    own = dict(GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root), IN_TEST='')
    own['OMP_NUM_THREADS'] = str(threads)
    command = [sys.executable, __file__, '--child', json.dumps([part, way, sizes])]
    best = None
    for _ in range(repeat):
        done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True)
        if done.returncode:
            if 'ModuleNotFoundError' in done.stderr:
                return dict(absent=done.stderr.strip().splitlines()[-1])
            sys.exit(f'{part} {way} {sizes} failed\n{done.stderr}')
        result = json.loads(done.stdout.strip().splitlines()[-1])
        if best is None or processor_time(result)<processor_time(best):
            best = result
    return best

def compared(ours, theirs, names):
    "How many times ours is better, and its error over theirs"
    return {name: round(theirs[name]/ours[name], 2) for name in names} | dict(
        error=round(ours['error']/theirs['error'], 4))

def ratios(rows):
    "How many times ours is better, by processor and by wall time, and ours over theirs of the error"
    of = {(row['part'], row['way'], *row['args']): row for row in rows if 'absent' not in row}
    out = {}
    for (part, way, *sizes), ours in of.items():
        if part=='rq' and way!='faiss' and ('rq', 'faiss', *sizes) in of:
            name = f"{way}, {sizes[0]:,} x {sizes[1]}, beam {sizes[2]}, against faiss"
            seconds = ('train_cpu', 'encode_cpu', 'train_wall', 'encode_wall')
            out[name] = compared(ours, of['rq', 'faiss', *sizes], seconds)
        if part=='rqvae' and way.startswith('ours'):
            for other, label in dict(public='the public loop', lucid='vector-quantize-pytorch').items():
                if (part, other, *sizes) in of:
                    name = f"RQ-VAE {way} against {label}"
                    out[name] = compared(ours, of[part, other, *sizes], ('step_ms_cpu', 'step_ms_wall'))
    return out

def version_of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return 'absent'

def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--only', nargs='*', default=PARTS)
    p.add_argument('--way', nargs='*')
    p.add_argument('--dim', type=int)
    p.add_argument('--repeat', type=int, default=1)
    p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'quantize.json'))
    p.add_argument('--child')
    return p.parse_args()

def run_child(job):
    import torch
    torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
    part, way, sizes = json.loads(job)
    print(json.dumps(CHILDREN[part](way, *sizes)))

def say(row):
    shown = {k: round(v, 4) if isinstance(v, float) else v for k, v in row.items() if k not in ('part', 'way', 'args')}
    print(f"{row['part']:8s} {row['way']:10s} {tuple(row['args'])}", shown, flush=True)

def measured(a):
    "A row for each job that was asked for"
    rows = []
    for part, way, sizes in jobs(a.small):
        if part not in a.only or (a.way and way not in a.way) or (a.dim and sizes[1]!=a.dim):
            continue
        result = run(part, way, sizes, repeat=a.repeat, threads=a.threads)
        rows.append(dict(part=part, way=way, args=list(sizes), **result))
        say(rows[-1])
    return rows

def main():
    a = arguments()
    if a.child:
        return run_child(a.child)
    rows = measured(a)
    better = ratios(rows)
    for name, values in better.items():
        print(f'{name}: '+', '.join(f'{what} {value}' for what, value in values.items()))
    for row in rows:
        if row['part']=='nearest':
            print(f"nearest: peak {row['peak_gb']:.2f} GB, of which the vectors {row['vectors_gb']:.2f} GB")
    versions = {name: version_of(name) for name in ('torch', 'numpy', 'faiss-cpu', 'vector-quantize-pytorch')}
    out = dict(small=a.small, threads=a.threads, machine=platform.machine(), versions=versions)
    out |= dict(ratios=better, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__':
    main()

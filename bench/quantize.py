"""Quantizers against faiss and against the training loops of public scripts, each run in a process of its own

    python bench/quantize.py [--small] [--only rq rqvae nearest] [--repeat 1] [--out runs/bench/quantize.json]

(a) RQ-k-means 4 x 256 against faiss `ResidualQuantizer` at the same encoding beam: seconds of training and of encoding, reconstruction error
(b) RQ-VAE training, batch 1024, 768-512-256-128-32, 4 x 256: milliseconds a step against a Dataset/DataLoader loop and `vector-quantize-pytorch`
(c) peak memory of `nearest` on 10 M vectors and 256 codewords
All share one number of threads. `cpu` are processor seconds, which a busy machine changes less than `wall`; a ratio above 1 says how many times ours is better."""
import argparse, json, os, platform, resource, subprocess, sys, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
SIZES, HIDDEN, WIDTH, BATCH = (256,)*4, (512,256,128), 32, 1024

def vectors(n, dim, seed=0):
    "Made up, like those of a text encoder: a tree of topics, a falling spectrum, unit length"
    import torch
    g = torch.Generator().manual_seed(seed)
    R = lambda *s: torch.randn(*s, generator=g)
    scale, turn = torch.arange(1, dim+1)**-.5, torch.linalg.qr(R(dim, dim))[0]
    a, b, c = R(40, dim), R(1000, dim)*.8, R(20000, dim)*.6
    def block(m):
        s = torch.randint(20000, (m,), generator=g)
        x = ((a[s//500]+b[s//20]+c[s]+R(m, dim)*.5)*scale)@turn
        return x/x.norm(dim=1, keepdim=True)
    return torch.cat([block(min(50_000, n-i)) for i in range(0, n, 50_000)])

class Clock:
    "Wall and processor seconds of what stands in the block"
    def __enter__(self): self.t = time.perf_counter(), time.process_time(); return self
    def __exit__(self, *_): self.wall, self.cpu = time.perf_counter()-self.t[0], time.process_time()-self.t[1]

def share(x, y): # error as a share of the variance
    return float((x-y).double().pow(2).sum()/(x-x.mean(0)).double().pow(2).sum())

# (a)
def rq_ours(x, width, refine=0):
    from genrec.quantize.rq import ResidualQuantizer
    q = ResidualQuantizer(x.shape[1], SIZES)
    with Clock() as train: q.fit_kmeans(x, refine=refine, width=width)
    with Clock() as encode: codes = q.encode(x, width=width)
    return train, encode, share(x, q.decode(codes).detach())

def rq_refined(x, width): return rq_ours(x, width, refine=2)

def rq_faiss(x, width):
    import faiss, torch
    faiss.omp_set_num_threads(torch.get_num_threads())
    q, a = faiss.ResidualQuantizer(x.shape[1], len(SIZES), 8), x.numpy()
    q.max_beam_size = width
    with Clock() as train: q.train(a)
    with Clock() as encode: codes = q.compute_codes(a)
    return train, encode, share(x, torch.from_numpy(q.decode(codes)))

def child_rq(way, n, dim, width):
    t, e, err = globals()[f'rq_{way}'](vectors(n, dim), width)
    return dict(train_wall=t.wall, train_cpu=t.cpu, encode_wall=e.wall, encode_cpu=e.cpu, error=err)

# (b)
def public_vae(dim, quantizer=None):
    "The network and the losses of the public scripts: codebooks as embeddings, one after the other"
    import torch, torch.nn as nn, torch.nn.functional as F
    def mlp(w):
        layers = []
        for i, (a, b) in enumerate(zip(w, w[1:])):
            layers += [nn.Dropout(p=0.), nn.Linear(a, b)]+([nn.ReLU()] if i+2<len(w) else [])
        return nn.Sequential(*layers)
    class Book(nn.Module):
        def __init__(self, K):
            super().__init__()
            self.embedding, self.ready = nn.Embedding(K, WIDTH), False
        def forward(self, x):
            if not self.ready and self.training:
                from sklearn.cluster import KMeans
                km = KMeans(self.embedding.num_embeddings, n_init=1, max_iter=10, random_state=0).fit(x.detach().numpy())
                self.embedding.weight.data.copy_(torch.from_numpy(km.cluster_centers_)); self.ready = True
            k = torch.argmin(torch.cdist(x, self.embedding.weight), dim=-1)
            q = self.embedding(k)
            loss = F.mse_loss(q, x.detach())+.25*F.mse_loss(x, q.detach())
            return x+(q-x).detach(), loss, k
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            w = (dim, *HIDDEN, WIDTH)
            self.encoder, self.decoder = mlp(w), mlp(w[::-1])
            self.books = nn.ModuleList(Book(K) for K in SIZES) if quantizer is None else None
            self.quantizer = quantizer
        def forward(self, x):
            r = self.encoder(x)
            if self.quantizer is not None: q, k, loss = self.quantizer(r); return self.decoder(q), loss.mean(), k
            q, losses, codes = 0., [], []
            for b in self.books:
                y, l, k = b(r)
                r, q = r-y, q+y
                losses.append(l); codes.append(k)
            return self.decoder(q), torch.stack(losses).mean(), torch.stack(codes, -1)
    return Model()

def vae_loop(x, epochs, quantizer=None):
    import torch, torch.nn.functional as F
    from torch.utils.data import Dataset, DataLoader
    class Items(Dataset):
        def __init__(self, a): self.a = a
        def __getitem__(self, i): return torch.FloatTensor(self.a[i])
        def __len__(self): return len(self.a)
    model = public_vae(x.shape[1], quantizer)
    opt, loader = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4), DataLoader(Items(x.numpy()), batch_size=BATCH, shuffle=True)
    def epoch():
        total = 0.
        for batch in loader:
            opt.zero_grad()
            y, rq, _ = model(batch)
            loss = F.mse_loss(y, batch)+rq
            if torch.isnan(loss): raise ValueError("the loss is NaN")
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
            opt.step()
            total += loss.item()
    epoch() # k-means is not timed
    with Clock() as c:
        for _ in range(epochs-1): epoch()
    model.eval()
    with torch.no_grad(): y, _, k = model(x)
    return c, (epochs-1)*len(loader), share(x, y), k

def vae_public(x, epochs): return vae_loop(x, epochs)

def vae_lucid(x, epochs):
    from vector_quantize_pytorch import ResidualVQ
    return vae_loop(x, epochs, ResidualVQ(dim=WIDTH, codebook_size=SIZES[0], num_quantizers=len(SIZES), kmeans_init=True, commitment_weight=.25, decay=.99))

def vae_ours(x, epochs, precision='no'):
    from genrec.quantize.rqvae import RQVAE
    from genrec.core.optim import constant
    from genrec.core.train import fit
    m = RQVAE(x.shape[1], SIZES, HIDDEN, WIDTH).fit_kmeans(x, standardise=False)
    kw = dict(batch_size=BATCH, weight_decay=1e-4, schedule=constant, warmup=0, precision=precision)
    with Clock() as first: fit(m, x, epochs=1, **kw)
    with Clock() as c: fit(m, x, epochs=epochs-1, seed=1, **kw)
    k = m.encode(x)
    return c, m.fit_log.steps, share(x, m.decode(k).detach()), k

def vae_ours_bf16(x, epochs): return vae_ours(x, epochs, 'bf16')

def child_rqvae(way, n, dim, epochs):
    import torch
    torch.manual_seed(0)
    x = vectors(n, dim)
    x = (x-x.mean(0))/x.std()
    c, steps, err, k = globals()[f'vae_{way}'](x, epochs)
    return dict(steps=steps, step_ms_wall=c.wall/steps*1e3, step_ms_cpu=c.cpu/steps*1e3, error=err, collision_rate=1-len(k.unique(dim=0))/len(k))

# (c)
def child_nearest(way, n, dim, K):
    import torch
    from genrec.quantize.base import nearest
    torch.manual_seed(0)
    x, cb = torch.empty(n, dim), torch.randn(K, dim)
    for b in x.split(2**18): b.normal_()
    with Clock() as c: k = nearest(x, cb)
    i = torch.randint(n, (1000,))
    assert (torch.cdist(x[i], cb).argmin(1)==k[i]).float().mean()>.999
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss*(1 if sys.platform=='darwin' else 1024)
    return dict(peak_gb=peak/1e9, vectors_gb=x.numel()*4/1e9, wall=c.wall, cpu=c.cpu)

def jobs(small):
    for n, dim in ((3000, 128),) if small else ((12_101, 768), (1_000_000, 128)):
        for width in (1, 5):
            for way in ('ours', 'refined', 'faiss'): yield 'rq', way, (n, dim, width)
    for way in ("ours_bf16", "public", "ours", "lucid"): yield 'rqvae', way, (3000, 768, 4) if small else (12_101, 768, 100)
    yield 'nearest', 'ours', (200_000 if small else 10_000_000, 32, 256)

def run(part, way, args, repeat, threads):
    "The fastest of some runs, each in a process of its own"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', PYTHONPATH=str(root), IN_TEST='')
    best = None
    for _ in range(repeat):
        p = subprocess.run([sys.executable, __file__, '--child', json.dumps([part, way, args])], env=env, capture_output=True, text=True)
        if p.returncode:
            if 'ModuleNotFoundError' in p.stderr: return dict(absent=p.stderr.strip().splitlines()[-1])
            sys.exit(f'{part} {way} {args} failed\n{p.stderr}')
        r = json.loads(p.stdout.strip().splitlines()[-1])
        t = lambda r: next(v for k, v in r.items() if k.endswith('cpu'))
        if best is None or t(r)<t(best): best = r
    return best

def ratios(rows):
    "How many times ours is better, by processor and by wall time, and ours over theirs of the error"
    get = {(r['part'], r['way'], *r['args']): r for r in rows if 'absent' not in r}
    out = {}
    for (part, way, *args), r in get.items():
        def put(name, other, keys):
            o = get.get((part, other, *args))
            if o: out[name] = {k: round(o[k]/r[k], 2) for k in keys} | dict(error=round(r['error']/o['error'], 4))
        if part=='rq' and way!='faiss': put(f"{way}, {args[0]:,} x {args[1]}, beam {args[2]}, against faiss", 'faiss', ('train_cpu', 'encode_cpu', 'train_wall', 'encode_wall'))
        if part=='rqvae' and way.startswith('ours'):
            for o in ('public', 'lucid'): put(f"RQ-VAE {way} against {dict(public='the public loop', lucid='vector-quantize-pytorch')[o]}", o, ('step_ms_cpu', 'step_ms_wall'))
    return out

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--only', nargs='*', default=['rq', 'rqvae', 'nearest'])
    p.add_argument('--way', nargs='*'); p.add_argument('--dim', type=int)
    p.add_argument('--repeat', type=int, default=1); p.add_argument('--threads', type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument('--out', default=str(root/'runs'/'bench'/'quantize.json')); p.add_argument('--child')
    a = p.parse_args()
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        part, way, args = json.loads(a.child)
        return print(json.dumps(globals()[f'child_{part}'](way, *args)))
    rows = []
    for part, way, args in jobs(a.small):
        if part not in a.only or (a.way and way not in a.way) or (a.dim and args[1]!=a.dim): continue
        rows.append(dict(part=part, way=way, args=list(args), **run(part, way, args, a.repeat, a.threads)))
        print(f'{part:8s} {way:10s} {args}', {k: round(v, 4) if isinstance(v, float) else v for k, v in rows[-1].items() if k not in ('part', 'way', 'args')}, flush=True)
    out = ratios(rows)
    for k, v in out.items(): print(f'{k}: '+', '.join(f'{n} {o}' for n, o in v.items()))
    for r in rows:
        if r['part']=='nearest': print(f"nearest: peak {r['peak_gb']:.2f} GB, of which the vectors {r['vectors_gb']:.2f} GB")
    from importlib.metadata import version, PackageNotFoundError
    def of(n):
        try: return version(n)
        except PackageNotFoundError: return 'absent'
    versions = {n: of(n) for n in ('torch', 'numpy', 'faiss-cpu', 'vector-quantize-pytorch')}
    out = dict(small=a.small, threads=a.threads, machine=platform.machine(), versions=versions, ratios=out, rows=rows)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__': main()

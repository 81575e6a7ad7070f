"""SASRec, GRU4Rec and BERT4Rec: seconds an epoch here and in RecBole, on equal work

    python bench/baselines.py [--small] [--recbole PYTHON] [--data ../shared/data/scientific_cgr] [--way ...] [--repeat 2] [--threads 1]
    python bench/baselines.py --quality popular itemknn sasrec gru4rec bert4rec sasrec_f gru4rec_f fdsa s3rec [--seeds 0 1 2] [--epochs 100]     figures of both, as run files in runs/recbole; what is there is not made again

Figures are of equal settings: RecBole's defaults (sizes, dropout, 1e-3, no decay, no search) in both, as many updates an epoch (a batch is 256 prefixes there and 64 sequences here, which hold about as many; BERT4Rec's and those that S3-Rec is pre-trained on are prefixes in both), the best of all epochs by NDCG@10 of all
validation users, training ended after 10 epochs without a better one. Not equal: gradients are clipped at norm 1 here and not there. RecBole's BERT4Rec reads of each sample the history and never the target, so nobody's youngest training item is learned from; `--quality bert4rec_rows` is ours on those rows. Content is the same attributes for both: codes of k-means on the texts, two levels of 64. S3-Rec is pre-trained for `PRE` epochs in both, at a rate that does not fall, as RecBole's does not.
What counts alone (Popular, ItemKNN) is made once, in the way that RecBole evaluates such models: scores from training items alone, whatever a user has had is never recommended.

Equal work: the same training items, sizes, batches of 256 and full softmax, one thread, fp32. An epoch predicts each training item from what came before it, once:
RecBole computes one sequence for each, here a sequence is computed once for all of its items (SASRec, GRU4Rec). BERT4Rec reads every prefix in both, and hides the last item alone in half of
them (RecBole: of the batches, and of a prefix without its target), a share of .2 of the items in the others.
Importing RecBole switches on autograd's anomaly detection for the whole process (its SINE does), a check of every gradient for NaN that no figure hangs on. It is switched off here; how long an epoch takes with it, as RecBole comes, is `seconds_checked`.
Seconds are of the processor, which a busy machine falsifies less than the clock. `.ci/recbole.sh` makes RecBole's environment."""
import argparse, json, os, platform, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
WAYS = ('sasrec', 'gru4rec', 'bert4rec')
HISTORY, BATCH, PRE = 20, 256, 20

def batch_for(way, n):
    "RecBole's BERT4Rec divides by nothing where a batch has no masked item, as a small last one has: batches of at most 256 for both, the last of which is at least half full"
    return BATCH if not way.startswith('bert4rec') else next((b for b in range(BATCH, BATCH//2, -1) if n%b==0 or n%b>=b//2), BATCH)

def split_of(folder, small=False):
    "Leave one out after the 5-core; made up where there is no data"
    import contextlib, io
    from genrec.data.split import leave_one_out
    if small or not Path(folder).is_dir():
        from genrec.data.toy import toy_shop
        return leave_one_out(toy_shop(500, images=False).log)
    from genrec.data.sources import load_lcrec
    from genrec.data.filter import k_core
    from genrec.data.log import index_log
    with contextlib.redirect_stdout(io.StringIO()): return leave_one_out(index_log(k_core(load_lcrec(Path(folder)), k=5)))

# ours
def ours(way, folder, small, repeat):
    import torch
    from genrec.recommend.sasrec import SASRec
    from genrec.recommend.gru4rec import GRU4Rec
    from genrec.recommend.bert4rec import BERT4Rec
    from genrec.core.train import fit
    split = split_of(folder, small)
    torch.manual_seed(0)
    m = dict(sasrec=SASRec, gru4rec=GRU4Rec, bert4rec=BERT4Rec)[way](split.n_items, max_history=HISTORY)
    data, batch = m.training_data(split.train), batch_for(way, len(split.train))
    fit(m, data[:batch], epochs=1, batch_size=batch) # warm
    out = []
    for _ in range(repeat):
        t, w = time.process_time(), time.time()
        fit(m, data, epochs=1, batch_size=batch)
        out.append((time.process_time()-t, time.time()-w))
    return dict(seconds=min(out)[0], wall=min(w for _, w in out), sequences=len(data), batch=batch, items=len(split.train), weights=sum(p.numel() for p in m.parameters()))

# RecBole
def recbole_data(folder, small, model, seed=0, epochs=1, where=None, attributes=None, **more):
    "RecBole's own leave-one-out on the same log, as its trainer wants it"
    import numpy as np, torch
    for n in ('float_', 'int_', 'bool_', 'complex_', 'object_', 'unicode_', 'float', 'int', 'bool', 'object'): # names that NumPy 2 dropped
        if n not in np.__dict__: setattr(np, n, dict(float_=np.float64, complex_=np.complex128, unicode_=np.str_, float=float, int=int, bool=bool, object=object).get(n))
    import pandas as pd
    agg = pd.Series.agg
    pd.Series.agg = lambda self, f=None, *a, **k: self.map(len) if f is len else agg(self, f, *a, **k) # element by element, as older pandas had it
    load = torch.load
    torch.load = lambda *a, **k: load(*a, **dict(k, weights_only=False))
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed, get_model, get_trainer
    split = split_of(folder, small)
    where = Path(where)
    (where/'log').mkdir(parents=True)
    t = split.test
    with open(where/'log'/'log.inter', 'w') as f:
        f.write('user_id:token\titem_id:token\ttimestamp:float\n')
        full = t.history.items # the log itself: histories of a split are views into it
        start = {int(u): None for u in t.user}
        ends = dict(zip(t.user.tolist(), t.history.end.tolist()))
        at = 0
        for u in sorted(ends):
            for k in range(at, ends[u]+1): f.write(f'{u}\t{int(full[k])}\t{k-at}\n')
            at = ends[u]+1
    if attributes:
        with open(where/'log'/'log.item', 'w') as f: f.writelines(['item_id:token\tclass:token_seq\n', *[f'{i}\t{" ".join(map(str, c))}\n' for i, c in enumerate(attributes)]])
    cfg = dict(data_path=str(where), dataset='log', MAX_ITEM_LIST_LENGTH=HISTORY, train_batch_size=batch_for(model.lower(), len(split.train)), eval_batch_size=4096, epochs=epochs, learning_rate=.001, loss_type='CE',
        train_neg_sample_args=None, eval_args=dict(split={'LS': 'valid_and_test'}, order='TO', group_by='user', mode='full'), load_col={'inter': ['user_id', 'item_id', 'timestamp'], **({'item': ['item_id', 'class']} if attributes else {})}, **({'selected_features': ['class']} if attributes else {}), topk=[1, 5, 10],
        metrics=['Recall', 'NDCG'], valid_metric='NDCG@10', stopping_step=10, eval_step=1, seed=seed, reproducibility=True, use_gpu=False, gpu_id='', device='cpu', checkpoint_dir=str(where/'saved'),
        show_progress=False, state='ERROR', hidden_dropout_prob=.2 if model=='BERT4Rec' else .5, attn_dropout_prob=.2 if model=='BERT4Rec' else .5, mask_ratio=.2, **more)
    if model in ('Pop', 'ItemKNN'): cfg.update(loss_type=None, epochs=1, load_col={'inter': ['user_id', 'item_id', 'timestamp']})
    if model.startswith('GRU4Rec'): cfg.pop('hidden_dropout_prob'); cfg.pop('attn_dropout_prob')
    sys.argv = sys.argv[:1]
    c = Config(model=model, dataset='log', config_dict=cfg)
    init_seed(c['seed'], True)
    ds = create_dataset(c)
    train, valid, test = data_preparation(c, ds)
    m = get_model(model)(c, train.dataset).to('cpu')
    torch.autograd.set_detect_anomaly(False) # importing RecBole's SINE switches it on for every model
    return c, m, get_trainer(c['MODEL_TYPE'], model)(c, m), train, valid, test

NAMES = dict(popular='Pop', itemknn='ItemKNN', sasrec='SASRec', gru4rec='GRU4Rec', bert4rec='BERT4Rec', sasrec_f='SASRecF', gru4rec_f='GRU4RecF', fdsa='FDSA', s3rec='S3Rec')
QUALITY, COUNTS, BARE = list(NAMES), ('popular', 'itemknn'), ('popular', 'itemknn', 'sasrec', 'gru4rec', 'bert4rec') # these count; these want no attributes
ROWS = 'bert4rec_rows' # ours alone, see above

def recbole(way, folder, small, repeat):
    import torch
    with tempfile.TemporaryDirectory() as d:
        c, m, trainer, train, _, _ = recbole_data(folder, small, NAMES[way], where=d)
        out, checked = [], []
        for e in range(2*repeat): # every other epoch as RecBole comes
            t, w = time.process_time(), time.time()
            with torch.autograd.set_detect_anomaly(e%2==1): loss = trainer._train_epoch(train, e, show_progress=False)
            (checked if e%2 else out).append((time.process_time()-t, time.time()-w))
        return dict(seconds=min(out)[0], wall=min(w for _, w in out), seconds_checked=min(checked)[0], sequences=len(train.dataset), batch=c['train_batch_size'], loss=float(loss if not isinstance(loss, tuple) else sum(loss)), weights=sum(p.numel() for p in m.parameters()))

def attributes(folder, small):
    "Attributes of every item: codes of two levels of k-means on its text"
    from genrec.quantize.base import to_sids
    from genrec.quantize.rq import ResidualQuantizer
    if small or not Path(folder).is_dir():
        from genrec.data.toy import toy_shop
        from genrec.encode.text import TfidfEncoder
        c = toy_shop(500, images=False).catalog
        emb, sizes = TfidfEncoder(dim=16).fit(c)(c), (8, 8)
    else:
        from genrec.study.corpus import load_corpus
        emb, sizes = load_corpus(folder).embs['text'], (64, 64)
    codes = to_sids(ResidualQuantizer(emb.dim, sizes).requires_grad_(False).fit_kmeans(emb, seed=0), emb).codes
    return [[int(a), sizes[0]+int(b)] for a, b in codes]

def read(at): return json.loads(Path(at).read_text()) if at else None

def ranks_of(trainer, loader, part, k=20):
    "Rank of each user's target among RecBole's scores of all items, in the order of `part`; -1 below the first `k`"
    import torch
    at = {int(u): n for n, u in enumerate(part.user)}
    out, ds = torch.full((len(part),), -2), loader._dataset
    with torch.no_grad():
        for batch in loader:
            inter, scores, row, item = trainer._full_sort_batch_eval(batch)
            if scores.isnan().any(): raise ValueError('scores are not numbers: the training has diverged')
            hit = scores.topk(k, 1).indices[row]==item[:, None]
            users = [at[int(t)] for t in ds.id2token('user_id', inter['user_id'].numpy())]
            out[users] = torch.where(hit.any(1), hit.int().argmax(1), -1)
    if (out==-2).any(): raise ValueError('RecBole has not scored every user')
    return out.tolist()

def quality(name, folder, small, seed, epochs, at):
    more = {}
    with tempfile.TemporaryDirectory() as d:
        if name=='s3rec':
            first = recbole_data(folder, small, 'S3Rec', seed, epochs, Path(d)/'first', read(at), train_stage='pretrain', pretrain_epochs=min(PRE, epochs), save_step=min(PRE, epochs))
            t = time.time(); first[2].fit(first[3], verbose=False, show_progress=False)
            saved, = (Path(d)/'first'/'saved').glob('*.pth')
            more = dict(train_stage='finetune', pre_model_path=str(saved), pretrain_epochs=min(PRE, epochs))
        c, m, trainer, train, valid, test = recbole_data(folder, small, NAMES[name], seed, epochs, Path(d)/'run', read(at), **more)
        t = time.time() if name!='s3rec' else t
        best, row = trainer.fit(train, valid, verbose=False, saved=True, show_progress=False)
        sec = time.time()-t
        got = trainer.evaluate(test, load_best_model=True, show_progress=False)
        ranks = ranks_of(trainer, test, split_of(folder, small).test, 10 if name in COUNTS else 20) # many scores of counts are equal, and `topk` takes others of them for another k
        keep = ('hidden_size', 'embedding_size', 'n_layers', 'num_layers', 'n_heads', 'inner_size', 'hidden_dropout_prob', 'attn_dropout_prob', 'dropout_prob', 'learning_rate', 'train_batch_size', 'mask_ratio', 'loss_type', 'epochs', 'stopping_step', 'pretrain_epochs', 'pooling_mode') if name not in COUNTS else ('epochs', 'k', 'shrink')
        return dict(metrics={k: float(v) for k, v in got.items()}, ranks=ranks, valid=float(best), seconds=sec, config={k: c[k] for k in keep if c[k] is not None})

def quality_here(name, folder, small, seed, epochs, at):
    "The same with our models; the run itself"
    import torch
    from genrec.core.values import Embeddings, Histories, Samples, set_seed
    from genrec.evaluate.protocol import measure, validator
    from genrec.core.optim import constant
    from genrec.recommend.bert4rec import BERT4Rec
    from genrec.recommend.fdsa import FDSA
    from genrec.recommend.features import GRU4RecF, SASRecF
    from genrec.recommend.gru4rec import GRU4Rec
    from genrec.recommend.s3rec import S3Rec, S3RecPretraining
    from genrec.recommend.sasrec import SASRec
    from genrec.core.train import fit
    split, set_ = split_of(folder, small), read(at)
    if name in COUNTS: return counted(name, split)
    set_seed(seed)
    n, kw = split.n_items, dict(max_history=HISTORY)
    if set_:
        if len(set_)!=n: raise ValueError(f'attributes of {len(set_)} items, the log has {n}')
        hot = torch.zeros(n, 1+max(map(max, set_))).scatter_(1, torch.tensor(set_), 1.)
    if (rows:=name==ROWS): name = 'bert4rec'
    if name=='bert4rec': kw |= dict(dropout=.2, mask_share=.2)
    m = dict(sasrec=SASRec, gru4rec=GRU4Rec, bert4rec=BERT4Rec, s3rec=S3Rec)[name](n, **kw) if name in ('sasrec', 'gru4rec', 'bert4rec', 's3rec') else dict(sasrec_f=SASRecF, gru4rec_f=GRU4RecF, fdsa=FDSA)[name](n, Embeddings(hot), **kw)
    data, how, sec = m.training_data(split.train), dict(batch_size=batch_for(name, len(split.train)) if name=='bert4rec' else BATCH//4, lr=1e-3, weight_decay=0.), 0.
    if rows: data = Samples(data.user, Histories(data.history.items, data.history.start, data.history.end-1), data.history.items[data.history.end-1])
    if name=='s3rec':
        first = fit(S3RecPretraining(m, hot.bool()), split.train, epochs=min(PRE, epochs), seed=seed, **dict(how, batch_size=BATCH, schedule=constant)); sec = first.fit_log.seconds
    fit(m, data, epochs=epochs, evaluate=validator(split, None), every=1, patience=10, seed=seed, **how)
    r = measure(m, split, f'genrec-{name}', 'data', config=dict(how, **kw, epochs=epochs, patience=10, **(dict(pretrain_epochs=min(PRE, epochs), pretrain_on='prefixes', pretrain_schedule='constant') if name=='s3rec' else {})), seed=seed, seconds=dict(train=round(sec+m.fit_log.seconds, 1)))
    return dict(config=dict(r.config, **(dict(rows='histories without targets') if rows else {})), metrics=dict(r.metrics, valid=m.fit_log.best['ndcg@10'], best_epoch=m.fit_log.best['epoch'], parameters=sum(p.numel() for p in m.parameters())), seconds=r.seconds, ranks=r.ranks.tolist())

def counted(name, split):
    "RecBole's protocol for what is not sequential, with ours: neighbours and histories of training items, the validation item left out with them"
    import torch
    from genrec.core.values import Histories
    from genrec.evaluate.metrics import metrics_of_ranks
    from genrec.recommend.itemknn import ItemKNN
    from genrec.recommend.popular import Popular
    t = time.time()
    m = dict(popular=Popular, itemknn=ItemKNN)[name](split.n_items).fit(split.train)
    sec, part = time.time()-t, split.test
    end = part.history.end # behind each user's validation item; histories are views into the log, in which users follow each other
    order = end.argsort()
    start = torch.zeros_like(end)
    start[order[1:]] = end[order[:-1]]+1
    best = m.recommend(Histories(part.history.items, start, end-1), 21, exclude_seen=True).items
    keep = best!=part.history.items[end-1][:, None]
    hit = (best==part.target[:, None])&keep
    ranks = torch.where(hit.any(1), (keep.cumsum(1)-1).gather(1, hit.int().argmax(1)[:, None])[:, 0], -1)
    ranks[ranks>=10] = -1
    return dict(config=dict(protocol='training items alone, all that was had left out', **(dict(k=m.k) if name=='itemknn' else {})), metrics=metrics_of_ranks(ranks), seconds=dict(train=round(sec, 2)), ranks=ranks.tolist())

# the two heavy operations of all of them
def softmax(small):
    "Full softmax with its gradient, and the 20 best of a million items: PyTorch's plain form beside ours, processor seconds, the best of several in turn"
    import torch
    import torch.nn.functional as F
    from genrec.core.layers import linear, softmax_loss
    from genrec.recommend.sequence import best_items
    torch.manual_seed(0)
    def best(**ways): # in turn, the first round to warm
        out = {k: [] for k in ways}
        for _ in range(2 if small else 8):
            for k, f in ways.items(): t = time.process_time(); f(); out[k].append(time.process_time()-t)
        return {k: min(v[1:]) for k, v in out.items()}
    rows = {}
    for n, m in ((100, 1000),) if small else ((1500, 4344), (1500, 12_101), (512, 100_000)):
        h, w, t = torch.randn(n, 64, requires_grad=True), (torch.randn(m, 64)*.1).requires_grad_(), torch.randint(0, m, (n,))
        def run(f): h.grad = w.grad = None; f().backward()
        rows[f'{n} states, {m} items'] = best(plain=lambda: run(lambda: F.cross_entropy(h@w.T, t, reduction='sum')), plain_by_linear=lambda: run(lambda: F.cross_entropy(linear(h, w), t, reduction='sum')), ours=lambda: run(lambda: softmax_loss(h, w, t)))
    m = 100_000 if small else 1_000_000
    h, w = torch.randn(256, 64), torch.randn(m, 64)
    with torch.no_grad(): rows[f'20 best of {m} items for 256 users'] = best(plain=lambda: (h@w.T).topk(20, 1), ours=lambda: best_items(lambda a, b: linear(h, w[a:b]), m, 20))
    return rows

def child(python, *job, threads=1):
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', CUDA_VISIBLE_DEVICES='', PYTHONPATH=str(root))
    with tempfile.TemporaryDirectory() as d: p = subprocess.run([python, str(Path(__file__).resolve()), '--child', json.dumps(job)], env=env, cwd=d, capture_output=True, text=True) # RecBole writes logs where it stands
    if p.returncode: return dict(failed=p.stderr.strip().splitlines()[-1] if p.stderr.strip() else 'no message')
    return json.loads(p.stdout.strip().splitlines()[-1])

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true'); p.add_argument('--data', default=str(root.parent/'shared'/'data'/'scientific_cgr')); p.add_argument('--recbole', help='its python, see .ci/recbole.sh')
    p.add_argument('--way', nargs='*', default=list(WAYS)); p.add_argument('--repeat', type=int, default=2); p.add_argument('--threads', type=int, default=1); p.add_argument('--quality', nargs='*')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2]); p.add_argument('--epochs', type=int, default=100)
    p.add_argument('--out', default=str(root/'runs'/'bench'/'baselines.json')); p.add_argument('--runs', default=str(root/'runs'/'recbole')); p.add_argument('--child')
    a = p.parse_args()
    a.data = str(Path(a.data).resolve())
    if a.recbole: a.recbole = os.path.abspath(a.recbole) # not resolved: a virtual environment's python is a link
    if a.child:
        import torch
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        what, *job = json.loads(a.child)
        return print(json.dumps(globals()[what](*job)))
    data = Path(a.data).name if Path(a.data).is_dir() and not a.small else 'toy'
    if a.quality is not None:
        if not a.recbole: sys.exit('--quality wants --recbole: `--recbole "$(bash .ci/recbole.sh)"`')
        import torch
        from genrec.core.record import Run, load_runs
        from genrec.evaluate.metrics import metrics_of_ranks
        if (odd:=set(a.quality)-{*QUALITY, ROWS}): sys.exit(f"--quality takes {' '.join([*QUALITY, ROWS])}, got {' '.join(sorted(odd))}")
        there = {(r.system, r.data, r.seed, r.config.get('epochs')) for r in load_runs(a.runs)}
        with tempfile.TemporaryDirectory() as d:
            at = Path(d)/'attributes.json'
            for s in a.seeds:
                for name in a.quality or QUALITY:
                    if name in COUNTS and s!=a.seeds[0]: continue
                    for who, python in (('genrec', sys.executable), ('recbole', a.recbole)):
                        if (f'{who}-{name}', data, s, None if name in COUNTS and who=='genrec' else 1 if name in COUNTS else a.epochs) in there or who=='recbole' and name==ROWS: continue
                        if name not in (*BARE, ROWS) and not at.exists(): at.write_text(json.dumps(attributes(a.data, a.small)))
                        r = child(python, 'quality' if who=='recbole' else 'quality_here', name, a.data, a.small, s, a.epochs, str(at) if name not in (*BARE, ROWS) else None, threads=a.threads)
                        ranks = torch.tensor(r.pop('ranks', []))
                        print(who, name, s, r, flush=True)
                        if 'failed' in r: continue
                        if who=='recbole':
                            ours = metrics_of_ranks(ranks)
                            if (off:={k: (v, ours[k]) for k, v in r['metrics'].items() if abs(v-ours[k])>1e-4}): sys.exit(f'RecBole counts otherwise than we do: {off}') # its figures have four decimals
                            r = dict(config=dict(r['config'], recbole='1.2.1', history=HISTORY), metrics=dict(ours, valid=r['valid']), seconds=dict(train=round(r['seconds'], 1)))
                        Run(f'{who}-{name}', data, r['config'], r['metrics'], s, r['seconds'], ranks=ranks).save(a.runs)
        return
    rows, heavy = {}, child(sys.executable, 'softmax', a.small, threads=a.threads)
    for k, v in heavy.items(): print(k, {n: round(x, 4) for n, x in v.items()} if isinstance(v, dict) else v, flush=True)
    for way in a.way:
        rows[way] = dict(ours=child(sys.executable, 'ours', way, a.data, a.small, a.repeat, threads=a.threads), recbole=child(a.recbole, 'recbole', way, a.data, a.small, 1 if a.small else a.repeat, threads=a.threads) if a.recbole else dict(failed='not installed'))
        o, r = rows[way]['ours'], rows[way]['recbole']
        if 'seconds' in o and 'seconds' in r: rows[way] |= dict(times_as_fast=round(r['seconds']/o['seconds'], 2), times_as_fast_checked=round(r['seconds_checked']/o['seconds'], 2))
        print(way, {k: v if isinstance(v, float) else {n: round(x, 3) if isinstance(x, float) else x for n, x in v.items()} for k, v in rows[way].items()}, flush=True)
    import torch
    out = dict(small=a.small, data=data, threads=a.threads, machine=platform.machine(), torch=torch.__version__, history=HISTORY, rows=rows, heavy=heavy)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(out, indent=1)+'\n')

if __name__=='__main__': main()

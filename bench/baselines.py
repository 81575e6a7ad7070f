"""SASRec, GRU4Rec and BERT4Rec: seconds an epoch here and in RecBole, on equal work

    python bench/baselines.py [--small] [--recbole PYTHON] [--data ../shared/data/scientific_cgr] [--way ...]
        [--repeat 2] [--threads 1]
    python bench/baselines.py --quality popular itemknn sasrec gru4rec bert4rec sasrec_f gru4rec_f fdsa s3rec
        [--seeds 0 1 2] [--epochs 100]
        figures of both, as run files in runs/recbole; what is there is not made again

Figures are of equal settings: RecBole's defaults (sizes, dropout, 1e-3, no decay, no search) in both, as many updates
an epoch (a batch is 256 prefixes there and 64 sequences here, which hold about as many; BERT4Rec's and those that
S3-Rec is pre-trained on are prefixes in both), the best of all epochs by NDCG@10 of all validation users, training
ended after 10 epochs without a better one. Not equal: gradients are clipped at norm 1 here and not there. RecBole's
BERT4Rec reads of each sample the history and never the target, so nobody's youngest training item is learned from;
`--quality bert4rec_rows` is ours on those rows. Content is the same attributes for both: codes of k-means on the
texts, two levels of 64. S3-Rec is pre-trained for `PRE` epochs in both, at a rate that does not fall, as RecBole's
does not.
What counts alone (Popular, ItemKNN) is made once, in the way that RecBole evaluates such models: scores from training
items alone, whatever a user has had is never recommended.

Equal work: the same training items, sizes, batches of 256 and full softmax, one thread, fp32. An epoch predicts each
training item from what came before it, once: RecBole computes one sequence for each, here a sequence is computed once
for all of its items (SASRec, GRU4Rec). BERT4Rec reads every prefix in both, and hides the last item alone in half of
them (RecBole: of the batches, and of a prefix without its target), a share of .2 of the items in the others.
Importing RecBole switches on autograd's anomaly detection for the whole process (its SINE does), a check of every
gradient for NaN that no figure hangs on. It is switched off here; how long an epoch takes with it, as RecBole comes,
is `seconds_checked`.
Seconds are of the processor, which a busy machine falsifies less than the clock. `.ci/beside.sh recbole` makes
RecBole's environment."""
import argparse, json, os, platform, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
WAYS = ('sasrec', 'gru4rec', 'bert4rec')
HISTORY, BATCH, PRE = 20, 256, 20
NAMES = dict(popular='Pop', itemknn='ItemKNN', sasrec='SASRec', gru4rec='GRU4Rec', bert4rec='BERT4Rec',
    sasrec_f='SASRecF', gru4rec_f='GRU4RecF', fdsa='FDSA', s3rec='S3Rec')
QUALITY = list(NAMES)
COUNTS = ('popular', 'itemknn') # these count
BARE = ('popular', 'itemknn', 'sasrec', 'gru4rec', 'bert4rec') # these want no attributes
ROWS = 'bert4rec_rows' # ours alone, see above

def batch_for(way, n):
    """Samples of a batch: 256, and for BERT4Rec as many or fewer, so that the last batch is at least half full

    RecBole's BERT4Rec divides by nothing where a batch has no masked item, as a small last one has."""
    if not way.startswith('bert4rec'):
        return BATCH
    return next((b for b in range(BATCH, BATCH//2, -1) if n%b==0 or n%b>=b//2), BATCH)

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
    with contextlib.redirect_stdout(io.StringIO()):
        return leave_one_out(index_log(k_core(load_lcrec(Path(folder)), k=5)))

def n_weights(m): return sum(p.numel() for p in m.parameters())

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
    took = []
    for _ in range(repeat):
        cpu, wall = time.process_time(), time.time()
        fit(m, data, epochs=1, batch_size=batch)
        took.append((time.process_time()-cpu, time.time()-wall))
    return dict(seconds=min(took)[0], wall=min(wall for _, wall in took), sequences=len(data), batch=batch,
        items=len(split.train), weights=n_weights(m))

# RecBole
def as_it_was():
    "What RecBole wants of older versions of NumPy, pandas and PyTorch"
    import numpy as np, pandas as pd, torch
    dropped = dict(float_=np.float64, complex_=np.complex128, unicode_=np.str_, float=float, int=int, bool=bool,
        object=object, int_=None, bool_=None, object_=None)
    for name, kind in dropped.items():
        if name not in np.__dict__:
            setattr(np, name, kind)
    agg, load = pd.Series.agg, torch.load
    def element_by_element(self, f=None, *args, **kw): return self.map(len) if f is len else agg(self, f, *args, **kw)
    def load_all(*args, **kw): return load(*args, **dict(kw, weights_only=False))
    pd.Series.agg, torch.load = element_by_element, load_all

def write_log(split, folder, attributes):
    "A log and its attributes as RecBole reads them"
    folder.mkdir(parents=True)
    test = split.test
    items = test.history.items # the log itself: histories of a split are views into it
    ends, at = dict(zip(test.user.tolist(), test.history.end.tolist())), 0
    with open(folder/'log.inter', 'w') as f:
        f.write('user_id:token\titem_id:token\ttimestamp:float\n')
        for user in sorted(ends):
            for k in range(at, ends[user]+1):
                f.write(f'{user}\t{int(items[k])}\t{k-at}\n')
            at = ends[user]+1
    if attributes:
        lines = [f'{i}\t{" ".join(map(str, codes))}\n' for i, codes in enumerate(attributes)]
        with open(folder/'log.item', 'w') as f:
            f.writelines(['item_id:token\tclass:token_seq\n', *lines])

def recbole_settings(model, where, batch, attributes):
    "RecBole's configuration; what is not here is its default"
    dropout = .2 if model=='BERT4Rec' else .5
    columns = {'inter': ['user_id', 'item_id', 'timestamp']}
    cfg = dict(data_path=str(where), dataset='log', MAX_ITEM_LIST_LENGTH=HISTORY, train_batch_size=batch,
        eval_batch_size=4096, learning_rate=.001, loss_type='CE', train_neg_sample_args=None, load_col=columns,
        eval_args=dict(split={'LS': 'valid_and_test'}, order='TO', group_by='user', mode='full'), topk=[1, 5, 10],
        metrics=['Recall', 'NDCG'], valid_metric='NDCG@10', stopping_step=10, eval_step=1, reproducibility=True,
        use_gpu=False, gpu_id='', device='cpu', checkpoint_dir=str(where/'saved'), show_progress=False, state='ERROR',
        hidden_dropout_prob=dropout, attn_dropout_prob=dropout, mask_ratio=.2)
    if attributes:
        cfg |= dict(load_col=columns | {'item': ['item_id', 'class']}, selected_features=['class'])
    if model in ('Pop', 'ItemKNN'):
        cfg |= dict(loss_type=None, load_col=columns)
    if model.startswith('GRU4Rec'):
        del cfg['hidden_dropout_prob'], cfg['attn_dropout_prob']
    return cfg

def recbole_data(folder, small, model, where, *, seed=0, epochs=1, attributes=None, **more):
    "RecBole's own leave-one-out on the same log, as its trainer wants it"
    as_it_was()
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import init_seed, get_model, get_trainer
    split, where = split_of(folder, small), Path(where)
    write_log(split, where/'log', attributes)
    cfg = recbole_settings(model, where, batch_for(model.lower(), len(split.train)), attributes)
    cfg |= dict(seed=seed, epochs=1 if model in ('Pop', 'ItemKNN') else epochs, **more)
    sys.argv = sys.argv[:1]
    c = Config(model=model, dataset='log', config_dict=cfg)
    init_seed(c['seed'], True)
    train, valid, test = data_preparation(c, create_dataset(c))
    m = get_model(model)(c, train.dataset).to('cpu')
    torch.autograd.set_detect_anomaly(False) # importing RecBole's SINE switches it on for every model
    return c, m, get_trainer(c['MODEL_TYPE'], model)(c, m), train, valid, test

def recbole(way, folder, small, repeat):
    import torch
    with tempfile.TemporaryDirectory() as d:
        c, m, trainer, train, _, _ = recbole_data(folder, small, NAMES[way], d)
        plain, checked = [], []
        for e in range(2*repeat): # every other epoch as RecBole comes
            cpu, wall = time.process_time(), time.time()
            with torch.autograd.set_detect_anomaly(e%2==1):
                loss = trainer._train_epoch(train, e, show_progress=False)
            (checked if e%2 else plain).append((time.process_time()-cpu, time.time()-wall))
        loss = float(sum(loss) if isinstance(loss, tuple) else loss)
        return dict(seconds=min(plain)[0], wall=min(wall for _, wall in plain), seconds_checked=min(checked)[0],
            sequences=len(train.dataset), batch=c['train_batch_size'], loss=loss, weights=n_weights(m))

def attributes(folder, small):
    "Attributes of every item: codes of two levels of k-means on its text"
    from genrec.quantize.base import to_sids
    from genrec.quantize.rq import ResidualQuantizer
    if small or not Path(folder).is_dir():
        from genrec.data.toy import toy_shop
        from genrec.encode.text import TfidfEncoder
        catalog = toy_shop(500, images=False).catalog
        emb, sizes = TfidfEncoder(dim=16).fit(catalog)(catalog), (8, 8)
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

KEPT = ('hidden_size', 'embedding_size', 'n_layers', 'num_layers', 'n_heads', 'inner_size', 'hidden_dropout_prob',
    'attn_dropout_prob', 'dropout_prob', 'learning_rate', 'train_batch_size', 'mask_ratio', 'loss_type', 'epochs',
    'stopping_step', 'pretrain_epochs', 'pooling_mode') # of RecBole's configuration, in run files

def pretrained(folder, small, where, **how):
    "Pre-train RecBole's S3-Rec: when that began, and what its fine-tuning wants to know"
    n = min(PRE, how['epochs'])
    _, _, trainer, train, _, _ = recbole_data(folder, small, 'S3Rec', where, **how, train_stage='pretrain',
        pretrain_epochs=n, save_step=n)
    start = time.time()
    trainer.fit(train, verbose=False, show_progress=False)
    saved, = (where/'saved').glob('*.pth')
    return start, dict(train_stage='finetune', pre_model_path=str(saved), pretrain_epochs=n)

def quality(name, folder, small, *, seed, epochs, at):
    with tempfile.TemporaryDirectory() as d:
        how, start, more = dict(seed=seed, epochs=epochs, attributes=read(at)), None, {}
        if name=='s3rec':
            start, more = pretrained(folder, small, Path(d)/'first', **how)
        c, _, trainer, train, valid, test = recbole_data(folder, small, NAMES[name], Path(d)/'run', **how, **more)
        start = start or time.time()
        best, _ = trainer.fit(train, valid, verbose=False, saved=True, show_progress=False)
        seconds = time.time()-start
        got = trainer.evaluate(test, load_best_model=True, show_progress=False)
        # many scores of counts are equal, and `topk` takes others of them for another k
        ranks = ranks_of(trainer, test, split_of(folder, small).test, 10 if name in COUNTS else 20)
        kept = ('epochs', 'k', 'shrink') if name in COUNTS else KEPT
        return dict(metrics={k: float(v) for k, v in got.items()}, ranks=ranks, valid=float(best), seconds=seconds,
            config={k: c[k] for k in kept if c[k] is not None})

def hot_attributes(found, n):
    "(n, attributes) float: which item has which"
    import torch
    if len(found)!=n: raise ValueError(f'attributes of {len(found)} items, the log has {n}')
    return torch.zeros(n, 1+max(map(max, found))).scatter_(1, torch.tensor(found), 1.)

def model_of(name, n, hot):
    "One of ours, and its settings"
    from genrec.core.values import Embeddings
    from genrec.recommend.bert4rec import BERT4Rec
    from genrec.recommend.fdsa import FDSA
    from genrec.recommend.features import GRU4RecF, SASRecF
    from genrec.recommend.gru4rec import GRU4Rec
    from genrec.recommend.s3rec import S3Rec
    from genrec.recommend.sasrec import SASRec
    own = dict(max_history=HISTORY) | (dict(dropout=.2, mask_share=.2) if name=='bert4rec' else {})
    bare = dict(sasrec=SASRec, gru4rec=GRU4Rec, bert4rec=BERT4Rec, s3rec=S3Rec)
    if name in bare:
        return bare[name](n, **own), own
    return dict(sasrec_f=SASRecF, gru4rec_f=GRU4RecF, fdsa=FDSA)[name](n, Embeddings(hot), **own), own

def without_targets(data):
    "The rows that RecBole's BERT4Rec learns from: each history's last item is its target"
    from genrec.core.values import Histories, Samples
    h = data.history
    return Samples(data.user, Histories(h.items, h.start, h.end-1), h.items[h.end-1])

def pretrain_here(m, hot, split, *, seed, epochs, how):
    "Pre-train S3-Rec: its seconds, and what run files say of it"
    from genrec.core.optim import constant
    from genrec.core.train import fit
    from genrec.recommend.s3rec import S3RecPretraining
    n = min(PRE, epochs)
    own = dict(how, batch_size=BATCH, schedule=constant)
    seconds = fit(S3RecPretraining(m, hot.bool()), split.train, epochs=n, seed=seed, **own).fit_log.seconds
    return seconds, dict(pretrain_epochs=n, pretrain_on='prefixes', pretrain_schedule='constant')

def quality_here(name, folder, small, *, seed, epochs, at):
    "The same with our models; the run itself"
    from genrec.core.values import set_seed
    from genrec.evaluate.protocol import measure, validator
    from genrec.core.train import fit
    split, found = split_of(folder, small), read(at)
    if name in COUNTS:
        return counted(name, split)
    set_seed(seed)
    hot = hot_attributes(found, split.n_items) if found else None
    rows, name = name==ROWS, 'bert4rec' if name==ROWS else name
    m, own = model_of(name, split.n_items, hot)
    batch = batch_for(name, len(split.train)) if name=='bert4rec' else BATCH//4
    how, seconds, more = dict(batch_size=batch, lr=1e-3, weight_decay=0.), 0., {}
    data = without_targets(m.training_data(split.train)) if rows else m.training_data(split.train)
    if name=='s3rec':
        seconds, more = pretrain_here(m, hot, split, seed=seed, epochs=epochs, how=how)
    fit(m, data, epochs=epochs, evaluate=validator(split, None), every=1, patience=10, seed=seed, **how)
    config = dict(how, **own, epochs=epochs, patience=10, **more)
    run = measure(m, split, f'genrec-{name}', 'data', config=config, seed=seed,
        seconds=dict(train=round(seconds+m.fit_log.seconds, 1)))
    best = m.fit_log.best
    metrics = dict(run.metrics, valid=best['ndcg@10'], best_epoch=best['epoch'], parameters=n_weights(m))
    config = dict(run.config, **(dict(rows='histories without targets') if rows else {}))
    return dict(config=config, metrics=metrics, seconds=run.seconds, ranks=run.ranks.tolist())

def counted(name, split):
    """RecBole's protocol for what is not sequential, with ours

    Neighbours and histories are of training items; the validation item is left out with them."""
    import torch
    from genrec.core.values import Histories
    from genrec.evaluate.metrics import metrics_of_ranks
    from genrec.recommend.itemknn import ItemKNN
    from genrec.recommend.popular import Popular
    t = time.time()
    m = dict(popular=Popular, itemknn=ItemKNN)[name](split.n_items).fit(split.train)
    seconds, part = time.time()-t, split.test
    end = part.history.end # behind each user's validation item; histories are views into the log, users side by side
    order = end.argsort()
    start = torch.zeros_like(end)
    start[order[1:]] = end[order[:-1]]+1
    best = m.recommend(Histories(part.history.items, start, end-1), 21, exclude_seen=True).items
    keep = best!=part.history.items[end-1][:, None]
    hit = (best==part.target[:, None])&keep
    ranks = torch.where(hit.any(1), (keep.cumsum(1)-1).gather(1, hit.int().argmax(1)[:, None])[:, 0], -1)
    ranks[ranks>=10] = -1
    config = dict(protocol='training items alone, all that was had left out')
    config |= dict(k=m.k) if name=='itemknn' else {}
    seconds = dict(train=round(seconds, 2))
    return dict(config=config, metrics=metrics_of_ranks(ranks), seconds=seconds, ranks=ranks.tolist())

# the two heavy operations of all of them
def in_turn(rounds, **ways):
    "Processor seconds of each way, the best of several rounds; the first is to warm"
    took = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            way()
            took[name].append(time.process_time()-start)
    return {name: min(seconds[1:]) for name, seconds in took.items()}

def softmax_ways(n, m, rounds):
    "Full softmax of `n` states over `m` items, with its gradient"
    import torch
    import torch.nn.functional as F
    from genrec.core.layers import linear, softmax_loss
    h, w = torch.randn(n, 64, requires_grad=True), (torch.randn(m, 64)*.1).requires_grad_()
    target = torch.randint(0, m, (n,))
    def step(loss):
        def run():
            h.grad = w.grad = None
            loss().backward()
        return run
    def plain(): return F.cross_entropy(h@w.T, target, reduction='sum')
    def by_linear(): return F.cross_entropy(linear(h, w), target, reduction='sum')
    def own(): return softmax_loss(h, w, target)
    return in_turn(rounds, plain=step(plain), plain_by_linear=step(by_linear), ours=step(own))

def softmax(small):
    "Full softmax with its gradient, and the 20 best of a million items: PyTorch's plain form beside ours"
    import torch
    from genrec.core.layers import linear
    from genrec.recommend.sequence import best_items
    torch.manual_seed(0)
    rounds, rows = 2 if small else 8, {}
    for n, m in ((100, 1000),) if small else ((1500, 4344), (1500, 12_101), (512, 100_000)):
        rows[f'{n} states, {m} items'] = softmax_ways(n, m, rounds)
    m = 100_000 if small else 1_000_000
    h, w = torch.randn(256, 64), torch.randn(m, 64)
    def plain(): return (h@w.T).topk(20, 1)
    def own(): return best_items(lambda a, b: linear(h, w[a:b]), m, 20)
    with torch.no_grad():
        rows[f'20 best of {m} items for 256 users'] = in_turn(rounds, plain=plain, ours=own)
    return rows

def child(python, what, *, threads=1, **job):
    "What a function of this file gives in a process of its own"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), GENREC_PROGRESS='off',
        HF_HUB_OFFLINE='1', CUDA_VISIBLE_DEVICES='', PYTHONPATH=str(root))
    command = [python, str(Path(__file__).resolve()), '--child', json.dumps([what, job])]
    with tempfile.TemporaryDirectory() as d: # RecBole writes logs where it stands
        p = subprocess.run(command, env=env, cwd=d, capture_output=True, text=True)
    if p.returncode:
        said = p.stderr.strip().splitlines()
        return dict(failed=said[-1] if said else 'no message')
    return json.loads(p.stdout.strip().splitlines()[-1])

def counted_by_us(found, ranks):
    "RecBole's result as a run of ours; its figures, which have four decimals, have to be those of its ranks"
    from genrec.evaluate.metrics import metrics_of_ranks
    own = metrics_of_ranks(ranks)
    off = {k: (v, own[k]) for k, v in found['metrics'].items() if abs(v-own[k])>1e-4}
    if off:
        sys.exit(f'RecBole counts otherwise than we do: {off}')
    config = dict(found['config'], recbole='1.2.1', history=HISTORY)
    seconds = dict(train=round(found['seconds'], 1))
    return dict(config=config, metrics=dict(own, valid=found['valid']), seconds=seconds)

def quality_jobs(a):
    "(who, name, seed, epochs that the run file says); what counts is made once, with the first seed"
    jobs = []
    for seed in a.seeds:
        for name in a.quality or QUALITY:
            if name in COUNTS and seed!=a.seeds[0]:
                continue
            ours_epochs, their_epochs = (None, 1) if name in COUNTS else (a.epochs, a.epochs)
            jobs.append(('genrec', name, seed, ours_epochs))
            if name!=ROWS:
                jobs.append(('recbole', name, seed, their_epochs))
    return jobs

def compare_quality(a, data):
    "Run files of both in `a.runs`; what is there is not made again"
    import torch
    from genrec.core.record import Run, load_runs
    there = {(r.system, r.data, r.seed, r.config.get('epochs')) for r in load_runs(a.runs)}
    with tempfile.TemporaryDirectory() as d:
        file = Path(d)/'attributes.json'
        for who, name, seed, epochs in quality_jobs(a):
            if (f'{who}-{name}', data, seed, epochs) in there:
                continue
            bare = name in (*BARE, ROWS)
            if not bare and not file.exists():
                file.write_text(json.dumps(attributes(a.data, a.small)))
            python, what = (a.recbole, 'quality') if who=='recbole' else (sys.executable, 'quality_here')
            found = child(python, what, threads=a.threads, name=name, folder=a.data, small=a.small, seed=seed,
                epochs=a.epochs, at=None if bare else str(file))
            ranks = torch.tensor(found.pop('ranks', []))
            print(who, name, seed, found, flush=True)
            if 'failed' in found:
                continue
            if who=='recbole':
                found = counted_by_us(found, ranks)
            Run(f'{who}-{name}', data, **found, seed=seed, ranks=ranks).save(a.runs)

def show(name, row):
    "A line of figures; those of one level deeper are rounded"
    def short(x): return round(x, 3) if isinstance(x, float) else x
    def told(v): return {n: short(x) for n, x in v.items()} if isinstance(v, dict) else v
    print(name, {k: told(v) for k, v in row.items()}, flush=True)

def compare_speed(way, a):
    "Seconds an epoch of one way, here and there"
    job = dict(threads=a.threads, way=way, folder=a.data, small=a.small)
    row = dict(ours=child(sys.executable, 'ours', **job, repeat=a.repeat), recbole=dict(failed='not installed'))
    if a.recbole:
        row['recbole'] = child(a.recbole, 'recbole', **job, repeat=1 if a.small else a.repeat)
    own, theirs = row['ours'], row['recbole']
    if 'seconds' in own and 'seconds' in theirs:
        row['times_as_fast'] = round(theirs['seconds']/own['seconds'], 2)
        row['times_as_fast_checked'] = round(theirs['seconds_checked']/own['seconds'], 2)
    return row

def options():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--small', action='store_true')
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'scientific_cgr'))
    p.add_argument('--recbole', help='its python, see .ci/beside.sh')
    p.add_argument('--way', nargs='*', default=list(WAYS))
    p.add_argument('--repeat', type=int, default=2)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--quality', nargs='*')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    p.add_argument('--epochs', type=int, default=100)
    p.add_argument('--out', default=str(root/'runs'/'bench'/'baselines.json'))
    p.add_argument('--runs', default=str(root/'runs'/'recbole'))
    p.add_argument('--child')
    return p.parse_args()

def main():
    a = options()
    import torch
    a.data = str(Path(a.data).resolve())
    if a.recbole:
        a.recbole = os.path.abspath(a.recbole) # not resolved: a virtual environment's python is a link
    if a.child:
        torch.set_num_threads(int(os.environ['OMP_NUM_THREADS']))
        what, job = json.loads(a.child)
        return print(json.dumps(globals()[what](**job)))
    data = Path(a.data).name if Path(a.data).is_dir() and not a.small else 'toy'
    if a.quality is not None:
        if not a.recbole:
            sys.exit('--quality wants --recbole: `--recbole "$(bash .ci/beside.sh recbole)"`')
        odd = set(a.quality)-{*QUALITY, ROWS}
        if odd:
            sys.exit(f"--quality takes {' '.join([*QUALITY, ROWS])}, got {' '.join(sorted(odd))}")
        return compare_quality(a, data)
    heavy = child(sys.executable, 'softmax', threads=a.threads, small=a.small)
    for name, found in heavy.items():
        print(name, {k: round(v, 4) for k, v in found.items()} if isinstance(found, dict) else found, flush=True)
    rows = {}
    for way in a.way:
        rows[way] = compare_speed(way, a)
        show(way, rows[way])
    record = dict(small=a.small, data=data, threads=a.threads, machine=platform.machine(), torch=torch.__version__,
        history=HISTORY, rows=rows, heavy=heavy)
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text(json.dumps(record, indent=1)+'\n')

if __name__=='__main__':
    main()

"""TIGER, LETTER and RPG of cornac on one of our splits: do its metrics and ours agree, is our T5 as good on its codes?

    python bench/generative.py --cornac PYTHON [--data ../shared/data/scientific_cgr] [--only tiger letter rpg]
        [--seeds 0] [--epochs 6] [--small] [--runs runs/cornac]

Each of the three is trained in cornac at a stated small size (`SIZES`), scores every test user with cornac's own beam
search or graph walk, and is measured twice on the same ranked lists: by cornac's Recall and NDCG, and by ours. They
have to agree to six decimals. Then our T5 of the same sizes, optimiser, batch, rate and epochs is trained on the codes
that cornac's TIGER made, and measured with as many beams. One run file each; what is there is not made again.
`.ci/beside.sh cornac` makes the environment and prints its python."""
import argparse, json, os, subprocess, sys, tempfile, time
from pathlib import Path
root = Path(__file__).resolve().parent.parent
sys.path[:] = [p for p in sys.path if Path(p or '.').resolve()!=root/'bench'] + [str(root)]
HISTORY, BEAMS, KS = 20, 50, (1, 5, 10)
T5 = dict(d_model=128, d_ff=512, d_kv=32, num_heads=4, num_enc_layers=1, num_dec_layers=1, dropout=.1)
SIZES = { # arguments of cornac's classes; what is not here is cornac's default
    'tiger': dict(T5, tokenizer='rkmeans', learning_rate=1e-3, weight_decay=1e-4, batch_size=256, max_len=HISTORY,
        n_beams=BEAMS, model_selection='last'),
    'letter': dict(T5, learning_rate=1e-3, weight_decay=.01, batch_size=256, max_len=HISTORY, n_beams=BEAMS,
        model_selection='last', rqvae_num_levels=4, rqvae_hidden_dims=(512, 256, 128), rqvae_n_epochs=100,
        cf_weight=.02, diversity_weight=1e-3, rqvae_sk_epsilon=.003, lr_schedule='cosine', rqvae_kmeans_jobs=1),
    'rpg': dict(n_codebook=16, pca_dim=128, d_model=128, n_layer=2, n_head=2, n_inner=512, max_len=HISTORY,
        temperature=.03, learning_rate=3e-3, batch_size=128, lr_schedule='cosine', warmup_steps=100, n_beams=BEAMS,
        graph_edges=50, propagation_steps=3, embd_dropout=.3, attn_dropout=.3, model_selection='last'),
}
LONGER = dict(rpg=5) # times the epochs: a pass over whole sequences costs it a fifth of one over prefixes

def corpus_of(folder, small):
    from genrec.study.corpus import load_corpus
    return load_corpus(folder, k=3, n_users=3000) if small else load_corpus(folder)

def shrunk(name):
    "The same with next to no training of the tokenizer, for a small try"
    few = dict(tiger=dict(rqvae_codebook_size=16), letter=dict(rqvae_codebook_size=32, rqvae_n_epochs=2, n_clusters=4),
        rpg=dict(n_codebook=4, pca_dim=16))
    return SIZES[name] | few[name]

def split_in_cornac(corpus):
    "cornac's leave-one-out on our log: (its evaluation, its number of each of our items)"
    from cornac.data import FeatureModality
    from cornac.eval_methods import NextItemEvaluation
    test = corpus.split.test
    triples = []
    for user, history, last in zip(test.user.tolist(), test.history.tolist(), test.target.tolist()):
        triples += [(str(user), str(item), 1., float(t)) for t, item in enumerate([*history, last])]
    ids = [str(i) for i in range(corpus.split.n_items)]
    features = FeatureModality(features=corpus.embs['text'].x.numpy(), ids=ids)
    method = NextItemEvaluation.leave_last_out(triples, mode='last', exclude_unknowns=False, item_feature=features)
    if method.total_items!=len(ids): raise ValueError(f'cornac has {method.total_items} items, the split {len(ids)}')
    return method, [method.global_iid_map[i] for i in ids]

def collaborative(corpus, seed, small):
    "Item vectors of a SASRec as wide as the codewords, as LETTER wants them"
    from genrec.core.config import vary
    from genrec.study.quantizers import CodesConfig
    from genrec.systems.letter import cf_vectors
    cfg = CodesConfig().letter
    return cf_vectors(corpus.split, vary(cfg, cf_fit=dict(epochs=1)) if small else cfg, seed).x.numpy()

def measured_twice(model, method, users):
    "Rank of each user's target in cornac's list, from 0, and cornac's own means over users"
    import numpy as np
    from cornac.metrics import NDCG, Recall
    metrics = {f'recall@{k}': Recall(k=k) for k in KS} | {f'ndcg@{k}': NDCG(k=k) for k in KS}
    found, ranks = {name: [] for name in metrics}, {}
    data, every = method.test_set, np.arange(method.total_items)
    name_of = {index: name for name, index in method.global_uid_map.items()}
    for _, [mapped], [items] in data.si_iter(batch_size=1, shuffle=False):
        user, target = data.uir_tuple[0][mapped[0]], items[-1]
        order, scores = model.rank(user, every, history_items=items[:-1], history_mapped_ids=mapped[:-1],
            sessions=data.sessions, session_indices=data.session_indices, extra_data=data.extra_data)
        ask = dict(gt_pos=np.array([target]), gt_neg=np.delete(every, target), pd_rank=order, pd_scores=scores,
            item_indices=every)
        for name, metric in metrics.items():
            found[name].append(metric.compute(**ask))
        place = int((order==target).nonzero()[0][0])
        ranks[int(name_of[user])] = place if place<2*max(KS) else -1
    return [ranks[u] for u in users], {name: float(np.mean(v)) for name, v in found.items()}

def theirs(name, folder, small, *, seed, epochs):
    "Train one of cornac's recommenders and measure it; its codes by our item numbers"
    from cornac.models import LETTER, RPG, TIGER
    corpus = corpus_of(folder, small)
    method, own = split_in_cornac(corpus)
    sizes = shrunk(name) if small else SIZES[name]
    sizes = dict(sizes, n_epochs=epochs*LONGER.get(name, 1), seed=seed, device='cpu')
    more = {}
    if name=='letter':
        ids = [str(i) for i in range(corpus.split.n_items)]
        more = dict(cf_embeddings=collaborative(corpus, seed, small), cf_embedding_ids=ids)
    model = dict(tiger=TIGER, letter=LETTER, rpg=RPG)[name](**sizes, **more)
    start = time.process_time()
    model.fit(method.train_set, method.val_set)
    seconds = time.process_time()-start
    model.transform(method.test_set)
    ranks, metrics = measured_twice(model, method, corpus.split.test.user.tolist())
    codes = model.sid_table[own].tolist() if name=='tiger' else None
    return dict(ranks=ranks, metrics=metrics, seconds=seconds, config=sizes, codes=codes,
        level_sizes=[int(s) for s in getattr(model, 'level_sizes', [])])

def t5_like(sizes, sids):
    "Our T5 without what cornac's does not have"
    from genrec.recommend.t5 import T5Recommender
    alike = dict(n_heads='num_heads', n_layers='num_enc_layers')
    own = {k: sizes[alike.get(k, k)] for k in ('d_model', 'd_ff', 'd_kv', 'n_heads', 'n_layers', 'dropout')}
    return T5Recommender(sids, **own, recency=False, end_token=False, tie=False, max_history=HISTORY)

def ours(folder, small, seed, found):
    "Our T5 on the codes and with the training of cornac's TIGER"
    import torch
    from genrec.core.optim import constant
    from genrec.core.train import fit
    from genrec.core.values import SemanticIds, set_seed
    from genrec.evaluate.protocol import measure
    corpus, sizes = corpus_of(folder, small), found['config']
    sids = SemanticIds(torch.tensor(found['codes']), tuple(found['level_sizes']))
    set_seed(seed)
    model = t5_like(sizes, sids)
    how = dict(epochs=sizes['n_epochs'], batch_size=sizes['batch_size'], lr=sizes['learning_rate'],
        weight_decay=sizes['weight_decay'], schedule=constant, warmup=0, clip=0.)
    start = time.process_time()
    fit(model, model.training_data(corpus.split.train), seed=seed, **how)
    seconds = time.process_time()-start
    run = measure(model, corpus.split, 't5', corpus.name, seed=seed, width=BEAMS, bar=False)
    config = dict(how, schedule='constant', codes="cornac's TIGER") | {k: sizes[k] for k in T5}
    return dict(ranks=run.ranks.tolist(), metrics=run.metrics, seconds=seconds, config=config)

def child(python, what, threads, **job):
    "What a function of this file gives in a process of its own"
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), GENREC_PROGRESS='off',
        HF_HUB_OFFLINE='1', CUDA_VISIBLE_DEVICES='', PYTHONPATH=str(root))
    with tempfile.TemporaryDirectory() as d:
        asked, told = Path(d)/'asked.json', Path(d)/'told.json'
        asked.write_text(json.dumps(job))
        command = [python, str(Path(__file__).resolve()), '--child', what, str(asked), str(told)]
        p = subprocess.run(command, env=env, cwd=d)
        if p.returncode:
            sys.exit(f'{what} {job.get("name", "")} ended with {p.returncode}: see above')
        return json.loads(told.read_text())

def counted_alike(found):
    "Our metrics of cornac's ranks; that cornac's own are the same is asserted"
    import torch
    from genrec.evaluate.metrics import metrics_of_ranks
    own = metrics_of_ranks(torch.tensor(found['ranks']))
    off = {k: (v, own[k]) for k, v in found['metrics'].items() if abs(v-own[k])>1e-6}
    if off:
        sys.exit(f'cornac counts otherwise than we do: {off}')
    return own

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--cornac', help='its python, see .ci/beside.sh')
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'scientific_cgr'))
    p.add_argument('--only', nargs='*', default=list(SIZES))
    p.add_argument('--seeds', type=int, nargs='*', default=[0])
    p.add_argument('--epochs', type=int, default=6)
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--small', action='store_true')
    p.add_argument('--runs', default=str(root/'runs'/'cornac'))
    p.add_argument('--child', nargs=3)
    a = p.parse_args()
    if a.child:
        what, asked, told = a.child
        return Path(told).write_text(json.dumps(globals()[what](**json.loads(Path(asked).read_text()))))
    if not a.cornac:
        sys.exit('--cornac is missing: `--cornac "$(bash .ci/beside.sh cornac)"`')
    a.cornac = os.path.abspath(a.cornac) # not resolved: a virtual environment's python is a link
    odd = set(a.only)-set(SIZES)
    if odd:
        sys.exit(f"--only takes {' '.join(SIZES)}, got {' '.join(sorted(odd))}")
    import torch
    from genrec.core.record import Run, load_runs
    folder = str(Path(a.data).resolve())
    data = Path(folder).name
    there = {(r.system, r.data, r.seed) for r in load_runs(a.runs)}
    def keep(system, seed, found):
        seconds = dict(train=round(found['seconds'], 1))
        Run(system, data, found['config'], found['metrics'], seed=seed, seconds=seconds,
            ranks=torch.tensor(found['ranks'])).save(a.runs)
        print(system, seed, {k: round(found['metrics'][k], 4) for k in ('recall@10', 'ndcg@10')}, seconds, flush=True)
    for seed in a.seeds:
        for name in a.only:
            beside = name=='tiger' and ('t5-on-cornac-codes', data, seed) not in there
            if (f'cornac-{name}', data, seed) in there and not beside:
                continue
            job = dict(folder=folder, small=a.small, seed=seed)
            found = child(a.cornac, 'theirs', a.threads, **job, name=name, epochs=a.epochs)
            print(name, 'by cornac', {k: round(v, 6) for k, v in found['metrics'].items()}, flush=True)
            codes = found.pop('codes'), found.pop('level_sizes')
            found['metrics'] = counted_alike(found)
            found['config'] = dict(found['config'], cornac='3.0.1')
            keep(f'cornac-{name}', seed, found)
            if name=='tiger':
                asked = dict(config=found['config'], codes=codes[0], level_sizes=codes[1])
                keep('t5-on-cornac-codes', seed, child(sys.executable, 'ours', a.threads, **job, found=asked))

if __name__=='__main__':
    main()

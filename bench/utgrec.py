"""UTGRec with and without other shops, beside TIGER and LETTER: runs what is missing in `runs/utgrec`

    python bench/utgrec.py [--data toy pictures scientific ml100k] [--shared ../shared/data] [--ablate] [--keep] [--sweep layers] [--only tiger utgrec] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show]

May be killed and started again; several lanes may run at once, each on one thread. See the notebook study.utgrec."""
import argparse, os, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', nargs='*', default=['toy', 'pictures', 'scientific', 'ml100k'], choices=['toy', 'pictures', 'scientific', 'ml100k'], help="made-up shops; the same with pictures; real data")
    p.add_argument('--shared', default=str(root.parent/'shared'/'data'), help='folder with scientific_cgr, office14_apao, beauty14 and ml100k_posters')
    p.add_argument('--ablate', action='store_true'); p.add_argument('--sweep', nargs='*', default=[], choices=['layers', 'alpha', 'align', 'mu'])
    p.add_argument('--keep', action='store_true', help='ways to tune that keep codes, with and without a pre-trained recommender')
    p.add_argument('--only', nargs='*', help='systems'); p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1); p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2]); p.add_argument('--out', default=str(root/'runs'/'utgrec')); p.add_argument('--show', action='store_true', help='only say what is missing')
    p.add_argument('--mllm', help='folder or hub name of a Qwen2-VL or its like that reads the items, with the settings of the paper; wants a GPU'); p.add_argument('--micro', type=int, default=16, help='items at a time through --mllm')
    p.add_argument('--small', action='store_true', help='minutes in place of hours: tiny models, one epoch (give --out another folder)')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    if a.small and a.out==p.get_default('out'): sys.exit('--small makes runs that say nothing: give --out another folder')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.core.config import merged, vary
    from genrec.core.store import Store
    from genrec.study.settings import RECOMMENDER
    from genrec.study.runner import run_jobs
    from genrec.study.utgrec import TOY, lend, load_transfer, toy_transfer, transfer_work, utgrec_jobs, with_mllm
    from genrec.encode.mllm import mllm_parts
    from genrec.systems.utg_parts import UTGRecConfig
    at, jobs = Path(a.shared), []
    def long(stage): return {f'{stage}_fit': dict(lr=getattr(UTGRecConfig, f'{stage}_fit').lr, micro_batch=a.micro, precision='bf16')}
    big = dict(ids=UTGRecConfig.ids, **long('ids'), **long('tune')) if a.mllm else {} # the paper's in place of `LIGHT`, but as many epochs: its shops are larger
    def read(data): return with_mllm(data, lambda: mllm_parts(a.mllm), Path(a.mllm).name, checkpointing=True) if a.mllm else data
    folders = {'scientific': ('scientific_cgr', 'office14_apao', 'beauty14'), 'ml100k': ('ml100k_posters',), 'toy': (), 'pictures': ()}
    absent = [f for d in a.data for f in folders[d] if not (at/f).is_dir()]
    if absent: sys.exit(f'no folder {", ".join(absent)} in {at}: say where with --shared, or --data toy')
    for d in a.data:
        def these(data, seeds, **kw):
            if a.small:
                rec = vary(RECOMMENDER, model=dict(d_model=32, d_ff=32, d_kv=8, n_heads=2), model_fit=dict(epochs=1, every=1))
                narrow = dict(code_dim=16, encoder=dict(d_model=16), decoder=dict(d_model=16), text=dict(max_tokens=8),
                              image=dict(width=16), losses=dict(bypass_steps=2))
                tokenizer = dict(ids_fit=dict(epochs=2), **({} if folders[d] else dict(ids=dict(sizes=(16,)*3))))
                kw = merged(kw, dict(ids=narrow, ids_fit=dict(epochs=3), tune_fit=dict(epochs=1)))
                kw |= dict(rec=rec, tokenizer=tokenizer, n_clusters=4)
            return utgrec_jobs(data, seeds, a.ablate, tuple(a.sweep), checkpoints=Store().folder/'utgrec', keep=a.keep, **kw)
        if d in ('toy', 'pictures'): # a seed is a world of its own
            rec = vary(RECOMMENDER, model=dict(d_model=64, d_ff=128, d_kv=16, n_heads=4),
                       model_fit=dict(epochs=12, every=3, patience=2, batch_size=64, micro_cells=None, precision='no'))
            tokenizer = dict(ids=dict(sizes=(16,)*3, hidden=(64,), code_dim=16), ids_fit=dict(epochs=200))
            for s in a.seeds: jobs += these(read(toy_transfer(seed=s, images=d=='pictures')), (s,), **({} if a.small else dict(rec=rec, tokenizer=tokenizer, n_clusters=5)), **TOY)
        else:
            f = folders[d]
            data = read(load_transfer(at/f[0], tuple(at/o for o in f[1:]), text='tfidf' if a.small else None))
            jobs += these(data, tuple(a.seeds), **({} if a.small else merged(transfer_work(data), big)))
    jobs = [j for j in jobs if not a.only or j.system in a.only]
    if a.show:
        for j in jobs: print(f"{j.name:60s} {'done' if j.done(a.out) else 'missing'}")
        return
    if not a.small and (taken:=lend(jobs, a.out, [root/'runs'/n for n in ('bbqrec','mql4grec')])): print('the same work as in another comparison, taken over:', ', '.join(taken))
    run_jobs(jobs, a.out, a.budget_min, lane)

if __name__=='__main__': main()

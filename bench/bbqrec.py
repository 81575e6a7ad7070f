"""BBQRec on real data beside TIGER and LETTER, and its ablations: runs what is missing in `runs/bbqrec`

    python bench/bbqrec.py [--data ../shared/data/scientific_cgr ...] [--ablate] [--tuples] [--sweep L N D K] [--collisions] [--times 4] [--only tiger bbqrec] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show]

May be killed and started again; several lanes may run at once, each on one thread. See the notebook study.bbqrec."""
import argparse, os, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', nargs='*', default=[str(root.parent/'shared'/'data'/n) for n in ('scientific_cgr', 'ml100k_posters', 'beauty14')])
    p.add_argument('--tuples', action='store_true', help='tuples of codes read alone, scored alone, as tokens of their own')
    p.add_argument('--sweep', nargs='*', default=[], choices=['L', 'N', 'D', 'K'], help="the paper's figure 3: levels, codes, width, buckets")
    p.add_argument('--ablate', action='store_true'); p.add_argument('--collisions', action='store_true', help='codes alone, at 2, 3 and 4 levels, into runs/bbqrec_collisions'); p.add_argument('--times', type=int, default=1, help='train the recommenders so many times as long, into runs/bbqrec_long'); p.add_argument('--only', nargs='*', help='systems'); p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1); p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2]); p.add_argument('--out', help='folder of the run files'); p.add_argument('--show', action='store_true', help='only say what is missing')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    absent = [d for d in a.data if not Path(d).is_dir()]
    if absent: sys.exit(f'no folder {", ".join(absent)}: see `load_corpus` for what --data takes')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.core.store import Store
    from genrec.study.bbqrec import TUPLES, bbqrec_jobs, collision_jobs, same_work, sweep_rows
    from genrec.study.corpus import load_corpus
    from genrec.study.runner import run_jobs
    if a.times<1: sys.exit(f'--times wants 1 or more, got {a.times}')
    if a.collisions and a.times>1: sys.exit('--times is about recommenders, --collisions about codes alone: give one of them')
    a.out = a.out or str(root/'runs'/('bbqrec_collisions' if a.collisions else 'bbqrec' if a.times==1 else 'bbqrec_long'))
    def make(d): return collision_jobs(d, tuple(a.seeds), **same_work(d)) if a.collisions else bbqrec_jobs(d, tuple(a.seeds), a.ablate, more=(TUPLES if a.tuples else {}) | sweep_rows(tuple(a.sweep)), checkpoints=Store().folder/'bbqrec', **same_work(d, times=a.times))
    jobs = [j for d in a.data for j in make(load_corpus(d)) if not a.only or j.system in a.only]
    if a.show:
        for j in jobs: print(f"{j.name:50s} {'done' if j.done(a.out) else 'missing'}")
        return
    run_jobs(jobs, a.out, a.budget_min, lane)

if __name__=='__main__': main()

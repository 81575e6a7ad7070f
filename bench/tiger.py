"""What TIGER's paper measures besides, on real data: runs what is missing in `runs/tiger_more`

    python bench/tiger.py [--data ../shared/data/scientific_cgr ...] [--only tiger tiger-lsh] [--times 4]
        [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show]

Codes, layers, user tokens, invalid IDs, temperatures, unseen items: see the notebook study.tiger.
May be killed and started again; several lanes may run at once, each on one thread."""
import argparse, os, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', nargs='*', default=[str(root.parent/'shared'/'data'/'scientific_cgr')])
    p.add_argument('--only', nargs='*', help='systems, such as tiger tiger-lsh')
    p.add_argument('--times', type=int, default=1,
        help='train the recommenders so many times as long, into runs/tiger_more_long')
    p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    p.add_argument('--out', help='folder of the run files')
    p.add_argument('--show', action='store_true', help='only say what is missing')
    a = p.parse_args()
    try:
        i, n = a.lane.split('/')
        lane = int(i), int(n)
    except ValueError:
        sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    a.lane = lane
    absent = [d for d in a.data if not Path(d).is_dir()]
    if absent: sys.exit(f'no folder {", ".join(absent)}: see `load_corpus` for what --data takes')
    if a.times<1: sys.exit(f'--times wants 1 or more, got {a.times}')
    a.out = a.out or str(root/'runs'/('tiger_more' if a.times==1 else 'tiger_more_long'))
    return a

def jobs_of(folder, a):
    "Jobs of one dataset"
    from genrec.core.store import Store
    from genrec.study.settings import same_work
    from genrec.study.corpus import load_corpus
    from genrec.study.tiger import category_groups, tiger_jobs
    data = load_corpus(folder)
    equal = same_work(data, times=a.times)
    groups = {}
    if list(Path(folder).glob('*.item.json')):
        groups['category'] = category_groups(folder, data.catalog['item'][:])
    how = dict(rec=equal['rec'], tokenizer=equal['tokenizer'], groups=groups)
    return tiger_jobs(data, tuple(a.seeds), **how, store=Store())

def main():
    a = arguments()
    os.environ.update(OMP_NUM_THREADS=str(a.threads))
    os.environ.setdefault('GENREC_PROGRESS', 'off')
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.study.runner import run_jobs
    jobs = [j for d in a.data for j in jobs_of(d, a)]
    known = sorted({j.system for j in jobs})
    jobs = [j for j in jobs if not a.only or j.system in a.only]
    if not jobs: sys.exit(f"--only knows {', '.join(known)}")
    if a.show:
        for j in jobs:
            print(f"{j.name:50s} {'done' if j.done(a.out) else 'missing'}")
        return
    run_jobs(jobs, a.out, a.budget_min, a.lane)

if __name__=='__main__': main()

"""BBQRec in a made-up shop, beside TIGER: runs what is missing in `runs/bbqrec_toy`

    python bench/bbqrec_toy.py [--only bbqrec tiger-text] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show]

May be killed and started again; several lanes may run at once, each on one thread. See the notebook study.bbqrec_toy."""
import argparse, os, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--only', nargs='*', help='systems'); p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1); p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2]); p.add_argument('--out', default=str(root/'runs'/'bbqrec_toy')); p.add_argument('--show', action='store_true', help='only say what is missing')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.study.bbqrec_toy import toy_jobs
    from genrec.study.runner import run_jobs
    jobs = [j for j in toy_jobs(tuple(a.seeds)) if not a.only or j.system in a.only]
    if a.show:
        for j in jobs: print(f"{j.name:50s} {'done' if j.done(a.out) else 'missing'}")
        return
    run_jobs(jobs, a.out, a.budget_min, lane)

if __name__=='__main__': main()

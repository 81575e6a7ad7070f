"""One change at a time to the recommender of the comparisons, with the same codes: runs what is missing in `runs/trials`

    python bench/trials.py [--data ../shared/data/scientific_cgr] [--only early plain] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show]

May be killed and started again; several lanes may run at once, each on one thread. See the notebook study.trials."""
import argparse
import os
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def arguments():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = root.parent/'shared'/'data'/'scientific_cgr'
    p.add_argument('--data', default=str(shared), help='folder of a log and a catalogue in the layout of LC-Rec')
    p.add_argument('--only', nargs='*', help='trials')
    p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    p.add_argument('--out', default=str(root/'runs'/'trials'))
    p.add_argument('--show', action='store_true', help='only say what is missing')
    return p.parse_args()

def main():
    a = arguments()
    os.environ.update(OMP_NUM_THREADS=str(a.threads))
    os.environ.setdefault('GENREC_PROGRESS', 'off')
    os.environ.setdefault('HF_HUB_OFFLINE', '1')
    lane = tuple(int(o) for o in a.lane.split('/') if o.isdigit())
    if len(lane)!=2: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    if not Path(a.data).is_dir(): sys.exit(f'no folder {a.data}: give --data a folder with *.inter.json and *.item.json')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.study.codes import load_code_data
    from genrec.study.runner import run_jobs
    from genrec.study.trials import TRIALS, trial_jobs
    unknown = set(a.only or ())-set(TRIALS)
    if unknown: sys.exit(f"--only knows {', '.join(TRIALS)}; got {', '.join(sorted(unknown))}")
    jobs = [j for j in trial_jobs(load_code_data(a.data), tuple(a.seeds)) if not a.only or j.system in a.only]
    if a.show:
        for j in jobs: print(f"{j.name:50s} {'done' if j.done(a.out) else 'missing'}")
        return
    run_jobs(jobs, a.out, a.budget_min, lane)

if __name__=='__main__': main()

"""Every quantizer and collision rule on one catalogue, and the same recommender on their codes: runs what is missing in `runs/codes`

    python bench/codes.py [--data ../shared/data/scientific_cgr] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--only rqvae letter] [--rows] [--show]

May be killed and started again; several lanes may run at once (`--lane 0/2` and `--lane 1/2`), each on one thread. See the notebook study.codes."""
import argparse, os, sys
from dataclasses import replace
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', default=str(root.parent/'shared'/'data'/'scientific_cgr'), help='folder of a log and a catalogue in the layout of LC-Rec')
    p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1)
    p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0,1,2])
    p.add_argument('--only', nargs='*', help='quantizers')
    p.add_argument('--out', default=str(root/'runs'/'codes'))
    p.add_argument('--rows', action='store_true', help='no recommenders')
    p.add_argument('--show', action='store_true', help='only say what is missing')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    if not Path(a.data).is_dir(): sys.exit(f'no folder {a.data}: give --data a folder with *.inter.json and *.item.json')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.study.codes import PLAN, code_jobs, compare_codes, load_code_data, missing
    data = load_code_data(a.data)
    jobs = [j for j in code_jobs(PLAN, tuple(a.seeds)) if not a.only or j.quantizer.__name__ in a.only]
    if a.rows: jobs = [replace(j, rec_rule=None) for j in jobs]
    if not jobs: sys.exit(f"--only knows {', '.join(q.__name__ for q,_ in PLAN)}")
    if a.show:
        for j in jobs:
            rules, run = missing(j, data, folder=a.out)
            print(f"{j.name:22s} {'rows: '+', '.join(r.__name__ for r in rules) if rules else '':70s} {'recommender' if run else ''}".rstrip() if rules or run else f'{j.name:22s} done')
        return
    compare_codes(data, folder=a.out, jobs=jobs, budget_min=a.budget_min, lane=lane)

if __name__=='__main__': main()

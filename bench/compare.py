"""Every recommender on every dataset, each with the same small search: runs what is missing in `runs/compare` and prints the tables

    python bench/compare.py [--budget-min 9] [--data ../shared/data/scientific_cgr ...] [--only sasrec tiger] [--seeds 0 1 2] [--threads 1] [--lane 0/2] [--show]
    python bench/compare.py --out FOLDER [--tiny] [--trials 6] [--epochs 60] [--search-epochs 20] [--precision bf16]     another budget, and so other runs

May be killed and started again; several lanes may run at once; a run file may come from another machine. See the notebook compare."""
import argparse, os, sys
from dataclasses import replace
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))
DATA = ('scientific_cgr', 'ml100k_posters', 'office14_apao', 'beauty14')

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', nargs='*', default=[str(root.parent/'shared'/'data'/n) for n in DATA]); p.add_argument('--only', nargs='*', help='recommenders')
    p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later'); p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2])
    p.add_argument('--threads', type=int, default=1); p.add_argument('--lane', default='0/1', help='i/n: this process, of so many'); p.add_argument('--out', default=str(root/'runs'/'compare'))
    p.add_argument('--trials', type=int); p.add_argument('--epochs', type=int); p.add_argument('--search-epochs', type=int); p.add_argument('--precision', choices=['no', 'bf16'])
    p.add_argument('--show', action='store_true', help='only print the tables and who is missing in them; reads run files alone, no data'); p.add_argument('--tiny', action='store_true', help='one trial of one epoch, to see every recipe run')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    small = {k: v for k, v in dict(trials=a.trials, epochs=a.epochs, search_epochs=a.search_epochs, precision=a.precision).items() if v is not None}
    if (a.tiny or small) and not a.show and Path(a.out).resolve()==Path(p.get_default('out')).resolve(): sys.exit('another budget makes other runs, which would take the place of those in runs/compare: give --out another folder')
    absent = [d for d in a.data if not Path(d).is_dir()]
    if absent and not a.show: print(f'no folder {", ".join(absent)}: left out', flush=True)
    import torch
    torch.set_num_threads(a.threads)
    from genrec.study.entries import ENTRIES, Budget
    from genrec.study.compare import results, table_jobs
    from genrec.core.store import Store
    from genrec.study.corpus import load_corpus
    from genrec.study.runner import run_jobs
    from genrec.core.progress import progress # noqa: F401  the bar is a line here
    names = [e.name for e in ENTRIES]
    if a.only and set(a.only)-set(names): sys.exit(f"--only takes {' '.join(names)}, got {' '.join(sorted(set(a.only)-set(names)))}")
    entries = tuple(e for e in ENTRIES if not a.only or e.name in a.only)
    b = Budget(trials=1, search_epochs=1, epochs=1) if a.tiny else Budget()
    b = replace(b, **small)
    def show(folders):
        for d in folders: print(f'\n{results(a.out, Path(d).name, entries, seeds=tuple(a.seeds))}', flush=True)
    if a.show: return show(a.data)
    show(d for d in a.data if d not in absent) # so far; vectors of texts and images come next, which takes minutes the first time
    print('\nreading the data', flush=True)
    datasets = [load_corpus(d) for d in a.data if d not in absent]
    jobs = [j for d in datasets for j in table_jobs(d, a.out, entries, tuple(a.seeds), b, Store().folder/'compare')]
    run_jobs(jobs, a.out, a.budget_min, lane)
    show(d.name for d in datasets)

if __name__=='__main__': main()

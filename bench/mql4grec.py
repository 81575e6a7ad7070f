"""MQL4GRec on real data beside TIGER and LETTER, and its ablations: runs what is missing in `runs/mql4grec`

    python bench/mql4grec.py [--data ../shared/data] [--only-data ml100k_newer] [--ablate] [--only tiger mql4grec] [--budget-min 30] [--threads 1] [--lane 0/2] [--seeds 0 1 2] [--show | --describe | --words]

May be killed and started again; several lanes may run at once, each on one thread. See the notebook study.mql4grec."""
import argparse, os, sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(root))

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--data', default=str(root.parent/'shared'/'data'), help='folder that holds ml100k_posters, office14_apao, beauty14 and scientific_cgr')
    p.add_argument('--only-data', nargs='*', default=['ml100k_newer', 'scientific_cgr'], help='targets')
    p.add_argument('--ablate', action='store_true'); p.add_argument('--only', nargs='*', help='systems'); p.add_argument('--budget-min', type=float, help='begin nothing that would probably end later')
    p.add_argument('--threads', type=int, default=1); p.add_argument('--lane', default='0/1', help='i/n: this process, of so many')
    p.add_argument('--seeds', type=int, nargs='*', default=[0, 1, 2]); p.add_argument('--out', default=str(root/'runs'/'mql4grec')); p.add_argument('--show', action='store_true', help='only say what is missing')
    p.add_argument('--describe', action='store_true', help='write what the words of seed 0 share to runs/bench/mql4grec_language.json, and thumbnails of posters to mql4grec_posters.json')
    p.add_argument('--words', action='store_true', help='write whether the words of seed 0 mean the same on the target, with and without its items in the training of the translators, to runs/bench/mql4grec_words.json')
    p.add_argument('--small', action='store_true', help='a tiny version of each run, to see that all of it works; use another --out')
    a = p.parse_args()
    os.environ.update(OMP_NUM_THREADS=str(a.threads)); os.environ.setdefault('GENREC_PROGRESS', 'off'); os.environ.setdefault('HF_HUB_OFFLINE', '1')
    try: lane = tuple(int(o) for o in a.lane.split('/')); _, _ = lane
    except ValueError: sys.exit(f'--lane wants i/n, such as 0/2, got {a.lane}')
    d = Path(a.data)
    absent = [n for n in ('ml100k_posters', 'office14_apao', 'beauty14', 'scientific_cgr') if not (d/n).is_dir()]
    if absent: sys.exit(f'no folder {", ".join(absent)} in {d}')
    if a.small and Path(a.out)==root/'runs'/'mql4grec': sys.exit('--small wants another --out: its runs are no results')
    import torch
    torch.set_num_threads(a.threads)
    from genrec.core.config import vary
    from genrec.study.settings import like
    from genrec.study.settings import RECOMMENDER
    from genrec.study.runner import run_jobs
    from genrec.systems.mql4grec import MQL4GRecConfig
    from genrec.study.mql4grec import TRANSLATOR, describe, keep_in, language_of, load_periods, load_shops, mql4grec_jobs, poster_sheets, transfer_work, word_meaning
    rec, tok, some, shops = RECOMMENDER, {}, {}, {}
    if a.small:
        rec = vary(rec, model=dict(d_model=16, d_ff=16, d_kv=8, n_heads=2), model_fit=dict(epochs=1), valid_users=50)
        tok = dict(ids=dict(hidden=(32,), code_dim=8, sizes=(20,)*3), ids_fit=dict(epochs=1))
        some, shops = dict(n_users=60), dict(k=3, n_users=800)
    load = dict(ml100k_newer=lambda: load_periods(d/'ml100k_posters', **some), scientific_cgr=lambda: load_shops(d/'scientific_cgr', d/'office14_apao', d/'beauty14', **shops))
    datas = {n: load[n]() for n in a.only_data}
    cfg = like(MQL4GRecConfig, rec, TRANSLATOR, tok)
    def file(name): return Path(a.out)/f'{name}.json' if a.small else root/'runs'/'bench'/f'mql4grec_{name}.json'
    if a.words:
        for n, x in datas.items(): keep_in(file('words'), {n: word_meaning(x, cfg)}) # one after the other: what is made is kept
        return
    if a.describe:
        langs = {n: language_of(x, cfg, 0) for n, x in datas.items()}
        keep_in(file('language'), {n: describe(x, langs[n]) for n, x in datas.items()})
        keep_in(file('posters'), {n: poster_sheets(x, langs[n]) for n, x in datas.items() if 'image' in langs[n].sids})
        return
    jobs = [j for x in datas.values() for j in mql4grec_jobs(x, tuple(a.seeds), a.ablate, **(dict(rec=rec, tokenizer=tok) if a.small else transfer_work(x))) if not a.only or j.system in a.only]
    if a.show:
        for j in jobs: print(f"{j.name:50s} {'done' if j.done(a.out) else 'missing'}")
        return
    run_jobs(jobs, a.out, a.budget_min, lane)

if __name__=='__main__': main()

"""Run files of BBQRec's studies: what they promise, and that jobs find them again"""
from genrec.core.config import flat_settings
from genrec.study.bbqrec import MORE_ABLATIONS, TUPLE_ROWS, bbqrec_row
from genrec.study.bbqrec_toy import BBQREC_TOY
from genrec.study.board import study_runs
from genrec.study.plan import Options, study_jobs
from genrec.systems.bbqrec import ABLATIONS

STUDY = study_runs('bbqrec')
LONG = study_runs('bbqrec_long')
BARE = study_runs('bbqrec_collisions')
TOY = study_runs('bbqrec_toy')
COMPARED = ('tiger', 'tiger-rqvae', 'tiger_m', 'letter', 'bbqrec', 'bbqrec-summed-vectors')
USERS = dict(beauty14=22_363, ml100k_posters=943, scientific_cgr=8_317)

def test_files_say_what_their_ranks_say():
    STUDY.check(USERS)
    LONG.check(USERS)
    TOY.check()

def test_boards_say_what_files_say():
    for reference in ('tiger', 'tiger-rqvae'):
        STUDY.check_boards(COMPARED, reference)
    STUDY.check_boards(('bbqrec', *map(bbqrec_row, ABLATIONS|MORE_ABLATIONS)), 'bbqrec')
    STUDY.check_boards(('bbqrec', *map(bbqrec_row, TUPLE_ROWS)), 'bbqrec')

def test_longer_runs_differ_in_their_length_alone():
    early = {(run.data, run.system, run.seed): run for run in STUDY.runs}
    length = {'model_fit.epochs', 'model_fit.every', 'key', 'best_epoch'}
    for run in LONG.runs:
        first = early.get((run.data, run.system, run.seed))
        if first is None:
            continue
        epochs,few = run.config['model_fit']['epochs'],first.config['model_fit']['epochs']
        assert epochs%few==0 and epochs>few, run.system
        new,old = flat_settings(run.config),flat_settings(first.config)
        changed = {name for name in set(new)&set(old) if new[name]!=old[name]}
        assert not {name for name in changed-length if not name.startswith('valid_curve')}, run.system

def test_rules_leave_no_collision():
    for run in STUDY.runs:
        number,rate = run.metrics['n_colliding'],run.metrics['collision_rate']
        assert (number==0)==(rate==0), run.system
        if run.system in ('tiger', 'tiger-rqvae', 'tiger_m', 'letter'):
            assert number==0, run.system

def test_rates_fit_numbers_of_items():
    "Of k items that share an ID, from half to all but one are more than there are IDs"
    for run in BARE.runs:
        share,rate = run.metrics['n_colliding']/run.metrics['items'],run.metrics['collision_rate']
        assert share/2-1e-9<=rate<=share+1e-9, run.system
        assert run.data!='scientific_cgr' or run.metrics['items']==4344

def test_probes_are_shares_and_few_items_collide():
    for run in TOY.runs:
        assert all(0<=value<=1 for name,value in run.metrics.items() if name.startswith('keeps')), run.system
        assert run.metrics['n_colliding']<=288, run.system

def test_jobs_of_the_made_up_shop_find_their_files():
    "The keys of run files are those of the study's jobs today"
    jobs = study_jobs(BBQREC_TOY, Options())
    keys = {(job.system, job.seed): job.key for job in jobs}
    for run in TOY.runs:
        own = keys[run.system, run.seed]
        assert own==run.config['key'], f'{run.system}, seed {run.seed}: other settings than its file'

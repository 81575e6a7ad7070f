"""Run files of the study utgrec: what they promise, and that its jobs find them again"""
from genrec.data.split import leave_one_out
from genrec.study.board import study_runs
from genrec.study.plan import Options, study_jobs
from genrec.study.utgrec import UTGREC
from genrec.study.utgrec_data import toy_world
from genrec.study.utgrec_rows import ablation_rows
from genrec.systems.utg_parts import UTGRecConfig
from genrec.systems.utgrec import ABLATIONS

STUDY = study_runs('utgrec')
COMPARED = ('tiger', 'letter', 'sasrec', 'fdsa', 'unisrec', 'utgrec-nothing-pre-trained', 'utgrec')
ABLATED = ('utgrec', *ablation_rows(UTGRecConfig(), ABLATIONS))

def test_files_say_what_their_ranks_say():
    STUDY.check(dict(ml100k_newer=941, scientific_cgr=8_317, toy_transfer=400, toy_pictures=400))

def test_boards_say_what_files_say():
    STUDY.check_boards(COMPARED, 'utgrec')
    STUDY.check_boards(ABLATED, 'utgrec')

def test_text_decoders_begin_with_the_counts_of_words():
    own = [run for run in STUDY.runs if run.system.startswith('utgrec')]
    before = {run.data for run in own if not run.config['ids']['text']['counts']}
    assert not before, f"rows of {', '.join(sorted(before))} are older than `text.counts`: run them again"

def test_no_row_is_above_the_ceiling():
    world = toy_world(seed=0)
    target = world.shops[world.target]
    ceiling = target.ceiling(leave_one_out(target.log).test.history, 10)
    for run in STUDY.runs:
        if (run.data, run.seed)==('toy_transfer', 0) and run.system in {*COMPARED, *ABLATED}:
            assert run.metrics['recall@10']<ceiling+.06, run.system # the test users are a sample

def test_jobs_find_their_files():
    "The keys of rows that have a file are those of the study's jobs today"
    key = {(run.data, run.system): run.config['key'] for run in STUDY.runs if run.seed==0}
    rows = tuple(group for group in UTGREC.rows if group!='mllm')
    jobs = study_jobs(UTGREC, Options(data=UTGREC.made_up, seeds=(0,), rows=rows))
    for job in jobs:
        if (job.data, job.system) in key and job.system!='letter': # LETTER's files are of other settings
            assert key[job.data, job.system]==job.key, f'{job.name}: other settings than its file, run it again'

def test_runs_of_others_say_so():
    for run in STUDY.runs:
        if 'taken' in run.config:
            assert run.system in ('tiger', 'letter')
            assert run.config['taken'] in ('bbqrec', 'mql4grec')

"""Run files of `mql4grec` and `mql4grec_toy` keep their promises, and the boards made of them say what they say"""
from unittest import SkipTest
from fastcore.test import test_eq as equal
from genrec.analyse.meaning import MEANING
from genrec.study.board import study_runs
from genrec.study.mql4grec import BEFORE, MQL4GREC_TOY
from genrec.study.plan import Options, study_jobs

COMPARED = ('tiger', 'letter', 'mql4grec', 'mql4grec-no-pre-training')

def runs_of(name):
    "The run files of a study; the test is skipped where there are none"
    study = study_runs(name)
    if not study.runs: raise SkipTest(f'no run files of {name}')
    return study

def told_by(study, name):
    "What jobs that look at words said of something"
    return [run.config['made'][name] for run in study.runs if name in run.config.get('made', {})]

def test_boards_say_what_the_files_say():
    study = runs_of('mql4grec')
    study.check(dict(ml100k_newer=941, scientific_cgr=8_317))
    for against in ('tiger', 'letter', 'mql4grec'):
        study.check_boards(COMPARED, against)

def test_boards_of_made_up_shops_say_what_the_files_say():
    study = runs_of('mql4grec_toy')
    study.check(dict(toy=400))
    study.check_boards(tuple(BEFORE), 'scratch')

def test_the_merged_list_is_the_papers_rule():
    "With one modality there is nothing to merge"
    for run in runs_of('mql4grec').runs:
        for metric in ('recall@10', 'ndcg@10'):
            for rule in ('paper_rule', 'text'):
                if f'{metric}_{rule}' in run.metrics:
                    equal(run.metrics[metric], run.metrics[f'{metric}_{rule}'])
                    break

def test_runs_of_made_up_shops_are_of_todays_settings():
    study = runs_of('mql4grec_toy')
    seeds = tuple({run.seed for run in study.runs})
    jobs = {(job.system, job.seed): job.key for job in study_jobs(MQL4GREC_TOY, Options(seeds=seeds))}
    for run in study.runs:
        equal(run.config['key'], jobs[run.system, run.seed])

def test_the_target_of_a_seed_has_one_ceiling():
    ceilings = {}
    for run in runs_of('mql4grec_toy').runs:
        ceilings.setdefault(run.seed, set()).add(run.metrics['ceiling'])
    assert all(len(found)==1 for found in ceilings.values()), ceilings

def test_shares_of_codes_are_shares():
    for language in told_by(runs_of('mql4grec'), 'language'):
        for found,by_chance in language['shared'].values():
            for own,chance in zip(found, by_chance):
                assert 0<=own['all']<=own['several']<=1
                assert own['several']<=own['items']+1e-9 # shared codes have more items
                equal(own['used'], chance['used']) # dealt out anew, the same codes are used

def test_meaning_of_words():
    for meaning in told_by(runs_of('mql4grec'), 'meaning'):
        for learnt in meaning.values():
            for ways in learnt.values():
                check_levels(ways['prefix'])

def check_levels(rows):
    "Assert what `code_meaning` promises of its levels"
    for row in rows:
        equal(list(row), list(MEANING))
        assert 0<=row['covered']<=1 and abs(row['chance'])<=1
        assert (row['codes']>0)==(row['across'] is not None)
    for shorter,longer in zip(rows, rows[1:]):
        assert shorter['covered']>=longer['covered'] # a longer prefix is shared by fewer

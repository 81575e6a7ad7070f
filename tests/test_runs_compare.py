"""Run files of the comparison, and of the one with RecBole: they say what their ranks say, and tables what they say"""
import json
from genrec.core.record import find_up
from genrec.evaluate.consistency import check_board, check_runs
from genrec.study.board import study_runs
from genrec.study.compare import COMPARE, absent_corpus
from genrec.study.entries import ENTRIES
from genrec.study.table import table_of_runs

USERS = dict(scientific_cgr=8_317, office14_apao=4_905, ml100k_posters=943, beauty14=22_363)

def finals(runs):
    "Runs of a table, without trials and searches"
    names = {entry.name for entry in ENTRIES}
    return [run for run in runs if run.system in names]

def test_runs_say_what_their_ranks_say():
    check_runs(finals(study_runs('compare').runs), users=USERS)
    study_runs('recbole').check(users=USERS)

def test_tables_say_what_runs_say():
    runs = study_runs('compare').runs
    for name in COMPARE.data:
        table = table_of_runs(runs, name, n_boot=200)
        if table.board:
            check_board(table.board, [run for run in finals(runs) if run.data==name])

def test_a_final_run_has_its_search():
    runs = study_runs('compare').runs
    searches = {(run.system, run.data, run.config['key']): run for run in runs if run.system.startswith('search-')}
    for run in finals(runs):
        search = searches[f'search-{run.system}', run.data, run.config['searched']]
        assert run.metrics['trial']==search.metrics['trial']
        tried = [value for name, value in search.metrics.items() if name.startswith('trial ')]
        assert max(tried)==tried[int(search.metrics['trial'])]

def test_all_runs_of_a_shop_saw_the_same_data():
    runs = study_runs('compare').runs
    for name in COMPARE.data:
        data = absent_corpus(runs, name)
        for run in runs:
            if run.data==name:
                assert dict(split=run.config['split'], vectors=run.config['vectors'])==data.about()

def test_speed_is_the_ratio_of_seconds():
    file = find_up('runs/bench/baselines.json')
    speed = json.loads(file.read_text()) if file else dict(small=False, rows={})
    assert not speed['small']
    for row in speed['rows'].values():
        assert abs(row['times_as_fast']-row['recbole']['seconds']/row['ours']['seconds'])<.006
        assert row['times_as_fast_checked']>row['times_as_fast']>0

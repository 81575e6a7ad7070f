"""Run files of the studies `codes`, `code_rows` and `trials`: figures are those of ranks, keys those of settings"""
from genrec.core.config import settings, vary
from genrec.core.record import digest
from genrec.evaluate.compare import FOUND_OUT
from genrec.study.board import study_runs
from genrec.study.codes import RULE_OF, RULES
from genrec.study.quantizers import QUANTIZERS, CodesConfig, quantizer_settings
from genrec.study.settings import RECOMMENDER, marked
from genrec.systems.letter import BEFORE

USERS = dict(scientific_cgr=8317)
N_ITEMS = dict(scientific_cgr=4344)

def plain(value):
    "What JSON makes of a value: lists in place of tuples"
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value

def test_keys_are_those_of_the_settings():
    for study in ('codes', 'code_rows', 'trials'):
        for run in study_runs(study).runs:
            config = {name: value for name, value in run.config.items() if name not in (*FOUND_OUT, 'key', 'made')}
            assert digest(config)==run.config['key'], f'{study}: {run.system}, seed {run.seed}'

def test_settings_are_those_of_the_study():
    first = vary(CodesConfig(), letter=dict(ids=BEFORE['ids'], ids_fit=dict(every=2000), watch_collisions=False))
    for study in ('codes', 'code_rows'):
        for run in study_runs(study).runs:
            name = run.config['quantizer']
            known = [plain(quantizer_settings(name, cfg)) for cfg in (CodesConfig(), first)]
            assert run.config['codes'] in known, f'{study}: {run.system}, seed {run.seed}'

def test_recommenders():
    study = study_runs('codes', mark=marked)
    study.check(USERS)
    study.check_boards(tuple(RULE_OF), 'rqvae')
    for run in study.runs:
        assert run.config['rule']==RULE_OF[run.system].__name__
        assert run.config['recommender']==plain(settings(RECOMMENDER, leave=('ids', 'ids_fit')))

def test_one_file_a_seed():
    for study in ('codes', 'code_rows', 'trials'):
        runs = study_runs(study).runs
        assert len({(run.system, run.data, run.seed) for run in runs})==len(runs), study

def test_rows_before_the_rule():
    names = [rule.__name__ for rule in RULES]
    for run in study_runs('code_rows').runs:
        quantizer, rule = run.system.split('.')
        found, n_items = run.metrics, N_ITEMS[run.data]
        assert quantizer in QUANTIZERS and rule in names and run.config['rule']==rule
        for level in range(sum(name.startswith('before.size.') for name in found)):
            perplexity, used, size = (found[f'before.{name}.{level}'] for name in ('perplexity', 'used', 'size'))
            assert perplexity<=used+1e-6 and used<=size, run.system
        shared, rate = found['before.n_colliding'], found['before.collision_rate']
        assert shared/2/n_items-1e-9<=rate<=shared/n_items, run.system

def test_rows_after_the_rule():
    for run in study_runs('code_rows').runs:
        found, refused = run.metrics, 'refused' in run.config['made']
        assert refused==('changed' not in found)==('after.n_colliding' not in found), run.system
        if refused:
            continue
        assert (found['after.n_colliding'], found['after.collision_rate'])==(0, 0), run.system
        rule, to_move = run.config['rule'], round(found['before.collision_rate']*N_ITEMS[run.data])
        if rule=='append_rank':
            assert found['changed']==0, run.system
        if rule in ('next_nearest', 'kth_leaf', 'random_last'): # all but one item of each ID
            assert found['changed']==to_move, run.system

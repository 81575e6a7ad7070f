"""The short form of `tests/torture.py`: some cases of every kind, and what the harness itself promises"""
import json, random, sys, types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import torture
from torture_kinds import common, races

CASES = dict(kills=2, interrupts=3, disks=5, damage=10, foreign=5, fuzz=20, hostile=10)
SEED = 28
def hold(kind):
    "Some cases of a kind, all of which hold"
    tried, = torture.torture((kind,), cases=CASES[kind], seed=SEED)
    assert tried.number==CASES[kind] and not tried.failed, '\n'.join(trouble for _,trouble in tried.failed)

def test_kills(): hold('kills')

def test_interrupts(): hold('interrupts')

def test_disks(): hold('disks')

def test_damage(): hold('damage')

def test_foreign(): hold('foreign')

def test_fuzz(): hold('fuzz')

def test_hostile(): hold('hostile')

def test_eight_lanes(tmp_path):
    "Of eight lanes over one `runs/`, some killed, none dies of itself, and no run is lost or there twice"
    assert 'killed' in races.lanes(random.Random(SEED), tmp_path, 2.5)

def test_eight_users_of_a_store(tmp_path):
    assert 'killed' in races.users(random.Random(SEED), tmp_path)

# the harness

def _of_kind(case):
    "A kind of its own"
    module = types.ModuleType('torture_kinds.made_up')
    module.case = case
    sys.modules['torture_kinds.made_up'] = module

def _any_case(rng, folder):
    how = rng.choice(('hold','break','raise','die','exit'))
    if how=='break': raise common.Broken('it broke')
    if how=='raise': raise KeyError('no such thing')
    if how=='die':
        import os, signal
        os.kill(os.getpid(), signal.SIGKILL)
    if how=='exit':
        sys.exit(0)
    return how

def _said(lines):
    def say(line, **_): lines.append(line)
    return say

def test_whatever_a_case_does_is_counted():
    _of_kind(_any_case)
    lines = []
    tried, = torture.torture(('made_up',), cases=20, seed=1, say=_said(lines))
    assert tried.held+len(tried.failed)==20 and 0<tried.held<12
    text = ' '.join(trouble for _,trouble in tried.failed)
    assert all(part in text for part in ('it broke', 'no such thing', 'died: -9', 'SystemExit'))
    number = tried.failed[0][0]
    assert f'FAILED --seed 1 --case made_up/{number}: ' in lines[1]
    assert torture.one('made_up', 1, number)[0].splitlines()[0]==tried.failed[0][1].splitlines()[0] # the same again
    assert torture.table([tried]).endswith(f'| made_up | 20 | {tried.held} | {20-tried.held} |')

def test_a_case_that_hangs_is_killed():
    import time
    def hang(rng, folder): time.sleep(99)
    _of_kind(hang)
    longest,torture.LONGEST = torture.LONGEST,.5
    trouble,_ = torture.one('made_up', 1, 0)
    torture.LONGEST = longest
    assert trouble=='the case hung: 0.5 s'

def test_goes_on_where_it_was(tmp_path):
    _of_kind(_any_case)
    file,whole = tmp_path/'tried.json',torture.torture(('made_up',), cases=9, seed=5, say=_said([]))[0]
    torture.torture(('made_up',), cases=4, seed=5, resume=file, say=_said([]))
    assert json.loads(file.read_text())['tried'][0]['number']==4
    tried, = torture.torture(('made_up',), cases=9, seed=77, resume=file, say=_said([])) # the file's seed counts
    assert (tried.number, tried.held) == (9, whole.held)
    assert [number for number,_ in tried.failed]==[number for number,_ in whole.failed]

"""The settings of `make test ANYWHERE=1` are in effect, and a failure in one of them is counted"""
import importlib.util, json, multiprocessing, os, random, subprocess, sys
from pathlib import Path
import numpy as np, torch
from fastcore.test import expect_fail
from sklearn.utils import check_random_state
from genrec.core.values import set_seed
from genrec.core.batches import batches
from genrec.core.train import _seed

ci = Path(__file__).resolve().parent.parent

def tool(name):
    spec = importlib.util.spec_from_file_location(f'ci_{name}', ci/f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def without_settings():
    "The environment, without what a setting puts there"
    ours = set().union(*tool('test').SETTINGS.values())
    return {k: v for k, v in os.environ.items() if k not in ours}

def test_the_processor_is_another():
    code = 'import torch, genrec.core.values; print(torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())'
    def seen(name):
        ours = dict(IN_TEST='1', OMP_NUM_THREADS='1', PYTHONPATH=str(ci.parent))
        environment = {**without_settings(), **ours, **tool('test').SETTINGS[name]}
        done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=environment)
        assert done.returncode==0, done.stderr
        return done.stdout.split()
    here, default, avx2 = (seen(name) for name in ('as it comes', 'default', 'avx2, two threads'))
    assert here[1]=='1' and default==['DEFAULT', '1'], (here, default)
    assert avx2==['AVX2' if here[0].startswith('AVX') else here[0], '2'], (here, avx2)

def all_draws(seed):
    "A draw of each kind of chance, each with the same seed"
    def each():
        return [int(torch.randint(10**9, (1,))), int(np.random.randint(10**9)), random.randrange(10**9)]
    out = [int(np.random.default_rng(s).integers(10**9)) for s in (seed, [seed, 7])]
    out += [int(check_random_state(seed).randint(10**9)), int(np.random.RandomState(seed=seed).randint(10**9))]
    out += [random.Random(seed).randrange(10**9)]
    set_seed(seed)
    out += each()
    torch.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    out += each()
    torch.random.manual_seed(seed)
    out += each()[:1]
    _seed(torch.device('cpu'), seed)
    out += each()[:1]
    generators = torch.Generator().manual_seed(seed), torch.Generator('cpu').manual_seed(seed)
    out += [int(torch.randperm(10**6, generator=generator)[0]) for generator in generators]
    return out+[int(batches(10**6, 1, seed=0, epoch=seed)[0])]

def in_a_fork(pipe, seed, by):
    if by:
        tool('seeds').move_seeds(by)
    pipe.send(all_draws(seed))

def draws(seed, by=0):
    "The draws, in a process of its own, with seeds moved"
    fork = multiprocessing.get_context('fork')
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=in_a_fork, args=(theirs, seed, by))
    process.start()
    theirs.close()
    out = ours.recv()
    process.join()
    return out

def test_seeds_are_moved():
    moved, one, zero = draws(0, by=1), draws(1), draws(0)
    assert len(moved)==16 and moved==one, (moved, one)
    assert not any(a==b for a, b in zip(moved, zero)), (moved, zero)

def test_what_is_no_number_is_not_moved():
    moved = tool('seeds').moved
    assert [moved(s, 1) for s in (0, np.int64(4), [3, 4], None, 'x', True)]==[1, 5, [4, 4], None, 'x', True]
    assert [moved(s, 1) for s in (2**32-1, 2**40, -1)]==[0, 2**40+1, 0] # NumPy's largest has a neighbour too

def test_settings_have_turns():
    test = tool('test')
    n = len(test.BY_TURN)*test.PARTS
    turns = [test.turn(number) for number in range(2*n)]
    assert len(set(turns[:n]))==n and turns[:n]==turns[n:] # every setting on every part, then again
    assert {setting for setting, _ in turns[:len(test.BY_TURN)]}==set(test.BY_TURN)
    assert test.setting_of('compatible')=='compatible'
    with expect_fail(SystemExit, contains='no setting'): test.setting_of('none')

def test_parts_are_all_files():
    test, parts = tool('test'), []
    for i in range(test.PARTS):
        os.environ['GENREC_TEST_PART'] = f'{i}/{test.PARTS}'
        parts += test.wanted_files(())
    del os.environ['GENREC_TEST_PART']
    assert sorted(parts)==sorted(test.wanted_files(())) and len(parts)>100

def a_project(folder, source):
    "A project of one notebook with one cell; the command that tests it, with seeds moved"
    cell = dict(cell_type='code', source=source, outputs=[], execution_count=None, metadata={})
    notebook = dict(cells=[cell], metadata={}, nbformat=4, nbformat_minor=5)
    for name in ('nbs', '.ci/tests'):
        (folder/name).mkdir(parents=True)
    for name in ('settings.ini', '.ci/test.py', '.ci/seeds.py'):
        (folder/name).write_text((ci.parent/name).read_text())
    (folder/'nbs'/'10_drawn.ipynb').write_text(json.dumps(notebook))
    return [sys.executable, folder/'.ci'/'test.py', '--setting', 'seeds moved', 'drawn']

def test_a_setting_is_named_and_its_failures_count(tmp_path):
    command = a_project(tmp_path, 'import random\nassert random.Random(0).random()==0.8444218515250481')
    done = subprocess.run(command, capture_output=True, text=True, env=without_settings())
    assert done.returncode==1 and 's  seeds moved: 10_drawn.ipynb' in done.stdout, done.stdout
    assert done.stdout.endswith('seeds moved: 0 of 1 passed\n0 passed, 1 failed\n'), done.stdout

def test_no_process_is_left(tmp_path):
    command = a_project(tmp_path, "import subprocess\nsubprocess.Popen(['sleep', '600'])")
    done = subprocess.run(command, capture_output=True, text=True, env=without_settings(), timeout=120)
    assert done.stdout.endswith('1 passed, 0 failed\n'), done.stdout

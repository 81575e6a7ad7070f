"""Everything that `make test` checks; ends with `N passed, N failed`

    python .ci/test.py [part of a notebook's or test's name ...]

Each notebook, and each file `test_*.py` of `tests/` and `.ci/tests/`, runs in a process of its own, forked from one
that has done the slow imports.

A lesson holds on every machine and whatever chance draws. `--anywhere` (`make test ANYWHERE=1`) runs everything once in
each of `SETTINGS`; `--setting NAME` in one of them, which every line then names. `--turn NUMBER` runs a third of the
files in one of `BY_TURN`: as the number grows by one, the settings take turns, and then the thirds."""
import os
os.environ.update(IN_TEST='1', HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', MPLBACKEND='agg')
os.environ.setdefault('OMP_NUM_THREADS', '1')
import contextlib, filecmp, importlib.util, inspect, multiprocessing, re
import shutil, signal, subprocess, sys, tempfile, time, traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import SkipTest

root = Path(__file__).resolve().parent.parent
LEFT_OUT = ('workbench.ipynb', 'index.ipynb')  # `make demo` runs the first, the second is the front page
TIMEOUT = 300                                  # seconds; a notebook should take less than 20
SUITES = ('tests', '.ci/tests')                # folders with suites that are no lessons
PRELOAD = ['torch', 'transformers', 'sklearn.decomposition', 'ibis', 'datasets', 'matplotlib.pyplot',
           'nbdev.test', 'nbdev.showdoc', 'fastcore.test']
SKIPPED = 'Skipped: ' # how the error of a test begins that raised `SkipTest`
NOT_OURS = {'.ipynb_checkpoints', '__pycache__'}

# instructions of other processors as any machine can imitate them, threads, and chance; the first: a plain `make test`
SETTINGS = {
    'as it comes': {},
    'default': dict(ATEN_CPU_CAPABILITY='default'),
    'avx2, two threads': dict(ATEN_CPU_CAPABILITY='avx2', MKL_ENABLE_INSTRUCTIONS='AVX2', ONEDNN_MAX_CPU_ISA='AVX2',
                              OMP_NUM_THREADS='2', GENREC_TEST_THREADS='2', OMP_WAIT_POLICY='PASSIVE'),
    'compatible': dict(MKL_CBWR='COMPATIBLE'),
    'seeds moved': dict(GENREC_SEED_MOVED='1'),
}

# what CI runs beside the first: one at a time, each on one of so many parts of the files
PARTS = 3
BY_TURN = ('default', 'avx2, two threads', 'compatible', 'seeds moved')

def move_seeds():
    "Move every seed in this process, where `GENREC_SEED_MOVED` says by how much"
    by = int(os.environ.get('GENREC_SEED_MOVED', '0'))
    if not by:
        return
    spec = importlib.util.spec_from_file_location('ci_seeds', root/'.ci'/'seeds.py')
    seeds = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seeds)
    seeds.move_seeds(by)

def differences(a, b, pattern):
    "Names of files below two folders that are not the same"
    def names(folder):
        found = (path.relative_to(folder) for path in folder.rglob(pattern))
        return {path.as_posix() for path in found if not NOT_OURS & set(path.parts)}
    def same(name):
        return (a/name).exists() and (b/name).exists() and filecmp.cmp(a/name, b/name, shallow=False)
    return sorted(name for name in names(a)|names(b) if not same(name))

@contextlib.contextmanager
def a_copy():
    "The source of the project, without what was made from it or is not its own"
    left_out = shutil.ignore_patterns('.ipynb_checkpoints', 'nbdev.yml')
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)/'genrec'
        copy.mkdir()
        for name in ('settings.ini', 'setup.py', '_quarto.yml', 'README.md'):
            shutil.copy(root/name, copy)
        shutil.copytree(root/'nbs', copy/'nbs', symlinks=True, ignore=left_out)
        yield copy

def run_tool(name, cwd):
    "Run one of nbdev's commands in a folder"
    environment = {k: v for k, v in os.environ.items() if k!='IN_TEST'} # nbdev writes no index of names under IN_TEST
    command = [Path(sys.executable).parent/name]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode: raise AssertionError(f'{name} failed:\n{done.stdout}{done.stderr}')

def exported_code_agrees():
    "genrec/ is what nbdev_export makes of nbs/, to the byte: nothing edited by hand, nothing left over"
    with a_copy() as copy:
        (copy/'genrec').mkdir()
        shutil.copy(root/'genrec'/'__init__.py', copy/'genrec')
        run_tool('nbdev_export', copy)
        bad = differences(root/'genrec', copy/'genrec', '*.py')
    assert not bad, f'genrec/ and nbs/ differ; run nbdev_export, or delete a module without a notebook: {bad}'

def notebooks_are_clean():
    "nbdev_clean changes no notebook"
    with a_copy() as copy:
        run_tool('nbdev_clean', copy)
        bad = differences(root/'nbs', copy/'nbs', '*.ipynb')
    assert not bad, f'nbdev_clean would change these; run it: {bad}'

def sidebar_agrees():
    "nbs/sidebar.yml is what the layers of 99_house say"
    spec = importlib.util.spec_from_file_location('ci_sidebar', root/'.ci'/'sidebar.py')
    sidebar = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sidebar)
    same = sidebar.PATH.exists() and sidebar.PATH.read_text(encoding='utf-8')==sidebar.sidebar()
    assert same, 'nbs/sidebar.yml is of another day; run `python .ci/sidebar.py`'

def name_of(path):
    "What a notebook or suite is called in lines: folder and file of a notebook, such as quantize/12_rq.ipynb"
    return path.relative_to(root/'nbs').as_posix() if path.suffix=='.ipynb' else path.name

def error_of(function):
    "What a call raised, as text; nothing where it came through"
    try:
        function()
    except SkipTest as reason:
        return f'{SKIPPED}{reason}'
    except BaseException:
        return traceback.format_exc()
    return ''

def run_function(test):
    "Call a test, with an empty folder where it asks for `tmp_path`"
    with tempfile.TemporaryDirectory() as folder:
        wants_folder = 'tmp_path' in inspect.signature(test).parameters
        test(**({'tmp_path': Path(folder)} if wants_folder else {}))

def run_file(path):
    "Run each `test_*` function of a script; returns (name, seconds, error) for each"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    results = []
    for name, test in list(vars(module).items()):
        if not (name.startswith('test_') and callable(test)):
            continue
        start = time.time()
        error = error_of(lambda test=test: run_function(test))
        results.append((f'{path.name}::{name}', time.time()-start, error))
    return results

def run_notebook(path):
    "As `nbdev_test` runs it"
    from nbdev.config import get_config
    from nbdev.test import test_nb
    start, said = time.time(), tempfile.TemporaryFile('w+')
    with contextlib.redirect_stderr(said):
        passed, _ = test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=root)
    said.seek(0)
    error = '' if passed else said.read() or 'failed without a traceback'
    return [(name_of(path), time.time()-start, error)]

def child(pipe, path):
    "In a process and a group of its own: what is printed goes into a log, the results through the pipe"
    os.setsid()
    with tempfile.TemporaryFile('w+') as log, contextlib.redirect_stdout(log):
        move_seeds()
        os.chdir(path.parent if path.suffix=='.ipynb' else root)
        run = run_notebook if path.suffix=='.ipynb' else run_file
        try:
            results = run(path)
        except BaseException:
            results = [(name_of(path), 0., traceback.format_exc())]
    pipe.send(results)
    pipe.close()

def kill_group(number):
    "Kill a file's process and what it started; a process that was left would keep the pipe of `under` open"
    with contextlib.suppress(ProcessLookupError):
        os.killpg(number, signal.SIGKILL)

def alone(context, path):
    "Results of one file; a crash or an endless loop in it is a failure of this file alone"
    ours, theirs = context.Pipe(duplex=False)
    process, start = context.Process(target=child, args=(theirs, path)), time.time()
    process.start()
    theirs.close()
    try:
        if ours.poll(TIMEOUT):
            return ours.recv()
        return [(name_of(path), time.time()-start, f'not done after {TIMEOUT} s')]
    except EOFError:
        process.join()
        return [(name_of(path), time.time()-start, f'its process died (exit code {process.exitcode})')]
    finally:
        process.join(5)
        kill_group(process.pid)
        process.join()

def report(results, count):
    "Print a line for each result and count it"
    for name, seconds, error in results:
        if error.startswith(SKIPPED): # neither passed nor failed
            print(f'skipped {seconds:5.1f} s  {name}: {error.removeprefix(SKIPPED)}', flush=True)
            continue
        print(f"{'FAILED' if error else 'ok    '} {seconds:6.1f} s  {name}", flush=True)
        if error:
            print(error.rstrip()+'\n', flush=True)
        count[bool(error)] += 1

def setting_of(name):
    "The name of a setting, if there is one"
    if name not in SETTINGS: raise SystemExit(f'no setting {name!r}: there are {list(SETTINGS)}')
    return name

def turn(number):
    "A setting, and which part of the files to run in it"
    part = number//len(BY_TURN)%PARTS
    return BY_TURN[number%len(BY_TURN)], f'{part}/{PARTS}'

def under(name, only, part='0/1'):
    "Run `main` in a process with the environment of a setting, name the setting in each line, return what it counted"
    environment = {**os.environ, 'PYTHONUNBUFFERED': '1', 'GENREC_TEST_PART': part, **SETTINGS[name]}
    process = subprocess.Popen([sys.executable, __file__, *only], env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    count = None
    for line in process.stdout:
        if found := re.fullmatch(r'(\d+) passed, (\d+) failed\n', line):
            count = [int(found[1]), int(found[2])]
        else:
            print(re.sub(r'^((?:ok    |FAILED) +[\d.]+ s  )', rf'\g<1>{name}: ', line), end='', flush=True)
    code = process.wait()
    if count is None or (code and not count[1]):
        print(f'FAILED      0 s  {name}: ended with exit code {code}', flush=True)
        count = [count[0] if count else 0, (count[1] if count else 0)+1]
    return count

def anywhere(names, only, part='0/1'):
    "Run everything in some of the settings, one after the other; their counts and the sum"
    counts = {name: under(name, only, part) for name in names}
    for name, count in counts.items():
        print(f'{name}: {count[0]} of {sum(count)} passed')
    passed, failed = (sum(count[i] for count in counts.values()) for i in (0, 1))
    print(f'{passed} passed, {failed} failed')
    return int(failed>0 or passed==0)

def command(*arguments):
    "What was asked for on the command line"
    if arguments[:1]==('--anywhere',):
        return anywhere(SETTINGS, arguments[1:])
    if arguments[:1]==('--setting',) and len(arguments)>1:
        return anywhere([setting_of(arguments[1])], arguments[2:])
    if arguments[:1]==('--turn',) and len(arguments)>1:
        name, part = turn(int(arguments[1]))
        return anywhere([name], arguments[2:], part)
    return main(*arguments)

def wanted_files(only):
    "Notebooks, then suites; where names were given, those with one of them in their own"
    found = sorted((root/'nbs').rglob('*.ipynb'))
    files = [path for path in found if path.name not in LEFT_OUT and '.ipynb_checkpoints' not in path.parts]
    for folder in SUITES:
        files += sorted((root/folder).glob('test_*.py'))
    i, n = (int(number) for number in os.environ.get('GENREC_TEST_PART', '0/1').split('/'))
    return [path for path in files[i::n] if not only or any(part in name_of(path) for part in only)]

def main(*only):
    start, count = time.time(), [0, 0]
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(PRELOAD)
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(alone, context, path) for path in wanted_files(only)]
        for check in () if only else (exported_code_agrees, notebooks_are_clean, sidebar_agrees):
            began = time.time()
            error = error_of(check)
            report([(check.__name__.replace('_', ' '), time.time()-began, error)], count)
        for job in jobs:
            report(job.result(), count)
    print(f'{time.time()-start:.0f} seconds in all')
    print(f'{count[0]} passed, {count[1]} failed')
    return int(count[1]>0 or count[0]==0)

if __name__ == '__main__':
    sys.exit(command(*sys.argv[1:]))

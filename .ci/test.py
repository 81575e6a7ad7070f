"""Everything that `make test` checks: `python .ci/test.py [part of a notebook's or test's name ...]`; ends with `N passed, N failed`

Each notebook and each file of `.ci/tests` runs in a process of its own, forked from one that has the slow imports done.

A lesson holds on every machine and whatever chance draws. `--anywhere` (`make test ANYWHERE=1`) runs everything once in each of `SETTINGS`;
`--setting NAME` in one of them (a number: one of `BY_TURN`), which every line then names."""
import os
os.environ.update(IN_TEST='1', HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', MPLBACKEND='agg')
os.environ.setdefault('OMP_NUM_THREADS', '1')
import contextlib, filecmp, importlib.util, inspect, multiprocessing, re, shutil, subprocess, sys, tempfile, time, traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

root = Path(__file__).resolve().parent.parent
LEFT_OUT = ('workbench.ipynb', 'index.ipynb')  # `make demo` runs the first, the second is the front page
TIMEOUT = 300                                  # seconds; a notebook should take less than 20
PRELOAD = ['torch', 'transformers', 'sklearn.decomposition', 'ibis', 'datasets', 'matplotlib.pyplot', 'nbdev.test', 'nbdev.showdoc', 'fastcore.test']

# a processor's instructions as any other machine can imitate them, threads, and chance; the first is that of a plain `make test`
SETTINGS = {
    'as it comes': {},
    'default': dict(ATEN_CPU_CAPABILITY='default'),
    'avx2, two threads': dict(ATEN_CPU_CAPABILITY='avx2', MKL_ENABLE_INSTRUCTIONS='AVX2', ONEDNN_MAX_CPU_ISA='AVX2',
                              OMP_NUM_THREADS='2', GENREC_TEST_THREADS='2', OMP_WAIT_POLICY='PASSIVE'),
    'compatible': dict(MKL_CBWR='COMPATIBLE'),
    'seeds moved': dict(GENREC_SEED_MOVED='1'),
}

# what CI runs beside the first, one at a time; not yet all lessons pass with seeds moved, see EXPERIMENTS.md
BY_TURN = ('default', 'avx2, two threads', 'compatible')

def move_seeds():
    "Move every seed in this process, where `GENREC_SEED_MOVED` says by how much"
    by = int(os.environ.get('GENREC_SEED_MOVED', '0'))
    if not by: return
    spec = importlib.util.spec_from_file_location('ci_seeds', root/'.ci'/'seeds.py')
    seeds = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(seeds)
    seeds.move_seeds(by)

def differences(a, b, pattern):
    "Files below two folders that are not the same"
    names = {p.relative_to(d).as_posix() for d in (a, b) for p in d.rglob(pattern) if not {'.ipynb_checkpoints', '__pycache__'} & set(p.parts)}
    return sorted(n for n in names if not ((a/n).exists() and (b/n).exists() and filecmp.cmp(a/n, b/n, shallow=False)))

@contextlib.contextmanager
def a_copy():
    "The source of the project, without what was made from it or is not its own"
    with tempfile.TemporaryDirectory() as t:
        t = Path(t)/'genrec'; t.mkdir()
        for f in ('settings.ini', 'setup.py', '_quarto.yml', 'README.md'): shutil.copy(root/f, t)
        shutil.copytree(root/'nbs', t/'nbs', symlinks=True, ignore=shutil.ignore_patterns('.ipynb_checkpoints', 'nbdev.yml', 'sidebar.yml'))
        yield t

def tool(name, cwd):
    env = {k: v for k, v in os.environ.items() if k!='IN_TEST'} # nbdev writes no index of names under IN_TEST
    r = subprocess.run([Path(sys.executable).parent/name], cwd=cwd, env=env, capture_output=True, text=True)
    if r.returncode: raise AssertionError(f'{name} failed:\n{r.stdout}{r.stderr}')

def exported_code_agrees():
    "genrec/ is what nbdev_export makes of nbs/, to the byte: nothing edited by hand, nothing left over"
    with a_copy() as t:
        (t/'genrec').mkdir()
        shutil.copy(root/'genrec'/'__init__.py', t/'genrec')
        tool('nbdev_export', t)
        bad = differences(root/'genrec', t/'genrec', '*.py')
    assert not bad, f'genrec/ and nbs/ differ; run nbdev_export, or delete a module without a notebook: {bad}'

def notebooks_are_clean():
    "nbdev_clean changes no notebook"
    with a_copy() as t:
        tool('nbdev_clean', t)
        bad = differences(root/'nbs', t/'nbs', '*.ipynb')
    assert not bad, f'nbdev_clean would change these; run it: {bad}'

def run_function(f):
    "Call a test, with an empty folder where it asks for `tmp_path`"
    with tempfile.TemporaryDirectory() as t:
        f(**({'tmp_path': Path(t)} if 'tmp_path' in inspect.signature(f).parameters else {}))

def run_file(path):
    "Run each `test_*` function of a script; returns (name, seconds, error) for each"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    m = importlib.util.module_from_spec(spec); sys.modules[path.stem] = m
    spec.loader.exec_module(m)
    res = []
    for name, f in [(k, v) for k, v in vars(m).items() if k.startswith('test_') and callable(v)]:
        t, err = time.time(), ''
        try: run_function(f)
        except BaseException: err = traceback.format_exc()
        res.append((f'{path.name}::{name}', time.time()-t, err))
    return res

def run_notebook(path):
    "As `nbdev_test` runs it"
    from nbdev.config import get_config
    from nbdev.test import test_nb
    t, err = time.time(), tempfile.TemporaryFile('w+')
    with contextlib.redirect_stderr(err): ok, _ = test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=root)
    err.seek(0)
    return [(path.name, time.time()-t, '' if ok else err.read() or 'failed without a traceback')]

def child(pipe, path):
    "In a process of its own: what is printed goes into a log, the results through the pipe"
    with tempfile.TemporaryFile('w+') as log, contextlib.redirect_stdout(log):
        move_seeds()
        os.chdir(root/'nbs' if path.suffix=='.ipynb' else root)
        try: res = run_notebook(path) if path.suffix=='.ipynb' else run_file(path)
        except BaseException: res = [(path.name, 0., traceback.format_exc())]
    pipe.send(res); pipe.close()

def alone(ctx, path):
    "Results of one file; a crash or an endless loop in it is a failure of this file alone"
    ours, theirs = ctx.Pipe(duplex=False)
    p, t = ctx.Process(target=child, args=(theirs, path)), time.time()
    p.start(); theirs.close()
    try: return ours.recv() if ours.poll(TIMEOUT) else [(path.name, time.time()-t, f'not done after {TIMEOUT} s')]
    except EOFError: p.join(); return [(path.name, time.time()-t, f'its process died (exit code {p.exitcode})')]
    finally: p.join(5); p.kill(); p.join()

def report(results, count):
    for name, s, err in results:
        print(f"{'ok    ' if not err else 'FAILED'} {s:6.1f} s  {name}", flush=True)
        if err: print(err.rstrip()+'\n', flush=True)
        count[bool(err)] += 1

def setting_of(name):
    "A setting by its name, or by a number: those of `BY_TURN`, in turn"
    if name.isdigit(): return BY_TURN[int(name)%len(BY_TURN)]
    if name not in SETTINGS: raise SystemExit(f'no setting {name!r}: there are {list(SETTINGS)}, or a number for those of {list(BY_TURN)} in turn')
    return name

def under(name, only):
    "Run `main` in a process of its own with the environment of a setting, name it in each line, and return what it counted"
    environment = {**os.environ, 'PYTHONUNBUFFERED': '1', **SETTINGS[name]}
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

def anywhere(names, only):
    "Run everything in some of the settings, one after the other; their counts and the sum"
    counts = {name: under(name, only) for name in names}
    for name, count in counts.items(): print(f'{name}: {count[0]} of {sum(count)} passed')
    passed, failed = (sum(count[i] for count in counts.values()) for i in (0, 1))
    print(f'{passed} passed, {failed} failed')
    return int(failed>0 or passed==0)

def command(*arguments):
    "What was asked for on the command line"
    if arguments[:1]==('--anywhere',): return anywhere(SETTINGS, arguments[1:])
    if arguments[:1]==('--setting',) and len(arguments)>1: return anywhere([setting_of(arguments[1])], arguments[2:])
    return main(*arguments)

def main(*only):
    t, count = time.time(), [0, 0]
    wanted = lambda name: not only or any(o in name for o in only)
    ctx = multiprocessing.get_context('forkserver')
    ctx.set_forkserver_preload(PRELOAD)
    files = [p for p in sorted((root/'nbs').glob('*.ipynb')) if p.name not in LEFT_OUT and wanted(p.name)]
    files += [p for p in sorted((root/'.ci'/'tests').glob('test_*.py')) if wanted(p.name)]
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(alone, ctx, p) for p in files]
        for f in (exported_code_agrees, notebooks_are_clean):
            if only: continue
            s, err = time.time(), ''
            try: f()
            except BaseException as e: err = str(e) or traceback.format_exc()
            report([(f.__name__.replace('_', ' '), time.time()-s, err)], count)
        for j in jobs: report(j.result(), count)
    print(f'{time.time()-t:.0f} seconds in all')
    print(f'{count[0]} passed, {count[1]} failed')
    return int(count[1]>0 or count[0]==0)

if __name__ == '__main__': sys.exit(command(*sys.argv[1:]))

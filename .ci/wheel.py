"""What the wheel alone must do; run with the Python of an environment that holds nothing else, outside the clone"""
import importlib, importlib.util, pkgutil, subprocess, sys, time

absent = ('nbdev', 'jupyterlab', 'notebook', 'IPython', 'ipykernel', 'ipywidgets', 'anywidget', 'matplotlib', 'umap',
          'playwright', 'pyspark')

def fresh(code):
    "Run code in a new interpreter and return what it printed"
    done = subprocess.run([sys.executable, '-I', '-c', code], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout.strip()

def test_the_environment_is_bare():
    bad = [m for m in absent if importlib.util.find_spec(m)]
    assert not bad, f'the base requirements bring {bad}'

def test_genrec_comes_from_the_wheel():
    where = fresh('import genrec; print(genrec.__file__)')
    assert 'site-packages' in where, where

def test_import_genrec_is_quick():
    fresh('import genrec') # compiled once
    seconds = float(fresh('import time; t=time.perf_counter(); import genrec; print(time.perf_counter()-t)'))
    assert seconds<.5, f'`import genrec` took {seconds:.2f} s'

def test_quantizer_brings_no_notebook_tools():
    bad = fresh(f'import sys, genrec.quantize.rq; print(*[m for m in {absent!r} if m in sys.modules])')
    assert not bad, f'`import genrec.quantize.rq` imports {bad}'

def test_every_module_imports():
    import genrec
    names = [m.name for m in pkgutil.walk_packages(genrec.__path__, 'genrec.') if not m.name.endswith('_modidx')]
    assert len(names)>10, names
    for name in names:
        importlib.import_module(name)
    bad = [m for m in absent if m in sys.modules]
    assert not bad, f'the modules import {bad}'

def test_a_widget_has_its_front_end():
    import torch
    from genrec.core.values import SemanticIds
    from genrec.widgets.browse import browse
    page = browse(SemanticIds(torch.tensor([[0], [1]]), (2,)), ['red lamp', 'blue lamp']).static()
    assert 'class CodeTree' in page and '.gr .tree' in page and 'red lamp' in page

def passes(name, test):
    "Run a test, print a line about it, and say whether it passed"
    start, error = time.time(), None
    try:
        test()
    except Exception as e:
        error = e
    mark = 'ok    ' if error is None else 'FAILED'
    print(f'{mark} {time.time()-start:6.1f} s  wheel: {name.removeprefix("test_").replace("_", " ")}')
    if error is not None:
        print(error)
    return error is None

if __name__ == '__main__':
    tests = {name: test for name, test in list(vars().items()) if name.startswith('test_')}
    results = [passes(name, test) for name, test in tests.items()]
    failed = results.count(False)
    print(f'{len(results)-failed} passed, {failed} failed')
    sys.exit(failed>0)

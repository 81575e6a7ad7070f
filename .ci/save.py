"""Run notebooks and keep their outputs, as `nbdev_test` runs them

    python .ci/save.py nbs/quantize/12_rq.ipynb ... [--slow --gpu --net]

Without arguments: all but the workbench. A cell that is skipped keeps the output it had; a notebook that fails stays as
it was."""
import os, re, sys, time
os.environ['IN_TEST'] = '1'
os.environ.setdefault('MPLBACKEND', 'module://matplotlib_inline.backend_inline')
from contextlib import contextmanager
from pathlib import Path
from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from nbdev.clean import clean_nb

@contextmanager
def chdir(path): # `contextlib.chdir` wants Python 3.11
    was = os.getcwd()
    os.chdir(path)
    try:
        yield
    finally:
        os.chdir(was)

root = Path(__file__).resolve().parent.parent
FLAGS = ('slow', 'gpu', 'net')

def is_skipped(source, skip):
    "Does a cell carry one of the flags, or none may run it?"
    flags = [*(rf'{flag}\b' for flag in skip), r'eval:\s*false']
    return any(re.search(rf'^#\|\s*{flag}', source, re.M) for flag in flags)

def without_stderr(outputs):
    return [o for o in outputs if not (o.get('output_type')=='stream' and o.get('name')=='stderr')]

def save(path, flags=()):
    "Execute one notebook, write its outputs and clean it; returns whether it passed"
    path = Path(path).resolve()
    nb, shell, start = read_nb(path), CaptureShell(path), time.time()
    skip = [flag for flag in FLAGS if flag not in flags]
    with chdir(path.parent):
        for cell in nb.cells:
            if cell.cell_type!='code' or is_skipped(cell.source, skip):
                continue
            shell.cell(cell)
            if shell.exc:
                print(f'FAILED {path.name}\n--- cell ---\n{cell.source}\n---\n{shell.prettytb(path)}')
                return False
            cell.outputs = without_stderr(cell.get('outputs', []))
            cell.execution_count = None
    clean_nb(nb)
    write_nb(nb, path)
    print(f'saved {path.name} in {time.time()-start:.1f} s', flush=True)
    return True

def all_but_the_workbench():
    return [path for path in sorted((root/'nbs').rglob('[!.]*.ipynb')) if path.name!='workbench.ipynb']

if __name__ == '__main__':
    flags = tuple(argument[2:] for argument in sys.argv[1:] if argument.startswith('--'))
    paths = [argument for argument in sys.argv[1:] if not argument.startswith('--')] or all_but_the_workbench()
    saved = [save(path, flags) for path in paths]
    sys.exit(0 if all(saved) else 1)

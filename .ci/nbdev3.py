"""What would break with nbdev 3? Tried on a copy: `python .ci/nbdev3.py [--keep FOLDER]`

nbdev 2.4.14 is the last of its line. This makes an environment of its own with the newest nbdev (the packages of this
one are visible from it, and stay as they are), copies the project, lets `nbdev-migrate-config` write a pyproject.toml,
exports, compares the modules with ours, and tests a few notebooks. What it finds is printed; nothing of the project
changes."""
import ast, os, shutil, subprocess, sys, sysconfig, tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent
TRIED = ('core/00_escape', 'core/10_record', 'quantize/12_rq')
COPIED = ('settings.ini', 'setup.py', 'README.md', 'LICENSE', '_quarto.yml')

def step(name, command, where, found, **more):
    "Run a command in the copy and write down how it ended"
    environment = {k: v for k, v in os.environ.items() if k not in ('IN_TEST', 'PYTHONPATH')} | more
    try:
        done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=900)
        code, said = done.returncode, done.stdout+done.stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        code, said = 1, str(error)
    lines = [line for line in said.splitlines() if line.strip() and 'WARNING: Location' not in line]
    found.append((name, code, lines[-1][:200] if lines else ''))
    print(f"{'ok    ' if not code else 'BREAKS'} {name}"+(f': {found[-1][2]}' if code else ''), flush=True)
    return not code

def environment_of(folder):
    "An environment with the newest nbdev first and the packages of this one behind it; its folder of commands"
    subprocess.run([sys.executable, '-m', 'venv', str(folder)], check=True)
    python = folder/'bin'/'python'
    pip = [str(python), '-m', 'pip', 'install', '-q', '--disable-pip-version-check', 'nbdev>=3']
    done = subprocess.run(pip, capture_output=True, text=True)
    if done.returncode: raise SystemExit(f'nbdev 3 could not be installed, so nothing was tried:\n{done.stderr[-500:]}')
    own = next(folder.glob('lib/python3*/site-packages'))
    (own/'behind.pth').write_text(sysconfig.get_paths()['purelib']+'\n')
    return folder/'bin'

def copy_of(folder):
    "The project without what was made from it"
    for name in COPIED:
        shutil.copy(root/name, folder)
    shutil.copytree(root/'nbs', folder/'nbs', symlinks=True, ignore=shutil.ignore_patterns('.ipynb_checkpoints'))
    shutil.copytree(root/'genrec', folder/'genrec', ignore=shutil.ignore_patterns('__pycache__'))

def code_of(path):
    "What a module says to Python: without its layout and comments"
    return ast.dump(ast.parse(path.read_text(encoding='utf-8')))

def changed_modules(folder):
    "Modules whose code is other than ours after the export, and those that are gone"
    ours = {path.relative_to(root/'genrec') for path in (root/'genrec').rglob('*.py') if not path.name.startswith('_')}
    gone = [str(name) for name in sorted(ours) if not (folder/'genrec'/name).is_file()]
    there = [name for name in sorted(ours) if str(name) not in gone]
    other = [str(name) for name in there if code_of(folder/'genrec'/name)!=code_of(root/'genrec'/name)]
    return gone, other

def try_copy(folder, found):
    "Everything that is tried, in order"
    commands, copy = environment_of(folder/'venv'), folder/'copy'
    copy.mkdir()
    copy_of(copy)
    version = subprocess.run([commands/'python', '-c', 'import nbdev; print(nbdev.__version__)'], capture_output=True,
                             text=True).stdout.strip()
    print(f'nbdev {version}, on a copy')
    step('its commands read settings.ini', [commands/'nbdev-export'], copy, found)
    step('nbdev-migrate-config', [commands/'nbdev-migrate-config'], copy, found)
    if (copy/'pyproject.toml').is_file():
        (copy/'settings.ini').unlink()
    shutil.rmtree(copy/'genrec')
    (copy/'genrec').mkdir()
    shutil.copy(root/'genrec'/'__init__.py', copy/'genrec')
    if step('nbdev-export', [commands/'nbdev-export'], copy, found):
        gone, other = changed_modules(copy)
        told = f'{len(gone)} gone, {len(other)} other: {[*gone, *other][:3]}'
        found.append(('modules', int(bool(gone or other)), told))
        print(f"{'BREAKS' if gone or other else 'ok    '} modules: {found[-1][2]}")
    for name in TRIED:
        test = [commands/'nbdev-test', f'nbs/{name}.ipynb', '--n-workers', '0']
        step(f'nbdev-test {name}', test, copy, found, PYTHONPATH=str(copy), HF_HUB_OFFLINE='1', MPLBACKEND='agg')
    step('nbdev-clean', [commands/'nbdev-clean'], copy, found)
    return version

def main(*args):
    keep = Path(args[args.index('--keep')+1]) if '--keep' in args else None
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        version = try_copy(folder, found)
    broken = [name for name, code, _ in found if code]
    print(f'{len(found)-len(broken)} of {len(found)} steps work with nbdev {version}'+
          (f'; what breaks: {", ".join(broken)}' if broken else ''))
    return 0

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

"""The road of a paper in miniature: walked, killed at random, walked on; the table is the same

    python tests/test_reproduce.py             the short form, as in `make test`: TIGER, killed once
    python tests/test_reproduce.py --long      all five papers; each killed ten times at a random stage
    python tests/test_reproduce.py --long utgrec --kills 20 --seed 3"""
import argparse, json, os, random, shutil, signal, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
SYSTEMS = 'tiger', 'letter', 'bbqrec', 'mql4grec', 'utgrec'
SHORT = '''
import sys, warnings
warnings.simplefilter('ignore')
from dataclasses import replace
from pathlib import Path
from genrec.study.mini_shops import MiniHost
from genrec.study.recipes import recipe
from genrec.study.reproduce import MINI_OPTIONS, road_of
from genrec.study.road import missing_stages, walk
folder,r = sys.argv[2],recipe('tiger')
road = road_of(replace(r, targets=r.targets[:1]), folder, **MINI_OPTIONS)
if not (Path(folder)/'tiger-mini/fetch/done.json').exists():
    with MiniHost(2014) as host:
        walk(replace(road, options=road.options | dict(mirror=host.address)), ('fetch',))
walk(road)
assert not missing_stages(road)
''' # one target alone: TIGER's road of --scale mini has three
WALK = '''
import sys, warnings
warnings.simplefilter('ignore')
from genrec.study.command import main
sys.exit(main(sys.argv[1:]))
'''

def start(*options):
    "A process that walks"
    own = dict(PYTHONPATH=str(root), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', OMP_NUM_THREADS='1')
    script = SHORT if options[0]=='short' else WALK
    command = [sys.executable, '-c', script, *('reproduce',)*(script==WALK), *map(str, options)]
    return subprocess.Popen(command, cwd=root, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, start_new_session=True)

def walked(*options):
    "Walk to the end; what was said"
    process = start(*options)
    said,errors = process.communicate()
    assert not process.returncode, f'{options}: {process.returncode}\n{said}\n{errors[-2000:]}'
    return said

def table(folder, system):
    "What was measured, of each target"
    return json.loads((folder/f'{system}-mini'/'measure'/'done.json').read_text())['said']

def begun(place):
    "Stages whose folders are there"
    return {path.name for path in place.iterdir() if path.is_dir()} if place.is_dir() else set()

def kill_at(folder, system, stage, wait, *, place=None):
    "Walk until a stage has begun, then so many seconds more; and kill. Whether it was killed before it was done"
    process = start(system, *('--data',)*(system!='short'), folder)
    while process.poll() is None and stage not in begun(folder/(place or f'{system}-mini')):
        time.sleep(.01)
    try:
        process.communicate(timeout=wait)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    return process.returncode==-signal.SIGKILL

def killed_and_walked(folder, system, stages, *, kills, draw):
    "Kill at stages drawn by chance, in their order, each some time after its beginning; then walk to the end"
    n = 0
    for stage in sorted(draw.choices(stages, k=kills), key=stages.index):
        n += kill_at(folder, system, stage, draw.uniform(0., 2.5))
    walked(system, '--data', folder)
    return n

def test_a_killed_walk_gives_the_same_table(tmp_path):
    whole,killed = tmp_path/'whole',tmp_path/'killed'
    said = walked('short', whole)
    stages = [line.split(':')[0] for line in said.splitlines() if ': ' in line and 'done before' not in line]
    assert stages==['fetch', 'filter', 'encode', 'tokenize', 'fine-tune', 'measure', 'page'], said
    for name in ('official', 'models'):
        shutil.copytree(whole/name, killed/name)
    for name in ('fetch', 'filter', 'encode', 'tokenize'): # what is not killed here is not walked again
        shutil.copytree(whole/'tiger-mini'/name, killed/'tiger-mini'/name)
    assert kill_at(killed, 'short', 'fine-tune', .5, place='tiger-mini'), 'nothing was killed'
    walked('short', killed)
    assert table(killed, 'tiger')==table(whole, 'tiger')
    page = (whole/'tiger-mini/page/page.html').read_text()
    assert 'paper: TIGER' in page and 'src=' not in page and 'http' in page

def long(systems, kills, seed):
    "Each system: once whole, once killed"
    for system in systems:
        with tempfile.TemporaryDirectory() as folder:
            whole,killed,begin = Path(folder)/'whole',Path(folder)/'killed',time.time()
            walked(system, '--data', whole)
            took = time.time()-begin
            stages = [line.name for line in sorted((whole/f'{system}-mini').iterdir(), key=lambda p: p.stat().st_mtime)
                      if line.is_dir()]
            draw = random.Random(f'{system} {seed}')
            n = killed_and_walked(killed, system, stages, kills=kills, draw=draw)
            same = table(killed, system)==table(whole, system)
            print(f'{system}: walked in {took:.0f} s; killed {n} of {kills} times, the same table: {same}', flush=True)
            assert same

if __name__=='__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('systems', nargs='*', default=SYSTEMS)
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0)
    asked = parser.parse_args()
    if asked.long:
        long(asked.systems, asked.kills, asked.seed)
    else:
        with tempfile.TemporaryDirectory() as folder:
            test_a_killed_walk_gives_the_same_table(Path(folder))

"""The road of a paper in miniature: walked, killed at random, walked on; the table is the same

    python tests/test_reproduce.py             the short form, as in `make test`: TIGER, killed once
    python tests/test_reproduce.py --long      all five papers; each killed ten times at a random stage
    python tests/test_reproduce.py --long utgrec --kills 20 --seed 3
    python tests/test_reproduce.py --ranks mql4grec  two processes; either is killed in the middle of `encode`"""
import argparse, json, os, random, shutil, signal, subprocess, sys, tempfile, threading, time
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
    own = dict(PYTHONPATH=str(root), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', OMP_NUM_THREADS='1',
               PYTHONUNBUFFERED='1')
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

def kill_at(folder, system, stage, wait):
    "Walk until a stage begins, then so many seconds more; and kill. The stage at which it was killed, '' at none"
    process,at,seen = start(system, *('--data',)*(system!='short'), folder),[''],threading.Event()
    def listen():
        for line in process.stdout:
            name,_,rest = line.partition(': ')
            at[0] = name if rest else at[0]
            if name==stage:
                seen.set()
        seen.set() # it came to its end
    thread = threading.Thread(target=listen)
    thread.start()
    seen.wait()
    try:
        process.wait(timeout=wait)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    thread.join()
    process.communicate()
    return at[0] if process.returncode==-signal.SIGKILL else ''

def killed_and_walked(folder, system, took, *, kills, draw):
    "Kill at stages drawn by chance, in their order, each within the seconds that it took; then walk to the end"
    at,stages = [],list(took)
    for stage in sorted(draw.choices(stages, k=kills), key=stages.index):
        at.append(kill_at(folder, system, stage, draw.uniform(0., took[stage])))
    walked(system, '--data', folder)
    return at

def test_a_killed_walk_gives_the_same_table(tmp_path):
    whole,killed = tmp_path/'whole',tmp_path/'killed'
    said = walked('short', whole)
    stages = [line.split(':')[0] for line in said.splitlines() if ': ' in line and 'done before' not in line]
    assert stages==['fetch', 'filter', 'encode', 'tokenize', 'fine-tune', 'measure', 'page'], said
    for name in ('official', 'models'):
        shutil.copytree(whole/name, killed/name)
    for name in ('fetch', 'filter', 'encode', 'tokenize'): # what is not killed here is not walked again
        shutil.copytree(whole/'tiger-mini'/name, killed/'tiger-mini'/name)
    assert kill_at(killed, 'short', 'fine-tune', .5)=='fine-tune', 'nothing was killed'
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
            seals = sorted((whole/f'{system}-mini').glob('*/done.json'), key=lambda path: path.stat().st_mtime)
            stages = {seal.parent.name: json.loads(seal.read_text())['seconds'] for seal in seals}
            draw = random.Random(f'{system} {seed}')
            at = [stage for stage in killed_and_walked(killed, system, stages, kills=kills, draw=draw) if stage]
            same = table(killed, system)==table(whole, system)
            print(f'{system}: walked in {took:.0f} s; killed {len(at)} of {kills} times, at {", ".join(at)}; '
                  f'the same table: {same}', flush=True)
            assert same

TORCHRUN = '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', '2'

def process_of(torchrun, rank):
    "The process that torchrun started for a rank, None before it did"
    for path in Path('/proc').glob('[0-9]*'):
        try:
            parent = int((path/'stat').read_text().rsplit(')', 1)[1].split()[1])
            if parent==torchrun and f'RANK={rank}' in (path/'environ').read_text().split('\0'):
                return int(path.name)
        except OSError: # it has ended meanwhile
            continue
    return None

def walked_by_two(folder, system, dies=None):
    "Two processes walk; `dies` is killed when a first shard is there. Which shards were there at the end"
    shards,kept = folder/f'{system}-mini/encode/work',set()
    script = folder.parent/'walk.py'
    script.write_text(WALK)
    own = dict(PYTHONPATH=str(root), GENREC_PROGRESS='off', HF_HUB_OFFLINE='1', OMP_NUM_THREADS='1')
    process = subprocess.Popen([sys.executable, *TORCHRUN, script, 'reproduce', system, '--data', folder],
                               env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if dies is not None:
        before = set(shards.glob('*-*.safetensors'))
        while process.poll() is None and not set(shards.glob('*-*.safetensors'))-before:
            time.sleep(.001)
        os.kill(process_of(process.pid, dies), signal.SIGKILL)
    errors = process.communicate()[1]
    assert (process.returncode!=0)==(dies is not None), errors[-3000:]
    if dies is not None:
        kept = {path: path.stat().st_mtime_ns for path in shards.glob('*-*.safetensors')}
        assert kept and not (shards.parent/'done.json').exists(), 'it was not killed in the middle of `encode`'
    return kept

def ranks(systems):
    "Each system by two processes: whole, and with either killed in the middle of `encode`"
    for system in systems:
        with tempfile.TemporaryDirectory() as folder:
            whole,killed = Path(folder)/'whole',Path(folder)/'killed'
            walked_by_two(whole, system)
            first = walked_by_two(killed, system, dies=1)
            second = walked_by_two(killed, system, dies=0)
            anew = [path.name for path,when in first.items() if second.get(path)!=when]
            walked_by_two(killed, system)
            same = table(killed, system)==table(whole, system)
            print(f'{system}: {len(first)} shards after rank 1 was killed, {len(second)} after rank 0; read anew: '
                  f'{anew}; the same table: {same}', flush=True)
            assert same and not anew

if __name__=='__main__':
    parser = argparse.ArgumentParser()
    parser.add_argument('systems', nargs='*', default=SYSTEMS)
    parser.add_argument('--long', action='store_true')
    parser.add_argument('--ranks', action='store_true')
    parser.add_argument('--kills', type=int, default=10)
    parser.add_argument('--seed', type=int, default=0)
    asked = parser.parse_args()
    if asked.ranks:
        ranks(asked.systems)
    elif asked.long:
        long(asked.systems, asked.kills, asked.seed)
    else:
        with tempfile.TemporaryDirectory() as folder:
            test_a_killed_walk_gives_the_same_table(Path(folder))

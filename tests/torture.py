"""What may befall a training, a file or a text, tried at random until the time is over

    python tests/torture.py --minutes 10 [--seed N] [--only KIND ...] [--resume FILE] [--case KIND/NUMBER]

A case is made of the seed, its kind and its number, so `--seed N --case damage/17` tries it again. `--resume FILE`
keeps what was tried in FILE and goes on from there. Ends with a table *kind | tried | held | failed* and with
`N passed, N failed`; the exit code is 1 where something failed."""
import argparse, json, os, random, sys, tempfile, time
os.environ.update(IN_TEST='1', HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', MPLBACKEND='agg')
os.environ.setdefault('OMP_NUM_THREADS', '1')
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE.parent, HERE):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
KINDS = ('kills','interrupts','races','disks','damage','foreign','fuzz','hostile')
LONGEST = 150 # seconds of one case; a longer one hangs

@dataclass
class Tried:
    "What became of the cases of a kind"
    kind:str
    number:int=0  # of the next case
    held:int=0
    failed:list=field(default_factory=list) # of (number, what happened)
    seconds:float=0.

def one(kind, seed, number):
    "Try a case in a process of its own; what happened where it did not hold, else nothing; and what was tried"
    from torture_kinds.common import Process
    rng = random.Random(f'{seed}/{kind}/{number}')
    with tempfile.TemporaryDirectory() as folder:
        process = Process(import_module(f'torture_kinds.{kind}').case, rng, Path(folder))
        end,value = process.wait(LONGEST)
    if end=='gave':
        return '',value
    if end=='raised':
        return (value[1] if value[0]=='Broken' else f'{value[0]}: {value[1]}\n{value[3]}'),''
    return f'the case {end}: {value}',''

def attempt(tried, seed):
    "Try the next case of a kind and count it"
    start = time.time()
    trouble,said = one(tried.kind, seed, tried.number)
    if trouble:
        tried.failed.append((tried.number, trouble))
    else:
        tried.held += 1
    tried.number += 1
    tried.seconds += time.time()-start
    return trouble,said

def table(all_tried):
    "kind | tried | held | failed"
    lines = ['| kind | tried | held | failed |', '|---|---:|---:|---:|']
    lines += [f'| {t.kind} | {t.held+len(t.failed)} | {t.held} | {len(t.failed)} |' for t in all_tried]
    return '\n'.join(lines)

def kept(path, seed, kinds):
    "(seed, what was tried) as a file has it, or from the start"
    if path and Path(path).is_file():
        said = json.loads(Path(path).read_text())
        there = {row['kind']: Tried(**row) for row in said['tried']}
        return said['seed'],[there.get(kind, Tried(kind)) for kind in kinds]
    return seed,[Tried(kind) for kind in kinds]

def keep(path, seed, all_tried):
    "Write down what was tried"
    if path:
        from genrec.core.record import write_atomic
        write_atomic(path, json.dumps(dict(seed=seed, tried=[vars(tried) for tried in all_tried])))

def torture(kinds=KINDS, *, minutes=None, cases=None, seed=0, resume=None, say=print):
    "Cases of each kind in turn, as long as there are minutes, or so many of each kind"
    from genrec.core.progress import progress
    from torture_kinds.common import warm
    if set(kinds)&set(KINDS):
        warm()
    seed,all_tried = kept(resume, seed, kinds)
    say(f'seed {seed}', flush=True)
    until = time.time()+60*minutes if minutes else float('inf')
    bar = progress(total=len(kinds)*cases if cases else round(60*minutes), desc='torture')
    begun = time.time()
    while time.time()<until:
        due = [tried for tried in all_tried if not cases or tried.number<cases]
        if not due:
            break
        tried = min(due, key=lambda t: t.seconds) # each kind has its share of the time
        trouble,_ = attempt(tried, seed)
        if trouble:
            say(f'FAILED --seed {seed} --case {tried.kind}/{tried.number-1}: {trouble[:1500]}', flush=True)
        keep(resume, seed, all_tried)
        bar.update(1 if cases else round(time.time()-begun)-bar.n)
        bar.set_postfix_str(f'{sum(t.held for t in all_tried)} held, {sum(len(t.failed) for t in all_tried)} failed')
    bar.close()
    return all_tried

def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--minutes', type=float, default=10.)
    parser.add_argument('--seed', type=int, default=None, help='default: drawn, and printed')
    parser.add_argument('--only', choices=KINDS, nargs='+', default=KINDS)
    parser.add_argument('--resume', help='a file that keeps what was tried')
    parser.add_argument('--case', help='KIND/NUMBER: try this one again')
    asked = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    if asked.case:
        kind,_,number = asked.case.partition('/')
        trouble,said = one(kind, seed, int(number))
        print(trouble or f'held: {said}')
        return int(bool(trouble))
    all_tried = torture(tuple(asked.only), minutes=asked.minutes, seed=seed, resume=asked.resume)
    print(table(all_tried))
    failed = sum(len(tried.failed) for tried in all_tried)
    print(f'{sum(tried.held for tried in all_tried)} passed, {failed} failed')
    return int(failed>0)

if __name__=='__main__':
    sys.exit(main())

"""Eight processes over one `runs/` and one store, some killed: nothing lost, doubled or dead"""
import random, time
import torch
from genrec.core.record import Run, load_runs
from genrec.core.store import Store
from genrec.study.runner import Job, run_jobs
from .common import Broken, Process, run

LANES = 8

def _quiet(*_, **__): pass

def _job(system, seed, generation):
    def make():
        time.sleep(random.uniform(0, .01))
        return Run('any', 'any', {}, {'recall@10': seed/10+generation}, seconds=dict(train=.01))
    return Job(system=system, data='shop', seed=seed, make=make, config=dict(generation=generation))

def _jobs(generation): return [_job('abc'[i%3], i//3, generation) for i in range(9)]

def _rows(folder):
    runs = load_runs(folder)
    rows = [(run.system, run.data, run.seed) for run in runs]
    if len(set(rows))<len(rows): raise AssertionError(f'two rows of one run: {sorted(rows)}')
    return set(rows)

def _lane(folder, number, seed, seconds):
    "Run jobs of changing settings, and look at the rows, as a board does"
    rng,until,seen = random.Random(seed),time.time()+seconds,set()
    while time.time()<until:
        run_jobs(_jobs(rng.randint(0, 3)), folder, lane=(number, LANES), say=_quiet)
        rows = _rows(folder)
        if seen-rows: raise AssertionError(f'rows are lost: {seen-rows}')
        seen |= rows

def _numbers(n, seed):
    time.sleep(.002)
    return torch.randn(n, generator=torch.Generator().manual_seed(seed))

def _user(folder, number, seed, seconds):
    "Ask the store for results, and check each"
    rng,until,store = random.Random(seed),time.time()+seconds,Store(folder)
    while time.time()<until:
        for path in folder.glob('*.safetensors') if rng.random()<.05 else ():
            path.unlink(missing_ok=True) # it is a cache
        n,s = rng.randint(1, 3000),rng.randint(0, 3)
        n = 1000*(1+n//1000)
        if not torch.equal(store.get(_numbers, n=n, seed=s), _numbers(n, s)):
            raise AssertionError('another result')

def _race(rng, what, folder, seconds):
    "Processes of which some are killed and replaced; `Broken` where one dies of itself"
    def begin(number): return Process(what, folder, number, rng.random(), until-time.time())
    until,killed = time.time()+seconds,0
    lanes = {number: begin(number) for number in range(LANES)}
    try:
        while time.time()<until-.1:
            time.sleep(rng.uniform(.01, .12))
            number = rng.randrange(LANES)
            lanes[number].kill()
            killed += 1
            _check(what, lanes[number].wait(30), 'gave', 'died')
            lanes[number] = begin(number)
        for lane in lanes.values():
            _check(what, lane.wait(60), 'gave')
    finally:
        for lane in lanes.values():
            lane.kill()
    return killed

def _check(what, end, *good):
    "Refuse the end of a process that is none of the good ones"
    kind,value = end
    if kind not in good: raise Broken(f"{what.__name__}: {kind} {value[3] if kind=='raised' else value}")

def _finish(folder):
    "The last sitting"
    jobs = _jobs(9)
    run_jobs(jobs, folder, say=_quiet)
    runs = load_runs(folder)
    found = sorted((run.system, run.seed, run.metrics['recall@10']) for run in runs)
    if found!=sorted((job.system, job.seed, job.seed/10+9) for job in jobs):
        raise AssertionError(f'wanted a row for each of {len(jobs)} jobs, got {found}')

def lanes(rng, folder, seconds=1.5):
    "Run files"
    killed = _race(rng, _lane, folder, seconds)
    run(_finish, folder)
    return f'{LANES} lanes over one runs/, {killed} killed'

def users(rng, folder, seconds=1.5):
    "A store"
    killed = _race(rng, _user, folder, seconds)
    return f'{LANES} processes over one store, {killed} killed'

def case(rng, folder): return rng.choice((lanes, lanes, users))(rng, folder)

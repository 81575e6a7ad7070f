"""A disk that is full after some bytes: an OSError, and the old file or none, never half of one"""
import resource, shutil, signal
from .common import Broken, last_frames, run, short
from .saved import PACKED, SAVED

WRITTEN = [kind for kind in SAVED if kind not in PACKED and kind!='store']

def _size(folder): return sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())

def _largest(folder): return max(path.stat().st_size for path in folder.rglob('*') if path.is_file())

def _read(kind, folder):
    try:
        return SAVED[kind][1](folder)
    except Exception as error:
        return f'{type(error).__name__}: {error}'

def _wanted(kind, folder, seed):
    "What is read where there is room"
    folder.mkdir()
    SAVED[kind][0](folder, seed)
    return _read(kind, folder),_largest(folder)

def _full(kind, folder, room, wanted, before):
    "Write where a file may have so many bytes; a text where that did not go as it should"
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    trouble = None
    try:
        SAVED[kind][0](folder, 2)
    except Exception as error:
        trouble = error
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    if trouble is not None and not isinstance(trouble, OSError):
        return f'{type(trouble).__name__} in place of an OSError: {trouble} ({last_frames(trouble)})'
    found = _read(kind, folder)
    if trouble is None and found!=wanted:
        return f'nothing was said, and what is read is {short(found)}'
    if trouble is not None and found not in (before, wanted):
        loads = not (isinstance(found, str) and ('NotFound' in found or 'StopIteration' in found))
        if before is not None or (loads and not _told(found)):
            return f'after {short(trouble)} there is neither the old nor the new, but {short(found)}'
    SAVED[kind][0](folder, 2)
    found = _read(kind, folder)
    return '' if found==wanted else f'written again with room, it reads as {short(found)}'

def _told(found):
    "Whether reading said that the thing is broken"
    return isinstance(found, str) and found.startswith(('ValueError','OSError','FileNotFoundError'))

def case(rng, folder):
    kind = rng.choice(WRITTEN)
    wanted,size = run(_wanted, kind, folder/'wanted', 2)
    before,target = None,folder/'target'
    target.mkdir()
    if rng.random()<.5:
        before = run(_wanted, kind, folder/'before', 1)[0]
        shutil.copytree(folder/'before', target, dirs_exist_ok=True)
    if kind=='run' and before is not None:
        before,target = None,folder/'empty' # a run with other settings has another name
        target.mkdir()
    room = rng.choice((0, 1, size-1, rng.randint(0, size)))
    trouble = run(_full, kind, target, room, wanted, before)
    said = f'{kind}, room for {room} of {size} bytes, {"over an old one" if before is not None else "new"}'
    if trouble: raise Broken(f'{said}: {trouble}')
    return said

"""Flipped bits and cut ends of what is saved and of packed inputs: an error that names the file, or nothing lost"""
import warnings
from .common import Broken, is_ours, last_frames, run, short
from .saved import SAVED

def _written(kind, folder, seed):
    folder.mkdir()
    SAVED[kind][0](folder, seed)
    return SAVED[kind][1](folder)

def _hurt(rng, path):
    "Damage a file; says how"
    data = bytearray(path.read_bytes())
    how = rng.choice(('flip','flip','flip','cut','empty','zeros','doubled'))
    if how=='doubled' and path.suffix in ('.gz','.bz2','.xz','.zst','.lz4'):
        how = 'cut' # a packed file behind itself is no damage: its members are read one after the other
    if how=='flip':
        bit = rng.randrange(8*len(data))
        data[bit//8] ^= 1<<bit%8
        how = f'bit {bit} of {8*len(data)}'
    elif how=='cut':
        left = rng.randrange(len(data))
        how,data = f'cut to {left} of {len(data)} bytes',data[:left]
    elif how=='zeros':
        at = rng.randrange(len(data))
        data[at:at+64] = bytes(len(data[at:at+64]))
        how = f'zeros from byte {at} of {len(data)}'
    elif how=='doubled':
        data = data+data
    else:
        data = bytearray()
    path.write_bytes(bytes(data))
    return how

def _read(kind, folder, wanted, name):
    "What is wrong with reading it"
    warnings.simplefilter('ignore')
    try:
        found = SAVED[kind][1](folder)
    except (ValueError, OSError) as error:
        named = any(part in str(error) for part in (name, name.split('.')[0], str(folder)))
        if not is_ours(error):
            return f'raw {type(error).__name__}: {short(str(error))} ({last_frames(error)})'
        return '' if named else f'the file is not named: {short(str(error))}'
    except Exception as error:
        return f'raw {type(error).__name__}: {short(str(error))} ({last_frames(error)})'
    if repr(found)==repr(wanted): # NaN is NaN
        return ''
    pairs = [(a, b) for a,b in zip(repr(found).split(), repr(wanted).split()) if a!=b]
    if not pairs:
        return 'less or more came back'
    return f'another value without a word: {pairs[0][0][:60]} for {pairs[0][1][:60]}'

def case(rng, folder):
    kind = rng.choice(list(SAVED))
    where = folder/'saved'
    wanted = run(_written, kind, where, 1)
    files = sorted(path for path in where.rglob('*') if path.is_file() and path.stat().st_size)
    path = rng.choice(files)
    said = f'{kind}, {path.name}: {_hurt(rng, path)}'
    if trouble := run(_read, kind, where, wanted, path.name): raise Broken(f'{said}: {trouble}')
    return said

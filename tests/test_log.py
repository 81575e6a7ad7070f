"""Saved logs and splits of which one file is broken: each is refused, and the message says why"""
import json, os, warnings
from functools import partial
from unittest import mock
import numpy as np, torch
from fastcore.test import expect_fail
from genrec.core.sealed import _noted
from genrec.core.values import Histories, Samples, Split
from genrec.data.log import index_log, load_log, load_split, save_log, save_split

LOG = index_log(dict(user=['ann','ann','bob','eve'], item=['x','','x','y'], time=[1,2,-3,2**62]))

def make_split():
    "Two training samples and one to test, all of one log"
    def samples(user, start, end, target):
        user,start,end,target = (torch.tensor(x, dtype=torch.int64) for x in (user, start, end, target))
        return Samples(user, Histories(LOG.item, start, end), target)
    train,test = samples([0,1], [0,2], [1,2], [0,1]),samples([0], [0], [1], [0])
    return Split(train=train, valid=samples([], [], [], []), test=test, n_items=3, rule='by hand')

def replaced(old, new): return lambda data: data.replace(old, new)
def first(n): return lambda data: data[:n]

LOGS = [ # file, what happens to it, what is said; with checksums, and without
    ('item.npy', first(-8), 'was cut off', 'should hold 4 int64 numbers and does not'),
    ('item.npy', first(20), 'was cut off', 'was the copy cut off?'),
    ('item.npy', first(0), 'item.npy', 'item.npy'),
    ('time.npy', replaced(b'<i8', b'<f8'), 'time.npy is damaged', 'it holds float64 (4,)'),
    ('users.parquet', first(30), 'users.parquet is damaged', 'users.parquet cannot be read'),
    ('about.json', replaced(b'"format": 1', b'"format": 2'), 'is damaged', 'is of format 2, this genrec reads 1'),
    ('about.json', replaced(b'"users": 3', b'"users": 4'), 'is damaged', 'holds 3 names, about.json says 4'),
    ('about.json', replaced(b'"user": 4', b'"user": 5'), 'is damaged', 'should have one length'),
    ('about.json', first(1), 'save the log again', 'save the log again'),
    ('about.json', replaced(b'"log"', b'"split"'), 'is damaged', "holds a 'split', wanted a log"),
]
SPLITS = [
    ('train.end.npy', first(-1), 'was cut off', 'train.end.npy should hold 2'),
    ('about.json', replaced(b'test.end', b'test.fin'), 'is damaged', "lacks ['test.end']"),
    ('about.json', replaced(b'n_items', b'items'), 'is damaged', "lacks ['n_items']"),
]

def without_seal(folder):
    "A folder as earlier versions wrote it"
    about = json.loads((folder/'about.json').read_text())
    older = {name: value for name,value in about.items() if name not in ('seal','sums')}
    (folder/'about.json').write_text(json.dumps(older))

def spoil(file, change):
    "Change a file's bytes, and see that they changed"
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes()!=before

def refused(folder, save, load, case):
    name,change,*reasons = case
    for i,why in enumerate(reasons):
        own = folder/str(i)
        save(own)
        if i:
            without_seal(own)
        spoil(own/name, change)
        with warnings.catch_warnings(), expect_fail((ValueError,FileNotFoundError), contains=why):
            warnings.simplefilter('ignore')
            load(own)

def test_spoiled_logs(tmp_path):
    for i,case in enumerate(LOGS):
        refused(tmp_path/str(i), partial(save_log, LOG), load_log, case)

def test_spoiled_splits(tmp_path):
    for i,case in enumerate(SPLITS):
        refused(tmp_path/str(i), partial(save_split, make_split()), load_split, case)

def test_without_checksums_a_log_is_read_with_a_note(tmp_path):
    save_log(LOG, tmp_path/'log')
    without_seal(tmp_path/'log')
    _noted.clear()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        for _ in range(2):
            assert load_log(tmp_path/'log').items==LOG.items
    assert [str(w.message).partition(', as an older')[0] for w in told]==[f"{tmp_path/'log'} carries no checksum"]

def test_killed_between_two_renames(tmp_path):
    "Where a system cannot exchange two folders; a reader finds the new log, and a writer too"
    older = index_log(dict(user=['a'], item=['b'], time=[1]))
    def die(*paths):
        real(*paths)
        if paths[1].name.endswith('-old'): raise KeyboardInterrupt
    for use in (load_log, lambda folder: save_log(LOG, folder)):
        folder = tmp_path/'log'
        save_log(older, folder)
        real = os.rename
        with mock.patch('genrec.core.writing._exchange', side_effect=OSError), mock.patch('os.rename', die), \
                mock.patch('shutil.rmtree'), expect_fail(KeyboardInterrupt):
            save_log(LOG, folder)
        assert not folder.exists()
        use(folder)
        assert load_log(folder).items==LOG.items

def test_pickles_are_never_read(tmp_path):
    save_log(LOG, tmp_path/'log')
    np.save(tmp_path/'log'/'item.npy', np.array([object()], dtype=object), allow_pickle=True)
    with expect_fail(ValueError, contains='item.npy should hold 4 int64 numbers'):
        load_log(tmp_path/'log', verify=False)

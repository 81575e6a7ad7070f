"""Saved logs and splits of which one file is broken: each is refused, and the message says why"""
import numpy as np, torch
from fastcore.test import expect_fail
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

LOGS = [ # file, what happens to it, what is said
    ('item.npy', first(-8), 'should hold 4 int64 numbers and does not'),
    ('item.npy', first(20), 'was the copy cut off?'),
    ('item.npy', first(0), 'item.npy'),
    ('time.npy', replaced(b'<i8', b'<f8'), 'it holds float64 (4,)'),
    ('users.parquet', first(30), 'users.parquet cannot be read'),
    ('about.json', replaced(b'"format": 1', b'"format": 2'), 'is of format 2, this genrec reads 1'),
    ('about.json', replaced(b'"users": 3', b'"users": 4'), 'holds 3 names, about.json says 4'),
    ('about.json', replaced(b'"user": 4', b'"user": 5'), 'should have one length'),
    ('about.json', first(1), 'cannot be read; save the log again'),
    ('about.json', replaced(b'"log"', b'"split"'), "holds a 'split', wanted a log"),
]
SPLITS = [
    ('train.end.npy', first(-1), 'train.end.npy should hold 2'),
    ('about.json', replaced(b'test.end', b'test.fin'), "lacks ['test.end']"),
    ('about.json', replaced(b'n_items', b'items'), "lacks ['n_items']"),
]

def spoil(file, change):
    "Change a file's bytes, and see that they changed"
    before = file.read_bytes()
    file.write_bytes(change(before))
    assert file.read_bytes()!=before

def test_spoiled_logs(tmp_path):
    for i,(name,change,why) in enumerate(LOGS):
        folder = tmp_path/str(i)
        save_log(LOG, folder)
        spoil(folder/name, change)
        with expect_fail(ValueError, contains=why): load_log(folder)

def test_spoiled_splits(tmp_path):
    for i,(name,change,why) in enumerate(SPLITS):
        folder = tmp_path/str(i)
        save_split(make_split(), folder)
        spoil(folder/name, change)
        with expect_fail(ValueError, contains=why): load_split(folder)

def test_pickles_are_never_read(tmp_path):
    save_log(LOG, tmp_path/'log')
    np.save(tmp_path/'log'/'item.npy', np.array([object()], dtype=object), allow_pickle=True)
    with expect_fail(ValueError, contains='item.npy should hold 4 int64 numbers'): load_log(tmp_path/'log')

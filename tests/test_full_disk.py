"""A disk that is full: one kind of error, which names what was to be written, and what was there stays whole"""
import errno, resource, signal
from contextlib import contextmanager
import torch
from genrec.codes.index_json import load_index, save_index
from genrec.core.checkpoint import load_checkpoint, save_checkpoint
from genrec.core.record import Run
from genrec.core.values import SemanticIds, set_seed
from genrec.data.log import index_log, load_log, save_log
from genrec.data.sources import load_interactions, save_interactions
from genrec.quantize.rqvae import RQVAE

@contextmanager
def room(n):
    "No file may become larger than `n` bytes"
    was,handler = resource.getrlimit(resource.RLIMIT_FSIZE),signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n, was[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, was)
        signal.signal(signal.SIGXFSZ, handler)

def is_told(save, folder, path):
    "The old one is saved, the new one does not fit"
    save(path, 1)
    before = {p: p.read_bytes() for p in folder.rglob('*') if p.is_file()}
    try:
        with room(600):
            save(path, 2000)
    except OSError as e:
        full = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
        assert e.errno in full and 'no room for' in str(e) and path.name in str(e), e
    else:
        raise AssertionError(f'{path.name} was written')
    assert {p: p.read_bytes() for p in folder.rglob('*') if p.is_file()}==before

def saved_log(path, n): save_log(index_log(dict(user=['a']*n, item=['b']*n, time=[1]*n)), path)

def saved_model(path, n):
    set_seed(0)
    RQVAE(6, sizes=(4,4), hidden=(8 if n==1 else n,), code_dim=3).save_pretrained(path)

def saved_table(path, n):
    user,item = [f'u{i*i}' for i in range(n)],[f'i{i*i}' for i in range(n)]
    save_interactions(dict(user=user, item=item, time=list(range(n))), path)

def saved_ids(path, n): save_index(SemanticIds(torch.arange(n)[:,None]%5, (5,)), path)

def saved_state(path, n): save_checkpoint(path, {'x': torch.arange(n)}, {})

def test_each_kind(tmp_path):
    kinds = dict(log=saved_log, model=saved_model, fit=saved_state, ids=saved_ids)
    for name,save in kinds.items():
        (tmp_path/name).mkdir()
        is_told(save, tmp_path/name, tmp_path/name/f'x.{name}')
    for kind in ('csv', 'parquet'):
        (tmp_path/kind).mkdir()
        is_told(saved_table, tmp_path/kind, tmp_path/kind/f'x.{kind}')
    assert len(load_log(tmp_path/'log'/'x.log'))==1 and load_checkpoint(tmp_path/'fit'/'x.fit')
    assert len(load_index(tmp_path/'ids'/'x.ids'))==1
    assert RQVAE.from_pretrained(tmp_path/'model'/'x.model').sizes==(4,4)
    assert load_interactions(tmp_path/'csv'/'x.csv').count().to_pyarrow().as_py()==1

def test_run_files(tmp_path):
    def save(path, n): Run('a', 'b', dict(k=1), dict(m=1.), ranks=torch.zeros(n, dtype=torch.int64)).save(tmp_path)
    save(None, 1)
    file, = tmp_path.rglob('*.json')
    is_told(save, tmp_path, file)

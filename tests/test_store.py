"""The store under processes that are killed or run at the same time"""
import os, subprocess, sys
from pathlib import Path
import genrec, torch
from genrec.core.store import Store

HEAD = """
import os, sys, time, signal, torch
from pathlib import Path
from genrec.core.store import Store
store = Store(sys.argv[1])
"""

# every file that is written as a whole kills the process when half of its bytes are there
DIE = """
def half(path, data):
    with open(path, 'wb') as f:
        f.write(data[:len(data)//2])
    os.kill(os.getpid(), signal.SIGKILL)
Path.write_bytes = half
"""

ONES = "def ones(n): return torch.ones(n)\n"

# waits until both processes are here, so that neither finds the other's result
SLOW = """
def slow(n):
    Path(sys.argv[1]+sys.argv[2]).touch()
    assert n not in {'sets','have','no','order'}
    for _ in range(3000):
        if all(Path(sys.argv[1]+i).exists() for i in 'ab'): return torch.arange(n)
        time.sleep(.01)
print(store.get(slow, n=100_000).sum().item())
"""

def start(code, folder, *args):
    "A process that runs `code` with a store in `folder`"
    root = str(Path(genrec.__file__).parent.parent)
    command = [sys.executable, '-c', HEAD+code, str(folder), *args]
    return subprocess.Popen(command, env={**os.environ, 'PYTHONPATH':root},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

def ones(n): return torch.ones(n)

def test_killed_in_the_middle_of_a_write(tmp_path):
    "What is left is a temporary file that nobody reads; the next process starts from nothing"
    store = Store(tmp_path/'killed')
    job = start(ONES+DIE+"store.get(ones, n=1000)", store.folder)
    job.communicate(timeout=60)
    left = list(store.folder.iterdir())
    assert (job.returncode, len(left)) == (-9, 1) and left[0].suffix!='.safetensors'
    assert 1500<left[0].stat().st_size<2500 # about half of 4,000 bytes
    assert store.get(ones, n=1000).sum().item()==1000
    assert len(list(store.folder.glob('*.safetensors')))==1

def test_what_killed_writers_left_is_swept_when_it_is_old(tmp_path):
    store = Store(tmp_path/'killed')
    job = start(ONES+DIE+"store.get(ones, n=1000)", store.folder)
    job.communicate(timeout=60)
    left, = store.folder.iterdir()
    earlier = store.folder/('.vectors-0123456789abcdef0123456789abcdef'[:41]+'abcd_123') # as earlier versions called it
    mine = store.folder/'.bash_history'
    for path in (earlier, mine):
        path.touch()
    store.get(ones, n=1)
    assert left.exists() and earlier.exists()
    for path in (left, earlier, mine):
        os.utime(path, (0, 0))
    store.get(ones, n=2)
    assert [path.exists() for path in (left, earlier, mine)]==[False, False, True]

def test_two_processes_at_once(tmp_path):
    "Both compute and write the same thing: each renames a whole file over the other's, and both have the right answer"
    store = Store(tmp_path/'race')
    jobs = [start(SLOW, store.folder, i) for i in 'ab']
    assert [j.communicate(timeout=60)[0].strip() for j in jobs]==[str(100_000*99_999//2)]*2
    assert [f.suffix for f in store.folder.iterdir()]==['.safetensors']

"""100 million interactions on one machine: 5-core, index, leave-one-out, stored, mapped back; seconds and peak memory

    python bench/data100m.py [--rows 100000000] [--threads 2] [--folder where there are 6 GB free]

The figures are one line of JSON. The log is made in a temporary folder and goes with it. Bars tell how far it is."""
import argparse, json, os, resource, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'bench')]

def child(path, threads):
    "The whole path in this process"
    from data import K, peak
    t0, steps = time.perf_counter(), []
    def step(name):
        nonlocal t0
        steps.append(dict(step=name, seconds=round(time.perf_counter()-t0, 1), peak_mb=round(peak())))
        seconds,most = steps[-1]['seconds'],steps[-1]['peak_mb']
        print(f"{name:14} {seconds:8.1f} s   peak so far {most:,} MB", file=sys.stderr, flush=True)
        t0 = time.perf_counter()
    import ibis, torch
    torch.set_num_threads(int(threads))
    from genrec.data.filter import Report, k_core
    from genrec.data.log import index_log, load_log, load_split, save_log, save_split
    from genrec.data.split import leave_one_out
    step('imports')
    con, report = ibis.duckdb.connect(threads=int(threads)), Report()
    t = k_core(con.read_parquet(path), k=K, report=report)
    step('k_core')
    log = index_log(t)
    del t
    step('index_log')
    split = leave_one_out(log)
    step('leave_one_out')
    parts = dict(train=len(split.train), valid=len(split.valid), test=len(split.test))
    counts = dict(before=report[0].before, after=report[0].after, **parts)
    folder = Path(path).parent
    save_log(log, folder/'log')
    save_split(split, folder/'split')
    step('save')
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_seconds = round(used.ru_utime+used.ru_stime, 1)
    print(json.dumps(dict(steps=steps, peak_mb=round(peak()), cpu_seconds=cpu_seconds, **counts)))

def mapped(folder):
    "What a training process does first: open the stored split, take a batch"
    from data import peak
    import torch
    from genrec.data.log import load_split
    before, t = peak(), time.perf_counter()
    s = load_split(Path(folder)/'split')
    opened = time.perf_counter()-t
    at = torch.randint(len(s.train), (256,), generator=torch.Generator().manual_seed(0))
    assert s.train[at].history.last(20).start.shape==(256,)
    batch = [s.train.history[int(i)][-20:].tolist() for i in at]
    seconds = dict(open_seconds=round(opened, 3), first_batch_seconds=round(time.perf_counter()-t, 3))
    print(json.dumps(dict(seconds, more_mb=round(peak()-before), longest=max(map(len, batch)))))

def own_process(*args, threads):
    "What this file prints in a process of its own, started with other arguments"
    env = os.environ | dict(OMP_NUM_THREADS=str(threads), HF_HUB_OFFLINE='1')
    done = subprocess.run([sys.executable, __file__, *args], env=env, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f'failed with {done.returncode} (-9: out of memory)')
    return json.loads(done.stdout.splitlines()[-1])

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--rows', type=int, default=100_000_000)
    p.add_argument('--threads', type=int, default=2)
    p.add_argument('--folder', help='for the temporary files')
    p.add_argument('--out', default=None, help='file for the JSON line too')
    p.add_argument('--child', nargs=2, help=argparse.SUPPRESS)
    p.add_argument('--mapped', help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        return child(*a.child)
    if a.mapped:
        return mapped(a.mapped)
    from data import make_log
    with tempfile.TemporaryDirectory(prefix='genrec-bench-', dir=a.folder) as d:
        t = time.perf_counter()
        make_log(f'{d}/log.parquet', a.rows)
        gigabytes = os.path.getsize(f'{d}/log.parquet')/1e9
        print(f'made {a.rows:,} rows in {time.perf_counter()-t:.0f} s, {gigabytes:.1f} GB', file=sys.stderr, flush=True)
        made = own_process('--child', f'{d}/log.parquet', str(a.threads), threads=a.threads)
        res = dict(rows=a.rows, threads=a.threads, **made, mapped=own_process('--mapped', d, threads=a.threads))
    res['seconds'] = round(sum(s['seconds'] for s in res['steps'][1:4]), 1)
    print(json.dumps(res))
    if a.out:
        Path(a.out).write_text(json.dumps(res, indent=1)+'\n')

if __name__ == '__main__':
    main()

"""5-core to the fixed point and leave-one-out on a made-up power-law log, ours and others, each in a process of its own

    python bench/data.py [--rows 10000000] [--only ours polars ...] [--format parquet] [--out runs/bench/data.json]

All start from one file of names and end with the same rows (user, item, time, place, part), which is checked.
Seconds are from the open file to the finished split, without imports; peak memory is that of the whole process."""
import argparse, json, os, platform, re, resource, subprocess, sys, tempfile, time
from pathlib import Path

root = Path(__file__).resolve().parent.parent
ROWS, K = 10_000_000, 5

# The log. Everything is drawn block by block from (seed, block), so that a log of any length is made in little memory.
def make_log(path, rows, seed=0, block=1_000_000):
    "A Parquet file: string ids as Amazon has them, frequencies of users and items fall as power laws, rows in no order"
    import numpy as np, pyarrow as pa, pyarrow.parquet as pq
    digits = np.frombuffer(b'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ', np.uint8)
    n_users, n_items = max(rows*3//10, 10), max(rows*6//100, 10)
    def names(num, head, width):
        "Number -> `head` and so many base-36 digits that look random"
        letters, rest = len(head)+width, num.astype(np.uint64)*np.uint64(0x9E3779B97F4A7C15)
        out = np.empty((len(num), letters), np.uint8)
        out[:,:len(head)] = np.frombuffer(head.encode(), np.uint8)
        for j in range(len(head), letters):
            out[:,j] = digits[(rest%np.uint64(36)).astype(np.intp)]
            rest //= np.uint64(36)
        starts = np.arange(0, (len(num)+1)*letters, letters, dtype=np.int32)
        return pa.StringArray.from_buffers(len(num), pa.py_buffer(starts), pa.py_buffer(out))
    def draw(rng, n, size, power): return np.minimum((size*rng.random(n)**power).astype(np.int64), size-1)
    schema = pa.schema(dict(user=pa.string(), item=pa.string(), rating=pa.float32(), time=pa.int64()))
    with pq.ParquetWriter(path, schema, compression='zstd') as w:
        for b in range(0, rows, block):
            rng, n = np.random.default_rng([seed, b]), min(block, rows-b)
            u, i = draw(rng, n, n_users, 2.), draw(rng, n, n_items, 3.)
            rating = pa.array(rng.integers(1, 6, n).astype(np.float32))
            seconds = pa.array(rng.integers(1_000_000_000, 1_600_000_000, n))
            w.write_table(pa.table([names(u, 'A', 13), names(i, 'B00', 7), rating, seconds], schema=schema))

# The ways. Each is a generator over a file: its first stop is behind the imports, its second at the finished split, and
# at the third (not timed) it gives the rows as a pyarrow table.
def ours(path, threads=2):
    import ibis
    from genrec.data.filter import Report, k_core
    from genrec.data.log import index_log
    from genrec.data.split import leave_one_out
    yield
    con = ibis.duckdb.connect(threads=threads)
    t = con.read_csv(path) if path.endswith('.csv') else con.read_parquet(path)
    log = index_log(k_core(t, k=K, report=Report()))
    split = leave_one_out(log)
    yield
    import numpy as np, pyarrow as pa
    part, place = np.full(len(log), 'train', dtype=object), np.arange(len(log))
    start = np.searchsorted(log.user.numpy(), np.arange(log.n_users))
    part[split.test.history.end.numpy()] = 'test' # a history ends where its target stands
    part[split.valid.history.end.numpy()] = 'valid'
    targets = np.sort(np.concatenate([split.train.history.end.numpy(), start])) # a user's first row is nobody's target
    assert (targets==np.flatnonzero(part=='train')).all()
    user = pa.array(log.users).take(pa.array(log.user.numpy()))
    item = pa.array(log.items).take(pa.array(log.item.numpy()))
    place = place-start[log.user.numpy()]
    yield pa.table(dict(user=user, item=item, time=log.time.numpy(), place=place, part=pa.array(part, pa.string())))

def polars(path):
    import polars as pl
    yield
    t = (pl.read_csv if path.endswith('.csv') else pl.read_parquet)(path, columns=['user','item','time'])
    # names become numbers once: faster than rounds over strings
    t = t.with_columns(pl.col('user','item').cast(pl.Categorical))
    n = -1
    while n!=len(t):
        n = len(t)
        for c in ('item','user'):
            t = t.filter(pl.len().over(pl.col(c).to_physical())>=K)
    t = t.with_columns(pl.col('user','item').cast(pl.String)).sort('user','time', maintain_order=True)
    place, size = pl.int_range(pl.len()).over('user'), pl.len().over('user')
    part = pl.when(place==size-1).then(pl.lit('test')).when(place==size-2).then(pl.lit('valid'))
    t = t.with_columns(place=place, part=part.otherwise(pl.lit('train')))
    yield
    yield t.to_arrow()

def pandas(path):
    import pandas as pd, pyarrow as pa
    yield
    columns = ['user','item','time']
    if path.endswith('.csv'):
        t = pd.read_csv(path, usecols=columns, engine='pyarrow')
    else:
        t = pd.read_parquet(path, columns=columns)
    n = -1
    while n!=len(t):
        n = len(t)
        for c in ('item','user'):
            t = t[t.groupby(c)[c].transform('size')>=K]
    t = t.sort_values(['user','time'], kind='stable')
    g = t.groupby('user')
    t['place'] = g.cumcount()
    back = g['user'].transform('size')-t.place
    t['part'] = 'train'
    t.loc[back==1, 'part'], t.loc[back==2, 'part'] = 'test', 'valid'
    yield
    yield pa.Table.from_pandas(t, preserve_index=False)

def duckdb(path):
    import duckdb
    yield
    con = duckdb.connect()
    con.execute('set threads=2')
    con.execute(f"create temp table t as select \"user\", item, time, row_number() over () as row from '{path}'")
    n, left = -1, con.execute('select count(*) from t').fetchone()[0]
    while n!=left:
        n = left
        for c in ('item', '"user"'):
            often = f'select {c} from t group by {c} having count(*)>={K}'
            con.execute(f'create temp table s as select * from t where {c} in ({often})')
            con.execute('drop table t')
            con.execute('alter table s rename to t')
        left = con.execute('select count(*) from t').fetchone()[0]
    con.execute("""create temp table s as
        select "user", item, time, place-1 as place,
            case n-place when 0 then 'test' when 1 then 'valid' else 'train' end as part
        from (
            select *, row_number() over (partition by "user" order by time, row) as place,
                count(*) over (partition by "user") as n
            from t)""")
    yield
    yield con.sql('select * from s').to_arrow_table()

def rows_of(path):
    "A file as a list of (user, item, time)"
    if path.endswith('.csv'):
        import csv
        with open(path, encoding='utf-8', newline='') as f:
            return [(r['user'], r['item'], int(r['time'])) for r in csv.DictReader(f)]
    import pyarrow.parquet as pq
    t = pq.read_table(path, columns=['user','item','time'])
    return list(zip(*(t[c].to_pylist() for c in t.column_names)))

def loops(path):
    from collections import defaultdict
    import pyarrow as pa
    yield
    rows = rows_of(path)
    while True: # as the scripts do it: count, keep, until nothing changes
        users, items = defaultdict(int), defaultdict(int)
        for u, i, _ in rows:
            users[u] += 1
            items[i] += 1
        left = [r for r in rows if users[r[0]]>=K and items[r[1]]>=K]
        if len(left)==len(rows):
            break
        rows = left
    by_user = defaultdict(list)
    for u, i, t in rows:
        by_user[u].append((i, t))
    train, valid, test = {}, {}, {}
    for u in by_user:
        by_user[u].sort(key=lambda x: x[1])
        train[u], valid[u], test[u] = by_user[u][:-2], by_user[u][-2], by_user[u][-1]
    yield
    out = []
    for u, own in train.items():
        out += [(u, *row, place, 'train') for place, row in enumerate(own)]
        out += [(u, *valid[u], len(own), 'valid'), (u, *test[u], len(own)+1, 'test')]
    yield pa.table(dict(zip(('user','item','time','place','part'), map(list, zip(*out)))))

WAYS = dict(ours=ours, polars=polars, pandas=pandas, duckdb=duckdb, loops=loops)
SAID = dict(ours='genrec', polars='Polars, names as categories', pandas='pandas, group-by rounds',
    duckdb='DuckDB SQL, temporary tables', loops='dicts and loops')
PACKAGES = ('genrec', 'numpy', 'scipy', 'pyarrow', 'duckdb', 'ibis-framework', 'polars', 'pandas', 'torch')

def peak():
    "Peak memory of this process in MB"
    try: # `ru_maxrss` would know of the parent's
        return int(re.search(r'VmHWM:\s+(\d+) kB', Path('/proc/self/status').read_text())[1])/1024
    except OSError:
        pass
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/(1024 if sys.platform!='darwin' else 2**20)

def child(way, path, out):
    "Run one way; prints a JSON line"
    sys.path.insert(0, str(root))
    steps = WAYS[way](path)
    next(steps)
    at_start, t, cpu = peak(), time.perf_counter(), time.process_time()
    next(steps)
    seconds, cpu_seconds = time.perf_counter()-t, time.process_time()-cpu
    line = dict(way=way, name=SAID[way], seconds=round(seconds, 2), cpu_seconds=round(cpu_seconds, 2),
        peak_mb=round(peak()), imports_mb=round(at_start))
    import pyarrow.parquet as pq
    pq.write_table(next(steps), out)
    print(json.dumps(line))

def digest(path):
    "Of a table of rows, in any order: how many, and the sum of their hashes"
    import duckdb as db
    row = '"user"::varchar, item::varchar, time::bigint, place::bigint, part::varchar'
    n, s = db.connect().execute(f"select count(*), sum(hash({row})::hugeint) from '{path}'").fetchone()
    return f'{n} rows, {int(s or 0):x}'

def measured(way, log, folder):
    "One way in a process of its own: what it took, and the digest of its rows"
    env = os.environ | dict(POLARS_MAX_THREADS='2', OMP_NUM_THREADS='2', HF_HUB_OFFLINE='1')
    out = f'{folder}/{way}.parquet'
    done = subprocess.run([sys.executable, __file__, '--child', way, log, out], env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f'{way} failed:\n{done.stderr[-3000:]}')
    line = json.loads(done.stdout.splitlines()[-1]) | dict(digest=digest(out))
    os.remove(out)
    return line

def beside(line, base):
    "A line with what it took in times of ours, which is the first; None where ours was not run"
    if base['way']!='ours':
        more = dict(times_ours=None, memory_ours=None)
    else:
        times, memory = line['seconds']/base['seconds'], line['peak_mb']/base['peak_mb']
        more = dict(times_ours=round(times, 2), memory_ours=round(memory, 2))
    return line | more | dict(equal=line['digest']==base['digest'])

def show(line):
    took = f"{line['seconds']:8.2f} s {line['cpu_seconds']:8.2f} cpu s {line['peak_mb']:7,} MB"
    times = f"x{line['times_ours']} time, x{line['memory_ours']} memory"
    same = 'equal' if line['equal'] else 'DIFFERENT'
    print(f"{line['name']:32} {took}   {times}   {same}: {line['digest']}", flush=True)

def compare(rows, ways, format):
    "All ways on one log"
    lines = []
    with tempfile.TemporaryDirectory(prefix='genrec-bench-') as folder:
        log = f'{folder}/log.parquet'
        make_log(log, rows)
        if format=='csv':
            import duckdb as db
            db.connect().execute(f"copy (from '{log}') to '{folder}/log.csv' (header)")
            log = f'{folder}/log.csv'
        for way in ways:
            line = measured(way, log, folder)
            lines.append(beside(line, (lines or [line])[0]))
            show(lines[-1])
    return lines

def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument('--rows', type=int, default=ROWS)
    p.add_argument('--only', nargs='+', choices=list(WAYS), default=list(WAYS))
    p.add_argument('--format', choices=('parquet','csv'), default='parquet', help='of the file that all start from')
    p.add_argument('--out', help='file for the results (default: runs/bench/data.json for the full run, else none)')
    p.add_argument('--child', nargs=3, help=argparse.SUPPRESS)
    a = p.parse_args()
    if a.child:
        return child(*a.child)
    from importlib.metadata import version
    lines = compare(a.rows, a.only, a.format)
    versions = {name: version(name) for name in PACKAGES if name!='polars' or 'polars' in a.only}
    what = f'{K}-core to the fixed point and leave-one-out, from a {a.format} file of names'
    res = dict(what=what, rows=a.rows, cpus=os.cpu_count(), python=platform.python_version(), versions=versions,
        results=lines)
    full = a.rows==ROWS and len(a.only)==len(WAYS) and a.format=='parquet'
    out = a.out or (root/'runs'/'bench'/'data.json' if full else None)
    if out:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(json.dumps(res, indent=1)+'\n')
    if not all(line['equal'] for line in lines):
        sys.exit('the ways do not agree')

if __name__ == '__main__':
    main()

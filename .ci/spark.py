"""The same filters on Spark and on DuckDB give the same rows; `make test-spark` ends with `N passed, N failed`

    python .ci/spark.py [rows]
"""
import os, sys, tempfile, time, traceback, warnings
os.environ.update(HF_HUB_OFFLINE='1')
from functools import partial
from pathlib import Path
root = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(root), str(root/'bench')]
warnings.filterwarnings('ignore')
import ibis, pyarrow as pa, pyarrow.parquet as pq
from data import make_log
from genrec.data.cluster import connect_spark
from genrec.data.filter import (
    Report, between, clip_history, drop_repeats, k_core, min_rating, sample_users, with_image, with_text)
from genrec.data.log import index_log
from genrec.data.split import leave_one_out

def rows(t):
    "All rows, ordered: each has a time of its own"
    return t.to_pyarrow().sort_by('time')

def items_of(t):
    "A made-up catalogue: every third item has no title, every other one an image"
    names = sorted(set(t['item'].to_pylist()))
    return {name: dict(title='' if i%3==0 else f'Item {name}', image=f'{name}.jpg' if i%2 else None)
            for i, name in enumerate(names)}

START = 1_000_000_000 # seconds: the first time

def write_logs(folder, n):
    "A log of which each row has a time of its own: Spark's rows have no order that could break ties; returns items"
    make_log(f'{folder}/raw.parquet', n)
    t = pq.read_table(f'{folder}/raw.parquet')
    t = t.set_column(3, 'time', pa.array(range(START, START+len(t))))
    pq.write_table(t, f'{folder}/log.parquet')
    return items_of(t)

def chain(t, report):
    "Several filters, one after the other"
    t = drop_repeats(min_rating(t, 2, report=report), report=report)
    return k_core(clip_history(t, 50, report=report), 3, report=report)

def filters(items, n):
    "name -> filter of a table, with a report"
    middle, late = START+n//4, START+n//2
    return {
        'k_core': lambda t, report: k_core(t, 5, report=report),
        'between': lambda t, report: between(t, middle, late, report=report),
        'min_rating': lambda t, report: min_rating(t, 4, report=report),
        'drop_repeats first': lambda t, report: drop_repeats(t, report=report),
        'drop_repeats last': lambda t, report: drop_repeats(t, keep='last', report=report),
        'clip_history': lambda t, report: clip_history(t, 10, report=report),
        'sample_users': lambda t, report: sample_users(t, n//200, seed=1, report=report),
        'with_text': lambda t, report: with_text(t, items, report=report),
        'with_image': lambda t, report: with_image(t, items, report=report),
        'a chain of filters': chain,
    }

def same_rows(apply, on_duckdb, on_spark, n):
    "A filter gives the same rows and the same report; says how many"
    reports = Report(), Report()
    ours, theirs = rows(apply(on_duckdb, reports[0])), rows(apply(on_spark, reports[1]))
    assert 0<len(ours)<n, f'{len(ours)} rows: the test says nothing'
    same = ours.schema.names==theirs.schema.names and ours.equals(theirs.cast(ours.schema))
    assert same, f'{len(ours):,} and {len(theirs):,} rows differ'
    steps = [[(step.name, step.before, step.after) for step in report] for report in reports]
    assert steps[0]==steps[1], f'reports differ:\n{reports[0]}\n{reports[1]}'
    return f'{reports[0][0].before[2]:,} -> {len(ours):,} rows'

def same_log(on_duckdb, on_spark):
    "The log and its split are the same; says how large"
    ours, theirs = (index_log(k_core(t, 5, report=Report())) for t in (on_duckdb, on_spark))
    assert ours.users==theirs.users and ours.items==theirs.items
    assert all((getattr(ours, column)==getattr(theirs, column)).all() for column in ('user', 'item', 'time'))
    split, other = leave_one_out(ours), leave_one_out(theirs)
    assert (split.test.target==other.test.target).all()
    assert (split.train.history.end==other.train.history.end).all()
    return f'{len(ours):,} rows, {ours.n_users:,} users, {ours.n_items:,} items'

def passes(name, check):
    "Run a check, print a line about it, and say whether it passed"
    start, error, said = time.time(), '', ''
    try:
        said = check()
    except Exception:
        error = traceback.format_exc()
    mark = 'FAILED' if error else 'ok    '
    print(f'{mark} {time.time()-start:6.1f} s  spark: {name}   {said}', flush=True)
    if error:
        print(error[-3000:], flush=True)
    return not error

def main(n=1_000_000):
    start = time.time()
    with tempfile.TemporaryDirectory() as folder:
        items = write_logs(folder, n)
        spark, duck = connect_spark('local[2]'), ibis.duckdb.connect()
        tables = [backend.read_parquet(f'{folder}/log.parquet') for backend in (duck, spark)]
        print(f'Spark {spark._session.version} started, {n:,} rows ({time.time()-start:.0f} s)', flush=True)
        checks = {name: partial(same_rows, apply, *tables, n) for name, apply in filters(items, n).items()}
        checks['index_log and leave_one_out'] = partial(same_log, *tables)
        passed = [passes(name, check) for name, check in checks.items()]
        spark._session.stop()
    failed = passed.count(False)
    print(f'{time.time()-start:.0f} seconds in all')
    print(f'{len(passed)-failed} passed, {failed} failed')
    return int(failed>0)

if __name__ == '__main__':
    sys.exit(main(*map(int, sys.argv[1:])))

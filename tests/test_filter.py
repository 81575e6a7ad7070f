"""Filters of interactions, beyond what `data/33_filter` shows: another backend, what is counted, and each filter
against a rule on plain rows, on tables that Hypothesis makes up"""
import hashlib
from collections import Counter
from functools import partial
from unittest.mock import patch
import pyarrow as pa
from fastcore.test import test_eq as same
from hypothesis import given, settings, strategies as st
from genrec.data import filter as filters
from genrec.data.filter import (Report, between, clip_history, core_by_rounds, counts, drop_repeats, finish, k_core,
                                min_rating, sample_users, with_image, with_text)
from genrec.data.tables import as_table

USER,ITEM,TIME,RATING = range(4)
KINDS = dict(user=pa.string(), item=pa.string(), time=pa.int64(), rating=pa.float32())

def table_of(rows):
    "A table of interactions from (user, item, time, rating)"
    columns = {name: pa.array([row[j] for row in rows], kind) for j,(name,kind) in enumerate(KINDS.items())}
    return as_table(pa.table(columns))

def rows_of(t): return [tuple(row[c] for c in KINDS) for row in t.to_pyarrow().to_pylist()]
def sizes(rows): return len({row[USER] for row in rows}), len({row[ITEM] for row in rows}), len(rows)
def pairs(text): return [(*pair, place, None) for place,pair in enumerate(text.split())]

def test_other_backend_counts_rounds():
    "Where the table is not in DuckDB, `k_core` is `core_by_rounds`"
    core = pairs('ax bx by cy cz dp dq ep eq')
    t,report = table_of(core),Report()
    with patch.object(filters, '_here', lambda t: False), patch.object(filters, 'fast_k_core') as arrays:
        there = k_core(t, 2, report=report)
    assert not arrays.called
    same(rows_of(there), core[5:])
    same((report[0].before, report[0].after), ((5,5,9), (2,2,4)))
    same(dict(there.schema()), dict(k_core(t, 2, report=report).schema()))

def test_a_chain_counts_each_table_once():
    "What a filter left is not counted again when the next one finds it"
    t,report = table_of(pairs('ax ay bx')),Report()
    with patch.object(filters, 'counts', side_effect=counts) as counted:
        a = finish(t, t.filter(t.user=='a'), 'a', report)
        same(counted.call_count, 2)
        finish(a, a.filter(a.item=='y'), 'y', report)
        same(counted.call_count, 3)
        finish(t, t.filter(t.item=='y'), 'another table', report)
        same(counted.call_count, 5)
    same([(step.before[2],step.after[2]) for step in report], [(3,2), (2,1), (3,1)])

# which rows each filter should keep: a rule on all rows and the place of one
def is_end(rows, place, *, by, n, sign):
    "Is a row among the first `n` of its group (`sign` 1), or the last (-1)?"
    mine = [j for j,row in enumerate(rows) if all(row[c]==rows[place][c] for c in by)]
    return place in sorted(mine, key=lambda j: (sign*rows[j][TIME], sign*j))[:n]

def is_sampled(rows, place):
    def key(user): return hashlib.sha256(f'0:{user}'.encode()).hexdigest()
    return rows[place][USER] in sorted({row[USER] for row in rows}, key=key)[:2]

def in_core(rows, place, k=2):
    left = rows
    while True:
        of_user,of_item = Counter(row[USER] for row in left),Counter(row[ITEM] for row in left)
        fewer = [row for row in left if of_user[row[USER]]>=k and of_item[row[ITEM]]>=k]
        if fewer==left:
            return rows[place] in left
        left = fewer

def is_first_of_pair(rows, place): return is_end(rows, place, by=(USER,ITEM), n=1, sign=1)
def is_last_of_pair(rows, place): return is_end(rows, place, by=(USER,ITEM), n=1, sign=-1)
def is_one_of_last_two(rows, place): return is_end(rows, place, by=(USER,), n=2, sign=-1)
def is_in_window(rows, place): return 3<=rows[place][TIME]<9
def is_liked(rows, place): return rows[place][RATING] in (3.,5.)
def is_x(rows, place): return rows[place][ITEM]=='x'
def is_y(rows, place): return rows[place][ITEM]=='y'

RULES = [
    (drop_repeats, is_first_of_pair),
    (partial(drop_repeats, keep='last'), is_last_of_pair),
    (partial(clip_history, n=2), is_one_of_last_two),
    (partial(between, start=3, end=9), is_in_window),
    (partial(min_rating, least=3), is_liked),
    (partial(sample_users, n=2), is_sampled),
    (partial(k_core, k=2), in_core),
    (partial(with_text, items={'x':{'title':'A'},'y':{'title':''}}), is_x),
    (partial(with_image, items={'y':{'image':'B'}}), is_y),
]
row = st.tuples(st.sampled_from('abc'), st.sampled_from('xyz'), st.integers(0,12), st.sampled_from([1.,3.,5.,None]))

@settings(max_examples=4, deadline=None, derandomize=True, database=None)
@given(st.lists(row, min_size=6, max_size=24))
def check_rules(rows):
    rows.append(('c','z',20,1.)) # one rating at least
    t = table_of(rows)
    for keep,rule in RULES:
        report = Report()
        new = keep(t, report=report)
        want = [row for place,row in enumerate(rows) if rule(rows, place)]
        same(rows_of(new), want)
        same((report[0].before, report[0].after), (sizes(rows), sizes(want)))
        if want:
            same(rows_of(keep(new, report=report)), want)

def test_every_filter_keeps_what_its_rule_says():
    check_rules()

"""Codes in every layout that people keep them in: written by hand or at random, read back, and refused with a reason"""
import bz2, gzip, json, lzma, tempfile, warnings, zipfile
from pathlib import Path
import numpy as np
import pandas as pd
import torch
from hypothesis import Phase, given, settings, strategies as st
from genrec.core.values import SemanticIds
from genrec.codes.index_json import load_index, open_index, save_index
from genrec.codes.join_ids import join_by_name
from genrec.codes.vocab import code_text

def refused(why, source, *args, **given):
    "Wants a ValueError that says why"
    try:
        open_index(source, *args, **given)
    except ValueError as e:
        assert why in str(e), e
    else:
        raise AssertionError(f'{source!r:.60} was taken')

@st.composite
def tables(draw, most=40, largest=300):
    "(names, codes): 1 to 30 items, 1 to 34 levels"
    n,L = draw(st.integers(1, 30)),draw(st.integers(1, 34))
    alphabet = st.characters(codec='utf-8', exclude_categories=('Cs','Cc','Zl','Zp','Zs'), exclude_characters='"\'')
    names = draw(st.lists(st.text(alphabet, min_size=1, max_size=8), min_size=n, max_size=n, unique=True))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    return names,rng.integers(0, draw(st.integers(1, largest)), (n,L))

def same(source, names, codes, **given):
    "Whether a source gives these codes, for all items and for some in another order"
    index = open_index(source, starts=0, **given)
    assert list(index.items)==list(names), (index.items, names)
    assert index.sids.codes.tolist()==codes.tolist()
    back = load_index(source, list(names)[::-1], starts=0, **given)
    assert back.codes.tolist()==codes[::-1].tolist()

FAST = settings(max_examples=8, deadline=None, phases=(Phase.explicit, Phase.generate), derandomize=True)

@FAST
@given(tables())
def test_what_is_saved_is_loaded(table):
    names,codes = table
    sids = SemanticIds(torch.tensor(codes), (300,)*codes.shape[1])
    with tempfile.TemporaryDirectory() as d:
        for layout,upper in (('words',False), ('words',True), ('numbers',False)):
            path = save_index(sids, f'{d}/x.json', names, upper=upper, layout=layout)
            back = open_index(path, sizes=sids.sizes)
            assert back.sids.codes.tolist()==codes.tolist() and back.sids.sizes==sids.sizes
            assert list(back.items)==names

@FAST
@given(tables())
def test_dicts_and_json(table):
    names,codes = table
    rows = codes.tolist()
    as_words = [[code_text(l, c) for l,c in enumerate(row)] for row in rows]
    numbered = [' '.join(f'<L{l}_{c}>' for l,c in enumerate(row)) for row in rows]
    for ids in (rows, as_words, numbered, [''.join(row) for row in as_words], [f'{row}' for row in rows]):
        d = dict(zip(names, ids))
        same(d, names, codes)
        same({'K': 300, 'items': d}, names, codes)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)/'x'
            path.write_text(json.dumps(d), encoding='utf-8')
            same(path, names, codes)
            lines = [json.dumps(dict(item_id=name, codes=row), ensure_ascii=False) for name,row in zip(names, ids)]
            path.write_text('\n'.join(lines), encoding='utf-8')
            same(path, names, codes)

@FAST
@given(tables(), st.sampled_from(['c{}', 'sid_{}', 'level_{}', 'code{}', 'codebook.{}', '{}']), st.integers(0, 1))
def test_tables(table, stem, first):
    names,codes = table
    if codes.shape[1]==1:
        return # one column may be anything
    frame = pd.DataFrame({stem.format(l+first): column for l,column in enumerate(codes.T)})
    frame.insert(0, 'item_id', names)
    shuffled = frame[sorted(frame.columns, key=lambda c: hash(str(c)+'x'))]
    same(frame, names, codes)
    same(shuffled, names, codes)
    with tempfile.TemporaryDirectory() as folder:
        for kind in ('csv','tsv','parquet'):
            path = f'{folder}/x.{kind}'
            if kind=='parquet':
                shuffled.to_parquet(path)
            else:
                shuffled.to_csv(path, index=False, sep=',' if kind=='csv' else '\t')
            same(path, names, codes)

@FAST
@given(tables(), st.sampled_from(['int64','uint16','int32','float32','float64']))
def test_arrays(table, dtype):
    names,codes = table
    with tempfile.TemporaryDirectory() as folder:
        np.save(f'{folder}/x.npy', codes.astype(dtype))
        np.savez(f'{folder}/x.npz', codes=codes, items=np.array(names))
        back = open_index(f'{folder}/x.npy', names, starts=0)
        assert list(back.items)==names and back.sids.codes.tolist()==codes.tolist()
        same(f'{folder}/x.npz', names, codes)

@FAST
@given(st.integers(0, 10**6), st.sampled_from([16, 64, 100, 256]), st.integers(2, 5), st.booleans())
def test_offsets_are_told_from_codes(seed, K, L, one):
    "A larger table is told; without offsets it stays as it is"
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, K, (60*K, L))
    tokens = codes+K*np.arange(L)+one
    assert open_index(codes).sids.codes.tolist()==codes.tolist()
    assert (open_index(tokens).sids.codes.numpy()==codes).all()
    some = rng.permutation(len(codes))[:5]
    if not one: # five rows that count from 1 may as well count from 0
        assert (open_index(tokens[some], sizes=K).sids.codes.numpy()==codes[some]).all()

@FAST
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 5))
def test_small_tables_stay_as_they_are(seed, n, L):
    "No guess on a handful of codes"
    codes = np.random.default_rng(seed).integers(0, 60, (n, L))
    assert open_index(codes.tolist(), item=False).sids.codes.tolist()==codes.tolist()

@FAST
@given(tables(), st.randoms())
def test_order_of_rows_does_not_matter(table, random):
    names,codes = table
    rows = list(zip(names, codes.tolist(), (f'text {len(name)}' for name in names)))
    whole = {name: [*row, text] for name,row,text in rows}
    random.shuffle(rows)
    a = open_index(whole, starts=0)
    b = open_index({name: [*row, text] for name,row,text in rows}, names, starts=0)
    assert a.sids.codes.tolist()==b.sids.codes.tolist() and a.texts==b.texts and a.sids.sizes==b.sids.sizes

def test_reasons():
    for source,why in [
        ({'a': [1,2], 'b': [1]}, "got 1, 2; such as item 'b' with 1 where item 'a' has 2; `levels=1`"),
        ({'a': [1,-1]}, "item 'a', level 1: -1 is no code"),
        ({'a': [1,2.5]}, "item 'a', level 1: 2.5 is no whole number"),
        ({'a': [1,float('nan')]}, "item 'a', level 1: nan (a missing value)"), ({'a': [1,None]}, 'a missing value'),
        ({'a': []}, "item 'a': wanted a list"), ({}, 'got an empty object'), ({'a': [1,True]}, 'wanted a whole number'),
        ({1: [1], '1': [2]}, "item '1' stands twice"), ({'a': 'a blue mug'}, "no code can be read in 'a blue mug'"),
        ({'a': ['x','y']}, 'no code can be read'),
        (pd.DataFrame(dict(item_id=['a','a'], c0=[1,2], c1=[1,2])), "item 'a' stands twice"),
        (pd.DataFrame(dict(item_id=['a','b'], c0=[1,None], c1=[1,2])), "item 'b', level 0: nan (a missing value)"),
        (np.array([[1.5,2]]), 'row 0, level 0: 1.5 is no whole number'), (np.array([[1,np.nan]]), 'level 1: nan'),
        (np.array([[1,np.inf]]), 'level 1: inf is no whole number'), (np.zeros((3,0), int), 'is empty'),
        (np.array([[True]]), 'wanted whole numbers'), (np.array([1+2j]), 'wanted whole numbers'),
        (torch.tensor([[-1,0]]), 'row 0, level 0: -1 is no code'),
        ({'K': 4, 'items': {'a': [1,9]}}, 'got sizes [4, 4]'),
        ([], 'is empty'), (None, 'got NoneType'), (3.5, 'got float'),
    ]:
        refused(why, source)

def test_every_remedy_works(tmp_path):
    "What a message says to type leads to codes"
    ragged = {'0': [1,2], '1': [1]}
    refused('`levels=1` reads', ragged)
    assert load_index(ragged, levels=1).codes.tolist()==[[1],[1]]
    one_up = {'1': [1,2], '2': [3,4]}
    try:
        load_index(one_up)
    except ValueError as e:
        assert '`items=range(1, 3)`' in str(e)
    assert load_index(one_up, items=range(1, 3)).codes.tolist()==[[1,2],[3,4]]
    frame = pd.DataFrame(dict(sku=['a','b'], left=[1,2], right=[3,4]))
    refused("`codes=['sku', 'left', 'right']`", frame)
    assert open_index(frame, codes=['left','right']).sids.codes.tolist()==[[1,3],[2,4]]
    path = tmp_path/'codes.pkl'
    path.write_bytes(b'\x80\x04.')
    refused('json.dump({str(k): [int(c) for c in v] for k, v in codes.items()}', path)
    codes = {'a': (np.int64(1), 2)}
    path.write_text(json.dumps({str(k): [int(c) for c in v] for k, v in codes.items()}))
    assert open_index(path).sids.codes.tolist()==[[1,2]]
    loud = [[3*i,1] for i in range(30)]
    refused('Say `item=0`', loud)
    assert open_index(loud, item=0).items[1]=='3' and open_index(loud, item=False).sids.n_levels==2

def test_names_beside(tmp_path):
    for folder,order in (('a', [0,1,2]), ('b', [2,0,1])):
        (tmp_path/folder).mkdir()
        names = ['B00','B01','B02']
        (tmp_path/folder/'S.item2id').write_text(''.join(f'{names[i]}\t{place}\n' for place,i in enumerate(order)))
        sids = SemanticIds(torch.tensor(order)[:,None].repeat(1, 2), (3,3))
        save_index(sids, tmp_path/folder/'S.index.json', layout='numbers')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        one,two = join_by_name(tmp_path/'a', tmp_path/'b')
    assert one.items==two.items==('B00','B01','B02') and one.sids.codes.equal(two.sids.codes)
    assert load_index(tmp_path/'b', ['B02','B00']).codes[:,0].tolist()==[2,0]

def test_packed(tmp_path):
    text = json.dumps({'a': [1,2]}).encode()
    for name,data in (('x.gz', gzip.compress(text)), ('x.bz2', bz2.compress(text)), ('x.xz', lzma.compress(text))):
        (tmp_path/name).write_bytes(data)
        assert open_index(tmp_path/name).items==('a',)
    with zipfile.ZipFile(tmp_path/'x.zip', 'w') as z:
        z.writestr('inside.json', text)
    assert open_index(tmp_path/'x.zip').items==('a',)
    (tmp_path/'bomb.gz').write_bytes(gzip.compress(b' '*(1<<26)))
    refused('an archive bomb?', tmp_path/'bomb.gz')

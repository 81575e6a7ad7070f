"""The order of a log does not depend on the order of a file's rows, where times differ"""
import json, tempfile
from pathlib import Path
import pandas, torch, pyarrow as pa, pyarrow.parquet as pq
from hypothesis import given, settings, strategies as st
from genrec.data.amazon import load_amazon
from genrec.data.log import index_log
from genrec.data.recbole import load_recbole
from genrec.data.sources import load_interactions

FIRST = 1_600_000_000_000_000_000 # nanoseconds
STEPS = dict(s=10**9, ms=10**6, us=10**3, ns=1)

def same_log(a, b):
    "Whether two logs are the same, number for number"
    same_numbers = all(torch.equal(getattr(a, name), getattr(b, name)) for name in ('user','item','time'))
    return same_numbers and (a.users,a.items,a.unit)==(b.users,b.items,b.unit)

def csv(rows, folder, per):
    text = 'user,item,time\n'+''.join(f'{u},{i},{t//per}\n' for u,i,t in rows)
    (folder/'a.csv').write_text(text)
    return load_interactions(folder/'a.csv')

def tsv_of_fractions(rows, folder, per):
    text = 'user\titem\ttime\n'+''.join(f'{u}\t{i}\t{t//10**9}.{t%10**9:09}\n' for u,i,t in rows)
    (folder/'a.tsv').write_text(text)
    return load_interactions(folder/'a.tsv')

def parquet(rows, folder, per):
    user,item,time = zip(*rows)
    pq.write_table(pa.table(dict(user=user, item=item, time=[t//per for t in time])), folder/'a.parquet')
    return load_interactions(folder/'a.parquet')

def stamps(rows, folder, per):
    user,item,time = zip(*rows)
    pq.write_table(pa.table(dict(user=user, item=item, time=pa.array(time, pa.timestamp('ns')))), folder/'a.parquet')
    return load_interactions(folder/'a.parquet')

def frame(rows, folder, per):
    user,item,time = zip(*rows)
    return pandas.DataFrame(dict(user=user, item=item, time=[t//per for t in time]))

def frame_of_stamps(rows, folder, per):
    user,item,time = zip(*rows)
    return pandas.DataFrame(dict(user=user, item=item, time=pandas.to_datetime(list(time), unit='ns')))

def recbole(rows, folder, per):
    head = 'user_id:token\titem_id:token\ttimestamp:float\n'
    (folder/'a.inter').write_text(head+''.join(f'{u}\t{i}\t{t//per}\n' for u,i,t in rows))
    return load_recbole(folder/'a.inter')

def amazon(rows, folder, per):
    lines = [json.dumps(dict(user_id=u, parent_asin=i, rating=5., timestamp=t//per)) for u,i,t in rows]
    (folder/'a.jsonl').write_text('\n'.join(lines))
    return load_amazon(folder/'a.jsonl')

FORMS = (csv, tsv_of_fractions, parquet, stamps, frame, frame_of_stamps, recbole, amazon)

@settings(max_examples=6, deadline=None, derandomize=True, database=None)
@given(st.lists(st.tuples(st.sampled_from('abc'), st.sampled_from('wxyz')), min_size=2, max_size=12),
    st.sampled_from(list(STEPS)), st.randoms(use_true_random=False))
def any_order(pairs, unit, chance):
    per = STEPS[unit]
    rows = [(user,item,FIRST+n*per) for n,(user,item) in enumerate(pairs)]
    shuffled = rows[:]
    chance.shuffle(shuffled)
    with tempfile.TemporaryDirectory() as d:
        for form in FORMS:
            in_order,other = index_log(form(rows, Path(d), per)),index_log(form(shuffled, Path(d), per))
            assert same_log(in_order, other), form.__name__
            for user in range(in_order.n_users):
                name = in_order.users[user]
                mine = [in_order.items[i] for i in in_order.item[in_order.user==user]]
                assert mine==[i for u,i,_ in rows if u==name], form.__name__

def test_any_order(tmp_path):
    any_order()

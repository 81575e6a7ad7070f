"""Every remedy in every message about interactions, typed as it is printed: each leads to a log"""
import ast, inspect, re, warnings
from functools import partial
from itertools import chain
import ibis, pandas, pyarrow as pa, pyarrow.parquet as pq
import genrec.data.amazon, genrec.data.filter, genrec.data.interactions, genrec.data.log, genrec.data.read
import genrec.data.columns, genrec.data.known, genrec.data.recbole, genrec.data.public, genrec.data.sources
import genrec.data.split
from genrec.data.amazon import load_amazon
from genrec.data.tables import as_table
from genrec.data.log import index_log
from genrec.data.public import load_s3rec
from genrec.data.recbole import load_recbole
from genrec.data.sources import load_interactions
from genrec.data.split import by_time, leave_one_out

GOOD = dict(user=['ann','ann','bob','bob','eve'], item=['x','y','x','z','y'], time=[5,6,7,8,9])

def changed(**columns): return GOOD | columns
def without(*names): return {name: column for name,column in GOOD.items() if name not in names}
def renamed(**names): return {names.get(name, name): column for name,column in GOOD.items()}

TABLES = { # what is wrong -> columns
    'other names': renamed(user='reviewerID', item='asin', time='unixReviewTime'),
    'one other name': renamed(item='product_id'),
    'no time': without('time'),
    'no time, other names': {'uid': GOOD['user'], 'sku': GOOD['item']},
    'names and numbers': changed(item=['x',7,'x','z',7]),
    'users and numbers': changed(user=['ann','ann',3,3,'eve']),
    'numbers with a point': changed(item=[7.,8.,7.,9.,8.]),
    'numbers with a hole': changed(item=[7.,8.,None,9.,8.]),
    'no item': changed(item=['x',None,'x','z','y']),
    'no user': changed(user=['ann','ann',None,'bob','eve']),
    'no time in one row': changed(time=[5.,6.,None,8.,9.]),
    'NaN': changed(time=[5.,6.,float('nan'),8.,9.]),
    'null in two columns': changed(item=['x',None,'x','z','y'], time=[5,6,7,None,9]),
    'a word for a time': changed(time=['2014-04-07','2014-04-08','noon','2014-04-09','2014-04-10']),
    'a word for a rating': changed(rating=['good','bad','good','bad','good']),
    'yes or no for a time': changed(time=[True,False,True,False,True]),
}
HOLDERS = dict(dict=dict, pandas=pandas.DataFrame, ibis=lambda columns: ibis.memtable(pandas.DataFrame(columns)))

def as_arrow(columns):
    "A pyarrow table; columns of mixed types do not exist there"
    try:
        return pa.table(columns)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return None

SOME_BAD = 'ann,x,noon\nbob,y,04/07/2014\nbob,x,1600000000\nann,y,1600000001\n'
HEAD,ROWS = 'user,item,time\n',''.join(f'u{n%3},i{n%5},{1600000000+n}\n' for n in range(20))
FILES = { # what is wrong -> (loader, name, text)
    'a bad row of many': (load_interactions, 'a.csv', HEAD+ROWS+'ann,,5\n'),
    'most rows bad': (load_interactions, 'a.csv', HEAD+SOME_BAD),
    'other names': (load_interactions, 'a.csv', 'customer,article,day\na,x,2020-09-22\na,y,2020-09-23\n'),
    'strange names': (load_interactions, 'a.csv', 'aa,bb,cc\na,x,1\na,y,2\n'),
    'no time': (load_interactions, 'a.csv', 'user,item\na,x\na,y\n'),
    'no time, other names': (load_interactions, 'a.tsv', 'uid\tsku\na\tx\na\ty\n'),
    'pairs': (load_interactions, 'a.txt', '1 5\n1 7\n2 5\n'),
    'pairs for S3-Rec': (load_s3rec, 'a.txt', '1 5\n1 7\n2 5\n'),
    'a bad line for S3-Rec': (load_s3rec, 'a.txt', '1 5 7\n2 5 x\n'),
    'RecBole without times': (load_recbole, 'a.inter', 'user_id:token\titem_id:token\na\tx\na\ty\n'),
    'RecBole, times of another name': (load_recbole, 'a.inter',
        'user_id:token\titem_id:token\ttime:float\na\tx\t1600000000\na\ty\t1600000001\n'),
    'JSON with other keys': (load_interactions, 'a.json', '{"client": "a", "thing": "x", "day": 1600000000}\n'),
    'RecBole with a bad row': (load_recbole, 'a.inter',
        'user_id:token\titem_id:token\ttimestamp:float\na\tx\t1600000000\na\ty\tnoon\n'),
    'Amazon with a bad row': (load_amazon, 'a.csv',
        'A39HTATAQ9V7YF,0205616461,5.0,1369699200\nA39HTATAQ9V7YF,,5.0,1369699200\n'),
    'Amazon of 2014 or 2018': (load_amazon, 'a.csv', 'A39HTATAQ9,0205616461,5.0,1369699200\n'),
}

SEEN = set() # messages

def message_of(f):
    "The message with which a call stops, or None"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            f()
    except ValueError as e:
        SEEN.add(str(e))
        return str(e)

def codes(message):
    "Expressions about the table `t` in a message"
    return re.findall(r'`((?:t[.\[]|ibis\.memtable\(t\)|as_table\()[^`]*)`', message)

def arguments(message):
    "Arguments that a message names, as texts"
    message = re.sub(r'`(?!year)[^`]*`', '', message)
    one = r"columns=dict\([^)]*\)|order='\w+'|on_error='[\w!]+'|short='\w+'|year=\d+"
    return re.findall(rf"(?:{one})(?:, (?:{one}))*", message)

def follow(t, depth=0):
    "Try each remedy for a table until it is a log"
    message = message_of(lambda: index_log(t))
    if message is None:
        return
    remedies = codes(message)
    assert remedies and depth<4, message
    for code in remedies:
        follow(eval(code, dict(t=t, ibis=ibis, as_table=as_table)), depth+1)

def follow_file(load, path, done='', depth=0):
    "Try each remedy for a file until it can be read, and is a log"
    load_more = partial(eval(f'partial(load, path, {done})', dict(partial=partial, load=load, path=path)))
    message = message_of(lambda: index_log(load_more()))
    if message is None:
        return
    remedies = arguments(message)
    assert remedies and depth<4, message
    for remedy in remedies:
        name = remedy.partition('=')[0]
        kept = [argument for argument in arguments(done) if not argument.startswith(name)]
        follow_file(load, path, ', '.join([*kept, remedy]), depth+1)

def test_tables():
    for what,columns in TABLES.items():
        for holder in (*HOLDERS.values(), as_arrow):
            t = holder(columns)
            if t is not None:
                follow(t)
    assert message_of(lambda: index_log(GOOD)) is None

def test_files(tmp_path):
    for load,name,text in FILES.values():
        (tmp_path/name).write_text(text)
        assert message_of(lambda: index_log(load(tmp_path/name))), text
        follow_file(load, tmp_path/name)

def test_parquet(tmp_path):
    for what in ('other names', 'one other name', 'no time', 'no time, other names', 'no item'):
        pq.write_table(pa.table(TABLES[what]), tmp_path/'a.parquet')
        follow_file(load_interactions, tmp_path/'a.parquet')

def test_splits():
    log = index_log(GOOD)
    message = message_of(lambda: leave_one_out(log))
    for argument in arguments(message):
        long = index_log(changed(user=['ann']*4+['eve']))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            leave_one_out(long, **eval(f'dict({argument})'))
    message = message_of(lambda: by_time(index_log(without('time'), order='file'), '2014-01-30', '2014-01-31'))
    assert 'leave_one_out' in message

MODULES = (genrec.data.interactions, genrec.data.log, genrec.data.read, genrec.data.recbole, genrec.data.public,
    genrec.data.sources, genrec.data.columns, genrec.data.known, genrec.data.amazon, genrec.data.split)
MARKS = re.compile(r"\b(?:order|on_error|short|year)='?\w+|columns=dict|`t[.\[]|\bremedy\(")

def texts_of(module):
    "The longest plain part of each message in a module that names a remedy"
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        is_text = isinstance(node, ast.JoinedStr)
        parts = [v.value for v in node.values if isinstance(v, ast.Constant)] if is_text else []
        if parts and MARKS.search(ast.unparse(node)) and ' ' in max(parts, key=len):
            yield max(parts, key=len)

def every_message(tmp_path):
    "Whatever the tests above see, where they have not run before"
    if not SEEN:
        test_tables()
        test_files(tmp_path)
        test_parquet(tmp_path)
        test_splits()

def test_none_is_left_out(tmp_path):
    every_message(tmp_path)
    texts = chain.from_iterable(map(texts_of, MODULES))
    untried = [text for text in texts if not any(text in seen for seen in SEEN)]
    assert not untried, untried

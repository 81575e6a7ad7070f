"What people's files are: packed, cut off, of other encodings, line ends and types. Each remedy in a message is run"
import bz2, gzip, io, lzma, re, warnings, zipfile
from unittest import SkipTest
import pyarrow as pa, pyarrow.parquet as pq
from genrec.data.amazon import load_amazon
from genrec.data.movielens import load_movielens
from genrec.data.public import load_s3rec
from genrec.data.read import Skipped
from genrec.data.recbole import load_recbole
from genrec.data.sources import load_interactions, load_lcrec

ROWS = [('ann', 'café', None, 1600000000), ('ann', 'tea', None, 1600000001), ('bob', 'a,b;c', None, 1600000002)]

def rows(table):
    return [tuple(row.values()) for row in table.to_pyarrow().to_pylist()]

def text(sep=',', end='\n', data=ROWS):
    def cell(value): return f'"{value}"' if sep in value else value
    lines = [sep.join(('user', 'item', 'time'))]+[sep.join((cell(u), cell(i), str(t))) for u, i, _, t in data]
    return end.join(lines)+end

def why(load, *args, **kwargs):
    "The message of a ValueError"
    try:
        load(*args, **kwargs)
    except ValueError as e:
        return str(e)
    raise AssertionError(f'{args} was read')

def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()

def arrow(codec, data):
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, codec) as stream:
        stream.write(data)
    return out.getvalue().to_pybytes()

def zst(data): return arrow('zstd', data)
def lz4(data): return arrow('lz4', data)
def in_zip(data): return zipped({'folder/x.csv': data, '__MACOSX/folder/._x.csv': b'\0\1', 'README.txt': b'hi'})

PACKERS = (bytes, gzip.compress, bz2.compress, lzma.compress, zst, lz4, in_zip)

def test_any_packing_separator_end_and_encoding(tmp_path):
    for i, sep in enumerate(',\t;|'):
        for j, end in enumerate(('\n', '\r\n', '\r')):
            encoding = ('utf-8', 'utf-8-sig', 'utf-16', 'utf-32')[(i+j)%4]
            pack = PACKERS[(i*3+j)%len(PACKERS)]
            path = tmp_path/'x.data'
            path.write_bytes(pack(text(sep, end).encode(encoding)))
            assert rows(load_interactions(path)) == ROWS, (sep, end, encoding, pack)

def test_every_loader_reads_packed_files(tmp_path):
    (tmp_path/'lists').mkdir()
    for pack in PACKERS:
        (tmp_path/'r.dat').write_bytes(pack(b'1::1193::5::978300760\n'))
        assert rows(load_movielens(tmp_path/'r.dat')) == [('1', '1193', 5., 978300760)]
        review = b'{"reviewerID": "a", "asin": "b", "overall": 5, "unixReviewTime": 1472688000}\n'
        (tmp_path/'r.json').write_bytes(pack(review))
        assert rows(load_amazon(tmp_path/'r.json')) == [('a', 'b', 5., 1472688000)]
        (tmp_path/'x.inter').write_bytes(pack(b'user_id:token\titem_id:token\ttimestamp:float\na\tb\t1472688000\n'))
        assert rows(load_recbole(tmp_path/'x.inter')) == [('a', 'b', None, 1472688000)]
        (tmp_path/'s.txt').write_bytes(pack(b'1 5 7\n2 5\n'))
        assert len(rows(load_s3rec(tmp_path/'s.txt'))) == 3
        (tmp_path/'X.inter.json').write_bytes(pack(b'{"0": [2, 0]}'))
        assert len(rows(load_lcrec(tmp_path/'X.inter.json'))) == 2

def test_cut_off_or_damaged(tmp_path):
    whole = text(data=[(f'u{i*i}', f'i{i%97}', None, 1600000000+i) for i in range(20_000)]).encode()
    for pack in PACKERS[1:]:
        packed = pack(whole)
        path = tmp_path/'x.csv'
        path.write_bytes(packed[:len(packed)//2])
        assert 'broken or cut off' in why(load_interactions, path), pack

def test_suggested_encoding_reads_the_names(tmp_path):
    names = dict(cp1252='Müller & Söhne', cp1251='Война и мир', gb18030='红楼梦第一卷', shift_jis='吾輩は猫である',
        big5='紅樓夢第一卷', cp949='한국어 소설', mac_roman='Les Misérables d’été')
    for encoding, name in names.items():
        for end in ('\n', '\r'):
            path = tmp_path/'x.csv'
            data = [('ann', f'{name} {i}', None, 1600000000+i) for i in range(5)]
            path.write_bytes(text(end=end, data=data).encode(encoding))
            for on_error in ('raise', 'skip', 'skip!'):
                report = Skipped()
                told = why(load_interactions, path, on_error=on_error, report=report)
                assert ', line 2: not UTF-8' in told and report.total == 0, told
            suggested = re.search(r"encoding='([^']+)' fits", told)[1]
            assert rows(load_interactions(path, encoding=suggested)) == data, (encoding, suggested)

def test_suggested_encodings_of_two_hands(tmp_path):
    path = tmp_path/'x.csv'
    new = 'bob,thé,1600000003\nbob,chaï,1600000004\n'
    path.write_bytes((text()+new).encode()+'eve,maté,1600000005\n'.encode('cp1252'))
    told = why(load_interactions, path)
    assert "encoding=('utf-8', 'cp1252')" in told, told
    items = [row[1] for row in rows(load_interactions(path, encoding=('utf-8', 'cp1252')))]
    assert items[-3:] == ['thé', 'chaï', 'maté'] and items[0] == 'café'

def test_mixed_line_ends_and_quotes(tmp_path):
    path = tmp_path/'x.csv'
    path.write_bytes(b'user,item,time\r\nann,"a\nb",1600000000\nann,c,1600000001\r'
        b'ann,"d""e",1600000002\r\nann,f,1600000003')
    assert [row[1] for row in rows(load_interactions(path))] == ['a\nb', 'c', 'd"e', 'f']
    path.write_bytes(b'user,item,time\rann,"a\nb",1600000000\rann,c,1600000001\r')
    assert [row[1] for row in rows(load_interactions(path))] == ['a\nb', 'c']

def test_suffixes_do_not_matter(tmp_path):
    pq.write_table(pa.table(dict(user=['a'], item=['b'], time=[1600000000])), tmp_path/'x.csv')
    assert rows(load_interactions(tmp_path/'x.csv')) == [('a', 'b', None, 1600000000)]
    (tmp_path/'x.parquet').write_text('user,item,time\na,b,1600000000\n')
    assert rows(load_interactions(tmp_path/'x.parquet')) == [('a', 'b', None, 1600000000)]

def test_no_table_at_all(tmp_path):
    for name, (data, told) in {
        'empty': (b'', 'is empty'),
        'blank': (b'\n\r\n \n', 'nothing but empty lines'),
        'xlsx': (zipped({'[Content_Types].xml': b'', 'xl/workbook.xml': b''}), 'save it from there as CSV UTF-8'),
        'packed nothing': (gzip.compress(b''), 'nothing but empty lines'),
        'twice': (b'user,item,time,item\na,b,1,c\n', "'item' heads two columns"),
        'html': (b'\n<!DOCTYPE html>\n<html>404', 'a web page'),
        '7z': (b'7z\xbc\xaf\x27\x1c\0\4', '`7z x'),
        'pickle': (b'\x80\x04\x95abc', 'runs code'),
        'tar.gz': (gzip.compress(bytes(257)+b'ustar'+bytes(250)), 'tar -xf'),
        'two.zip': (zipped({'a.csv': b'x', 'b.csv': b'y'}), "member='a.csv'"),
        'nested.zip': (zipped({'a.zip': zipped({'a.csv': b'x'})}), 'packed twice'),
        'lfs': (b'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', 'git lfs pull'),
    }.items():
        (tmp_path/name).write_bytes(data)
        for on_error in ('raise', 'skip'):
            said = why(load_interactions, tmp_path/name, on_error=on_error)
            assert told in said, (name, said)

def test_a_header_alone_is_an_empty_table(tmp_path):
    (tmp_path/'x.csv').write_text('user,item,time\n')
    assert rows(load_interactions(tmp_path/'x.csv')) == []

def test_parts_of_text_are_one_table(tmp_path):
    for i, pack in enumerate((bytes, gzip.compress)):
        folder = tmp_path/f'log{i}'
        folder.mkdir()
        for n in (2, 10, 1):
            (folder/f'part-{n}.csv').write_bytes(pack(f'user,item,time\na,i{n},{1600000000+n}\n'.encode()))
        (folder/'_SUCCESS').write_bytes(b'')
        (folder/'.part-1.csv.crc').write_bytes(b'crc')
        assert [row[1] for row in rows(load_interactions(folder))] == ['i1', 'i2', 'i10']

def test_parts_of_parquet_with_partitions(tmp_path):
    for types in (pa.string(), pa.large_string(), pa.string_view()):
        folder = tmp_path/str(types)
        for day in (2, 1):
            (folder/f'day=2020-01-0{day}').mkdir(parents=True)
            t = pa.table(dict(uid=pa.array([f'u{day}'], types), sku=[7]))
            pq.write_table(t, folder/f'day=2020-01-0{day}'/'part-00000-1f.c000.snappy.parquet')
        (folder/'_SUCCESS').write_bytes(b'')
        got = rows(load_interactions(folder, dict(user='uid', item='sku', time='day')))
        assert got == [('u1', '7', None, 1577836800), ('u2', '7', None, 1577923200)]

def test_whole_floats_are_named_without_a_point(tmp_path):
    path = tmp_path/'x.parquet'
    pq.write_table(pa.table(dict(user=[12., 7.], item=['a', 'b'], time=[1600000000, 1600000001])), path)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter('always')
        assert [row[0] for row in rows(load_interactions(path))] == ['12', '7']
    assert any("12.0; their names are '12'" in str(w.message) for w in told)

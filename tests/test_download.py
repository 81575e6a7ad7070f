"""`genrec.data.download` against a server that breaks off, stalls, changes its file, redirects and lies"""
import hashlib, io, os, shutil, sys, threading, time
from contextlib import contextmanager, redirect_stderr
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch
from urllib.error import HTTPError
from urllib.request import Request
from fastcore.test import test_eq as eq, expect_fail
from genrec.data.download import download, _Redirect

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from test_full_disk import room

DATA = bytes(range(256))*40
NEW = DATA[::-1]
SHA256,MD5 = hashlib.sha256(DATA).hexdigest(),hashlib.md5(DATA).hexdigest()
OLD_DATE,NEW_DATE = 'Mon, 02 Jan 2023 00:00:00 GMT','Tue, 03 Jan 2023 00:00:00 GMT'

# ---- the server: a mood says how it answers one request; when they are used up it is honest

class Answer(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass

    def head(self, code, length=None, **headers):
        self.send_response(code)
        if length is not None:
            self.send_header('Content-Length', str(length))
        for name,value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()

    def send(self, code, body, length=None, **headers):
        self.head(code, len(body) if length is None else length, **headers)
        self.wfile.write(body)

    def send_from(self, start, data, total=None, **headers):
        "A part of the file, from `start` to its end"
        total = len(data) if total is None else total
        self.send(206, data[start:], Content_Range=f'bytes {start}-{len(data)-1}/{total}', **headers)

    def do_GET(self):
        server = self.server
        server.seen.append((self.path, self.headers.get('Range'), self.headers.get('If-Range')))
        self.close_connection = True
        mood = server.moods.pop(0) if server.moods else honest
        mood(self, server.data)

def etag(data): return f'"{hash(data)}"'

def honest(h, data):
    asked = h.headers['Range'] and h.headers.get('If-Range') in (None, etag(data))
    start = int(h.headers['Range'][6:-1]) if asked else 0
    if start and start>=len(data):
        h.head(416, 0, Content_Range=f'bytes */{len(data)}')
    elif start:
        h.send_from(start, data, ETag=etag(data))
    else:
        h.send(200, data, ETag=etag(data))

def first(n, **headers):
    "Announces all and sends `n` bytes"
    def mood(h, data): h.send(200, data[:n], length=len(data), **headers)
    return mood

def breaks(n):
    "As `first`, with a mark"
    def mood(h, data): first(n, ETag=etag(data))(h, data)
    return mood

def stalls(n):
    "Falls silent after `n` bytes"
    def mood(h, data):
        breaks(n)(h, data)
        h.wfile.flush()
        h.server.awake.wait(3)
    return mood

def announces(length):
    "Lies about the length"
    def mood(h, data): h.send(200, data, length=length, ETag=etag(data))
    return mood

def from_byte(start, **headers):
    "Sends the rest from a byte that need not be the one that was asked for"
    def mood(h, data): h.send_from(start, data, **headers)
    return mood

def no_length(h, data):
    h.head(200, Connection='close')
    h.wfile.write(data)

def no_ranges(h, data): h.send(200, data)

def chunked(end=b'0\r\n\r\n'):
    def mood(h, data):
        h.head(200, Transfer_Encoding='chunked')
        for i in range(0, len(data), 4096):
            block = data[i:i+4096]
            h.wfile.write(b'%x\r\n%s\r\n' % (len(block), block))
        h.wfile.write(end)
    return mood

def status(code, **headers):
    def mood(h, data): h.head(code, 0, **headers)
    return mood

def changes(new, mood):
    "Answers, and then has another file"
    def changed(h, data):
        mood(h, data)
        h.server.data = new
    return changed

class Server(ThreadingHTTPServer):
    daemon_threads = True
    def handle_error(self, *args): pass

class Site:
    "A server and a place to download to"
    def __init__(self, server, folder):
        self.server,self.folder = server,folder
        self.address = f'http://127.0.0.1:{server.server_port}/'
        self.target = folder/'folder'/'log.gz'

    def start(self, moods=(), data=DATA):
        self.server.data,self.server.moods,self.server.seen = data,list(moods),[]

    def get(self, *moods, data=DATA, fresh=True, **options):
        "Download with the server in such moods: the bytes, and which ranges were asked for"
        if fresh:
            shutil.rmtree(self.target.parent, ignore_errors=True)
        self.start(moods, data)
        path = download(self.address+'log.gz', self.target, **dict(timeout=.3, wait=.01, tries=4)|options)
        eq(path, self.target)
        eq(self.left(), ['log.gz']) # nothing else is left lying
        return path.read_bytes(),[asked or 'all' for _,asked,_ in self.server.seen]

    def left(self): return sorted(f.name for f in self.target.parent.iterdir())

    def fails(self, error, text, *moods, **options):
        "What is left after a failure: never a file of the final name"
        with expect_fail(error, contains=text): self.get(*moods, **options)
        assert not self.target.exists()
        return self.left()

    def n_asked(self): return len(self.server.seen)

@contextmanager
def site(folder):
    server = Server(('127.0.0.1', 0), Answer)
    server.awake = threading.Event()
    threading.Thread(target=server.serve_forever, kwargs=dict(poll_interval=.02), daemon=True).start()
    try:
        yield Site(server, folder)
    finally:
        server.awake.set()
        server.shutdown()
        server.server_close()

# ---- a good day

def test_whole(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(), (DATA, ['all']))
        eq(s.get(sha256=SHA256, md5=MD5.upper())[0], DATA)
        s.get(fresh=False, sha256=SHA256)
        eq(s.n_asked(), 0)
        eq(s.get(data=b''), (b'', ['all']))

def test_a_file_that_is_there_is_not_replaced(tmp_path):
    with site(tmp_path) as s:
        s.get()
        s.target.write_bytes(b'something else')
        with expect_fail(ValueError, contains='delete it to download it anew'): s.get(fresh=False, md5=MD5)
        eq(s.target.read_bytes(), b'something else')

# ---- the connection breaks

def test_continues(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(breaks(1000)), (DATA, ['all','bytes=1000-']))
        eq(s.server.seen[1][2], etag(DATA))
        eq(s.get(breaks(1000), status(503), sha256=SHA256)[1], ['all','bytes=1000-','bytes=1000-'])
        eq(s.get(breaks(0))[0], DATA) # an answer without a body

def test_a_later_call_continues(tmp_path):
    with site(tmp_path) as s:
        left = s.fails(ConnectionError, '1,000 bytes are kept in log.gz.part', breaks(1000), tries=1)
        eq(left, ['log.gz.part','log.gz.part.json'])
        eq(s.get(fresh=False), (DATA, ['bytes=1000-']))

def test_silence_ends_a_try(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(stalls(500))[1], ['all','bytes=500-'])
        s.fails(ConnectionError, 'nothing came for 0.3 s', stalls(500), tries=1)

def test_without_ranges_or_marks(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(breaks(1000), no_ranges), (DATA, ['all','bytes=1000-']))
        eq(s.get(first(1000)), (DATA, ['all','all'])) # no mark: not trusted with a second half
        eq(s.get(first(1000), sha256=SHA256), (DATA, ['all','bytes=1000-'])) # a checksum will tell

# ---- the file changes between two tries

def test_changed(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(changes(NEW, breaks(1000))), (NEW, ['all','bytes=1000-']))
        sha256 = hashlib.sha256(NEW).hexdigest()
        eq(s.get(changes(NEW, first(1000)), sha256=sha256), (NEW, ['all','bytes=1000-','all']))
        eq(s.get(changes(DATA[:900], breaks(1000)))[0], DATA[:900]) # shorter than what was there

def test_changed_and_if_range_ignored(tmp_path):
    def rest_of_new(h, data): h.send_from(1000, data, ETag=etag(data))
    with site(tmp_path) as s:
        eq(s.get(changes(NEW, breaks(1000)), rest_of_new), (NEW, ['all','bytes=1000-','all']))

def test_another_part_came(tmp_path):
    def not_told(h, data):
        h.head(200, Transfer_Encoding='chunked', ETag=etag(data))
        h.wfile.write(b'3e8\r\n'+data[:1000]+b'\r\n')
    def larger(h, data): h.send(206, data[1000:]+b'more', Content_Range=f'bytes 1000-{len(data)+3}/{len(data)+4}')
    with site(tmp_path) as s:
        eq(s.get(breaks(1000), from_byte(7, ETag=etag(DATA))), (DATA, ['all','bytes=1000-','all']))
        eq(s.get(not_told, from_byte(7, total='*')), (DATA, ['all','bytes=1000-','all'])) # no length was ever told
        eq(s.get(breaks(1000), larger), (DATA, ['all','bytes=1000-','all'])) # its total is not that of before

def test_a_date_is_a_mark(tmp_path):
    dated,rest = first(1000, Last_Modified=OLD_DATE),from_byte(1000)
    same = from_byte(1000, Last_Modified=OLD_DATE, ETag='"new"')
    later = from_byte(1000, Last_Modified=NEW_DATE)
    with site(tmp_path) as s:
        eq(s.get(dated, rest), (DATA, ['all','bytes=1000-'])) # it need not stand in the answer to an `If-Range`
        eq(s.server.seen[1][2], OLD_DATE)
        eq(s.get(dated, same)[1], ['all','bytes=1000-'])
        eq(s.get(dated, later)[1], ['all','bytes=1000-','all'])

def test_a_weak_mark_is_none(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(first(1000, ETag='W/"1"'))[1], ['all','all'])

def test_the_first_mark_holds(tmp_path):
    def some(h, data):
        h.send(206, data[1000:1500], length=len(data)-1000, Content_Range=f'bytes 1000-{len(data)-1}/{len(data)}')
    with site(tmp_path) as s:
        got = s.get(first(1000, Last_Modified=OLD_DATE), some, from_byte(1500))
        eq(got, (DATA, ['all','bytes=1000-','bytes=1500-']))

# ---- the length is a lie

def test_too_long(tmp_path):
    with site(tmp_path) as s:
        s.fails(ConnectionError, 'announced 12,000 bytes and sent 10,240', announces(12_000), tries=1)
        s.fails(ConnectionError, '4 tries failed', *[announces(12_000), status(416)]*2)
        eq(s.get(announces(1000), announces(12_000))[0], DATA) # the third time it was honest

def test_too_short(tmp_path):
    with site(tmp_path) as s:
        left = s.fails(ConnectionError, 'more than the 1,000 bytes', *[announces(1000)]*4)
        eq(left, ['log.gz.part.json']) # bytes of which none can be trusted are not kept

def test_no_length(tmp_path):
    with site(tmp_path) as s:
        eq(s.get(no_length), (DATA, ['all']))
        eq(s.get(chunked()), (DATA, ['all']))
        eq(s.get(chunked(end=b'')), (DATA, ['all','all'])) # no last chunk: they broke off

def test_connection_stays_open(tmp_path):
    def dwells(h, data):
        no_ranges(h, data)
        h.wfile.flush()
        h.server.awake.wait(3)
    with site(tmp_path) as s:
        eq(s.get(dwells), (DATA, ['all']))

def test_a_cut_that_only_a_checksum_sees(tmp_path):
    def cut(h, data): no_length(h, data[:1000])
    with site(tmp_path) as s:
        s.fails(ValueError, 'wanted '+SHA256, cut, sha256=SHA256)

# ---- bounds, refusals, errors

def test_bounds(tmp_path):
    with site(tmp_path) as s:
        eq(s.fails(ValueError, '10,240 bytes, more than `max_bytes=1,000`', max_bytes=1000), [])
        s.fails(ValueError, 'larger than `max_bytes`', no_length, max_bytes=1000)
        eq(s.get(max_bytes=len(DATA))[0], DATA)

def test_packed_on_the_way(tmp_path):
    packed = status(200, Content_Encoding='gzip')
    with site(tmp_path) as s:
        s.start([packed])
        with expect_fail(ConnectionError, contains="comes in 'gzip'"):
            download(s.address+'log.csv', s.target.with_name('log.csv'))
        eq(s.get(packed)[0], b'') # a `.gz` is stored as it is

def test_answers_that_are_no_file(tmp_path):
    with site(tmp_path) as s:
        for code,error in ((404,FileNotFoundError), (403,ConnectionError)):
            s.fails(error, str(code), status(code))
            eq(s.n_asked(), 1) # asking again would not help
        s.fails(ConnectionError, '4 tries failed, the last one because 503', *[status(503)]*9)
        eq(s.n_asked(), 4)

def test_waits(tmp_path):
    moods = status(429, Retry_After='7'),status(503),status(503, Retry_After='soon')
    with site(tmp_path) as s, patch('time.sleep') as sleep:
        s.get(*moods, wait=1.)
    eq([call.args[0] for call in sleep.call_args_list], [7,2,4])

def test_addresses(tmp_path):
    with site(tmp_path) as s:
        for bad in ('file:///etc/passwd', 'ftp://127.0.0.1/a', 'data:,a', 'log.gz', 'http://', s.address+'a b'):
            with expect_fail(ValueError, contains='wanted an address'): download(bad, s.target)
        with expect_fail(IsADirectoryError, contains='name the file'): download(s.address+'log.gz', tmp_path)

def test_redirects(tmp_path):
    with site(tmp_path) as s:
        for to in ('file:///etc/passwd', 'ftp://127.0.0.1/a', 'data:,a'):
            s.fails(ValueError, 'redirects to', status(302, Location=to))
        eq(s.get(status(302, Location='/moved'))[0], DATA)
        eq(s.server.seen[1][0], '/moved')
        s.fails(ValueError, 'at most 10 steps', *[status(302, Location=f'/{i}') for i in range(20)])
    down = Request('https://a.b/c'),None,302,'Found',{},'http://a.b/c'
    with expect_fail(HTTPError): _Redirect().redirect_request(*down)

def test_checksums(tmp_path):
    with site(tmp_path) as s:
        with expect_fail(ValueError, contains='64 hex digits'): s.get(sha256=MD5)
        eq(s.fails(ValueError, 'nothing was kept', sha256='0'*64), ['log.gz.part.json'])

def test_nobody_listens(tmp_path):
    nobody = ThreadingHTTPServer(('127.0.0.1', 0), Answer)
    port = nobody.server_port
    nobody.server_close()
    with expect_fail(ConnectionError, contains='2 tries failed'):
        download(f'http://127.0.0.1:{port}/a', tmp_path/'a', tries=2, wait=.01, timeout=.3)

def test_full_disk(tmp_path):
    full = shutil._ntuple_diskusage(10, 10, 0)
    with site(tmp_path) as s:
        with patch('shutil.disk_usage', return_value=full):
            s.fails(OSError, 'make room and call again') # seen before the first byte, where the length is known
        with room(4000): # and at the byte that finds no room where it is not
            s.fails(OSError, 'make room and call again', no_length)

def test_several_at_once(tmp_path):
    def slow(h, data):
        time.sleep(.2)
        honest(h, data)
    with site(tmp_path) as s:
        s.start([slow])
        threads = [threading.Thread(target=download, args=(s.address+'log.gz', s.target)) for _ in range(3)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        eq((s.target.read_bytes(), s.n_asked()), (DATA, 1)) # the others waited, and found the file

def test_the_bar_counts_bytes(tmp_path):
    printed = io.StringIO()
    with site(tmp_path) as s, redirect_stderr(printed), patch.dict(os.environ, GENREC_PROGRESS='text'):
        s.get(breaks(1000), on=True)
    assert 'log.gz: 100%' in printed.getvalue() and '10.2k/10.2k' in printed.getvalue(), printed.getvalue()

"""`genrec.data.image_bytes` and `genrec.data.image_files` against files and folders that nobody should trust"""
import json, os, struct, warnings, zlib
from contextlib import contextmanager
from io import BytesIO
from unittest import mock
import numpy as np
import PIL.Image, PIL.ImageFile
from fastcore.test import test_eq as eq, expect_fail
from genrec.data.image_bytes import BadImage, check_image, _webp_size
from genrec.data.image_files import _Checker, check_images, images_of

# ---- files

def encoded(im, format, **options):
    b = BytesIO()
    im.save(b, format, **options)
    return b.getvalue()

def chunk(kind, data): return struct.pack('>I', len(data))+kind+data+struct.pack('>I', zlib.crc32(kind+data))

def png(w, h, data=b''):
    header = struct.pack('>II', w, h)+bytes([8,2,0,0,0])
    return b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', header)+chunk(b'IDAT', zlib.compress(data))+chunk(b'IEND', b'')

def webp(kind, data): return b'RIFF'+struct.pack('<I', 12+len(data))+b'WEBP'+kind+struct.pack('<I', len(data))+data

NOISE = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (30,40,3), np.uint8))
FLAT = PIL.Image.new('RGB', (40,30), '#0072b2')
GOOD = {k:encoded(NOISE, k) for k in ('JPEG','PNG','WEBP','GIF')}
GOOD |= {
    'MPO': encoded(NOISE, 'MPO', save_all=True, append_images=[FLAT]),
    'WEBP lossless': encoded(NOISE, 'WEBP', lossless=True),
    'WEBP extended': encoded(NOISE.convert('RGBA'), 'WEBP', exif=b'Exif\0\0'),
}
HALF = {k:raw[:len(raw)//2] for k,raw in GOOD.items() if k!='MPO'}
HUGE = struct.pack('<HH', 65535, 65535)
BOMBS = {
    'PNG': png(100_000, 100_000),
    'PNG of 2,000 x 501': png(2000, 501),
    'GIF screen': b'GIF89a'+HUGE+GOOD['GIF'][10:],
    'GIF frame': GOOD['GIF'].replace(bytes(4)+struct.pack('<HH', 40, 30), bytes(4)+HUGE),
    'JPEG': GOOD['JPEG'].replace(struct.pack('>HH', 30, 40), HUGE),
    'WEBP lossless': webp(b'VP8L', b'\x2f'+struct.pack('<I', 16382|16382<<14)+bytes(20)),
    'WEBP': webp(b'VP8 ', bytes(3)+b'\x9d\x01\x2a'+struct.pack('<HH', 16383, 16383)+bytes(9)),
    'WEBP extended': webp(b'VP8X', bytes(4)+(16_000_000).to_bytes(3, 'little')*2),
}
ODD = { # name -> reason, content
    'an error page': ('unknown format', b'<html>404 Not Found</html>'),
    'a BMP': ('unknown format', encoded(FLAT, 'BMP')),
    '12 bytes of JPEG': ('broken', GOOD['JPEG'][:12]),
    '20 bytes of PNG': ('broken', GOOD['PNG'][:20]),
    'a wrong checksum': ('broken', GOOD['PNG'].replace(b'IDAT', b'IDAT\1', 1)),
    '300 scans': ('broken', GOOD['JPEG']+b'\xff\xda'*300),
    '1 x 1': ('too small', encoded(FLAT.resize((1,1)), 'GIF')),
    'three frames': ('animated', encoded(FLAT, 'GIF', save_all=True, append_images=[NOISE,FLAT])),
    'APNG': ('animated', encoded(FLAT, 'PNG', save_all=True, append_images=[NOISE])),
    'moving WEBP': ('animated', encoded(FLAT, 'WEBP', save_all=True, append_images=[NOISE])),
}

@contextmanager
def watched():
    "The sizes of the pictures that are decoded"
    decoded,load = [],PIL.ImageFile.ImageFile.load
    def noted(im):
        decoded.append(im.size)
        return load(im)
    with mock.patch.object(PIL.ImageFile.ImageFile, 'load', noted):
        yield decoded

@contextmanager
def warned():
    "Texts of the warnings"
    texts = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', UserWarning)
        yield texts
    texts += [str(w.message) for w in caught]

def fault(raw, max_pixels=1000*1000, **rules):
    "(reason, detail, size); the reason is '' where it is a picture"
    try:
        return '','',check_image(raw, max_pixels=max_pixels, **rules)
    except BadImage as e:
        return e.why,e.detail,e.size

# ---- the bytes of one file

def test_good():
    eq({k:fault(raw) for k,raw in GOOD.items()}, dict.fromkeys(GOOD, ('','',(40,30))))
    eq([_webp_size(raw) for k,raw in GOOD.items() if 'WEBP' in k], [(40,30)]*3)

def test_bombs_are_not_decoded():
    with watched() as decoded, warnings.catch_warnings():
        warnings.simplefilter('ignore') # Pillow warns of what is counted here
        eq({k:fault(raw)[0] for k,raw in BOMBS.items()}, dict.fromkeys(BOMBS, 'too many pixels'))
    eq(decoded, [])
    eq(fault(BOMBS['PNG'])[1], '10,000,000,000 pixels')
    eq(fault(BOMBS['WEBP lossless'])[1:], ('16,383 x 16,383',(16383,16383)))
    eq(fault(png(2000, 500, bytes(501*6001)))[0], '') # exactly a million pixels is allowed

def test_faults():
    eq({k:fault(raw)[0] for k,raw in HALF.items()}, dict.fromkeys(HALF, 'truncated'))
    eq({k:fault(raw)[0] for k,(_,raw) in ODD.items()}, {k:why for k,(why,_) in ODD.items()})
    eq(fault(ODD['a BMP'][1], formats=('BMP',)), ('','',(40,30))) # a matter of what is asked for

def test_details():
    eq(fault(ODD['1 x 1'][1])[1], '1 x 1')
    eq(fault(HALF['WEBP'])[1], f"{len(HALF['WEBP']):,} of {len(GOOD['WEBP']):,} bytes")
    eq(fault(ODD['an error page'][1])[1], "it begins with b'<html>404 No'")

# ---- a folder

def shop(folder):
    "A folder of files, a second one beside it whose name begins alike, and a secret"
    root = folder/'shop'
    (root/'more').mkdir(parents=True)
    (folder/'shop-2').mkdir()
    (folder/'secret.png').write_bytes(GOOD['PNG'])
    (folder/'shop-2'/'b.png').write_bytes(GOOD['PNG'])
    files = {'a.jpg':GOOD['JPEG'], 'b.png':GOOD['PNG'], 'c.webp':GOOD['WEBP'], 'd.gif':GOOD['GIF'],
             'a2.jpg':GOOD['JPEG'], 'half.jpg':HALF['JPEG'],
             'page.jpg':ODD['an error page'][1], 'bomb.png':BOMBS['PNG'], 'none.png':b'',
             'line\nbreak.png':HALF['PNG'], 'moves.gif':ODD['three frames'][1], 'dot.gif':ODD['1 x 1'][1],
             'big.png':GOOD['PNG']+bytes(100_000)}
    for name,raw in files.items():
        (root/name).write_bytes(raw)
    (root/'inside.jpg').symlink_to('a.jpg')
    (root/'out.png').symlink_to('../secret.png')
    (root/'more'/'out').symlink_to(folder)
    (root/'loop').symlink_to('loop')
    os.mkfifo(root/'pipe')
    return root

def test_folder(tmp_path):
    root = shop(tmp_path)
    expected = dict.fromkeys(['a.jpg', 'b.png', 'c.webp', 'd.gif', 'a2.jpg', 'inside.jpg', 'more/../b.png'], '')
    expected |= {'half.jpg':'truncated', 'line\nbreak.png':'truncated', 'page.jpg':'unknown format', 'none.png':'empty',
                 'bomb.png':'too many pixels', 'big.png':'too many bytes', 'moves.gif':'animated',
                 'dot.gif':'too small', 'more':'not a file', 'pipe':'not a file', 'loop':'unreadable'}
    expected |= dict.fromkeys(['no.jpg', 'a.jpg/b.jpg', 'nul\0.jpg'], 'missing')
    expected |= dict.fromkeys(['out.png', 'more/out/secret.png', '../secret.png', '../shop-2/b.png', '../nothing.png',
                               '/dev/zero', str(tmp_path/'secret.png')], 'outside')
    c = check_images(list(expected), root, max_bytes=100_000, workers=2)
    eq(dict(zip(c.names, c.why)), expected)
    eq(c.missing.tolist(), [bool(w) for w in expected.values()])
    eq((len(c.good), len(c.bad), c.counts['outside']), (7,21,7))
    eq(list(c.counts.items())[:4], [('outside',7), ('missing',3), ('not a file',2), ('truncated',2)])
    eq(c.twins, [('a.jpg','a2.jpg','inside.jpg'), ('b.png','more/../b.png')])
    eq([c.size[c.names.index(n)].tolist() for n in ('a.jpg','dot.gif','page.jpg')], [[40,30],[1,1],[0,0]])
    assert all(path=='' for path,why in zip(c.paths, c.why) if why=='outside')

def test_nothing_to_check():
    eq((len(check_images({})), check_images(dict(x=None)).bad), (0, dict(x='no file')))

# ---- the cache

FEW = dict(a='a.jpg', a2='a2.jpg', half='half.jpg')

def test_cache(tmp_path):
    root,cache = shop(tmp_path),tmp_path/'seen.json'
    def check(paths=FEW, **options): return check_images(paths, root, cache=cache, workers=1, **options)
    with watched() as decoded:
        a,b = check(),check()
        eq(len(decoded), 3)
        eq((b.names, b.paths, b.why, b.detail, b.digest), (a.names, a.paths, a.why, a.detail, a.digest))
        eq(b.size.tolist(), a.size.tolist())
        eq(check(max_pixels=1000).why, ('too many pixels',)*3) # other rules: 1,200 are too many now
        eq(len(decoded), 3)
        check(['b.png'])
        check()
        check(['b.png'])
        eq(len(decoded), 7) # one cache serves several calls: b.png, and the three after the other rules

def test_cache_and_changed_file(tmp_path):
    root,cache = shop(tmp_path),tmp_path/'seen.json'
    first = check_images(FEW, root, cache=cache)
    before = os.stat(root/'a2.jpg')
    (root/'a2.jpg').write_bytes(GOOD['JPEG'][:-300]+bytes(300))
    os.utime(root/'a2.jpg', ns=(before.st_atime_ns, before.st_mtime_ns))
    after = os.stat(root/'a2.jpg')
    eq((after.st_size, after.st_mtime_ns), (before.st_size, before.st_mtime_ns))
    with watched() as decoded:
        assert check_images(FEW, root, cache=cache).digest[1]!=first.digest[1]
    eq(len(decoded), 1)

def test_cache_never_says_where_a_file_lies(tmp_path):
    root,cache = shop(tmp_path),tmp_path/'seen.json'
    check_images(FEW, root, cache=cache)
    eq(check_images({'a':root/'a.jpg'}, root/'more', cache=cache).bad, dict(a='outside'))

def test_damaged_cache(tmp_path):
    root,cache = shop(tmp_path),tmp_path/'seen.json'
    key = json.loads(_cache_of(root, cache))['key']
    for content in ('{"key": 1, "files": ', '[]', json.dumps(dict(key=key, files={str(root/'a.jpg'):[1,2,3,'']}))):
        cache.write_text(content)
        with warned() as said:
            eq(check_images(FEW, root, cache=cache).bad, dict(half='truncated'))
        eq(len(said), 1)
        assert 'is no cache of `check_images`' in said[0], said

def _cache_of(root, cache):
    check_images(FEW, root, cache=cache)
    return cache.read_text()

def test_interrupted_check_is_kept(tmp_path):
    root,cache = shop(tmp_path),tmp_path/'seen.json'
    check = _Checker.__call__
    def interrupted(self, path):
        if path=='no.jpg': raise KeyboardInterrupt
        return check(self, path)
    with mock.patch.object(_Checker, '__call__', interrupted), expect_fail(KeyboardInterrupt):
        check_images(['a.jpg']*32+['no.jpg'], root, cache=cache, workers=1)
    eq(len(json.loads(cache.read_text())['files']), 1)

# ---- the file of an item

def found(root, *args, **kwargs):
    "Item -> file below `root`, and the warnings"
    with warned() as said:
        files = images_of(root, *args, **kwargs)
    return {k:os.path.relpath(v, root) for k,v in files.items()},[s.replace(str(root), 'FOLDER') for s in said]

def several(tmp_path):
    root = shop(tmp_path)
    (root/'more'/'7.PNG').write_bytes(GOOD['PNG'])
    (root/'8.txt').write_bytes(b'no picture')
    (root/'9.jpg').write_bytes(b'')
    (root/'more'/'9.png').write_bytes(b'')
    return root

def out(n): return [f'{n} links or names lead out of FOLDER: they are no image of any item']

def test_called_like_the_item(tmp_path):
    root = several(tmp_path)
    files,said = found(root, ('7','a','8','../secret','out','inside','b',5))
    eq(files, {'7':'more/7.PNG', 'a':'a.jpg', 'inside':'inside.jpg', 'b':'b.png'}) # `out` is a link to the secret
    eq(said, out(1))
    with expect_fail(ValueError, contains="item '9' has 2 files, ['9.jpg', 'more/9.png'] (1 such items)"):
        found(root, ('a','9'))
    _,said = found(root, ('cup',))
    eq(said[1], "none of the 1 items has a file in FOLDER: items are called ['cup'], files ['8.txt', '9.jpg', 'a.jpg']")

def test_stated_files(tmp_path):
    root = several(tmp_path)
    stated = dict(x='a.jpg', y='more/../b.png', z='../secret.png', u='/etc/passwd', v=None, w='more/none.jpg')
    files,said = found(root, 'xyzuvw', files=stated)
    eq((files, said), (dict(x='a.jpg', y='b.png'), out(3)))
    with expect_fail(ValueError, contains="the file of item 'x' is 3"): images_of(root, ('x',), files=dict(x=3))

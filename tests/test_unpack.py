"""`genrec.data.unpack` and archives that nobody should trust"""
import gzip, io, stat, tarfile, zipfile
from fastcore.test import test_eq as eq, expect_fail
from genrec.data.unpack import unpack

OK = ('ok.txt', b'fine') # the good file that stands before the bad one
ZEROS = bytes(11_000_000)

def zipped(path, *members):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        for name,content in members:
            z.writestr(name, content)
    return path

def tarred(path, *members):
    "A content that is not bytes is (type, target) of a link or a device"
    with tarfile.open(path, 'w:gz') as t:
        for name,content in members:
            m = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                m.size = len(content)
                t.addfile(m, io.BytesIO(content))
            else:
                m.type,m.linkname = content
                t.addfile(m)
    return path

def written(path, content):
    path.write_bytes(content)
    return path

def refused(archive, reason, **limits):
    "Assert that it is refused, and that nothing lies in the folder"
    out = archive.parent/f'out-{archive.name}'
    with expect_fail(ValueError, contains=reason): unpack(archive, out, **limits)
    eq(list(out.iterdir()), [])

def test_a_folder_is_a_name_too(tmp_path):
    files = unpack(zipped(tmp_path/'a.zip', ('ml/', b''), OK, ('ml/deep/er.txt', b'x')), tmp_path/'out')
    eq([f.relative_to(tmp_path/'out').as_posix() for f in files], ['ok.txt','ml/deep/er.txt'])
    files = unpack(tarred(tmp_path/'a.tar.gz', ('./', (tarfile.DIRTYPE, '')), OK), tmp_path/'out2')
    eq([f.name for f in files], ['ok.txt'])

def test_files_are_replaced(tmp_path):
    for content in (b'old', b'new'):
        files = unpack(zipped(tmp_path/'a.zip', ('a', content)), tmp_path/'out')
    eq([f.read_bytes() for f in files], [b'new'])

def test_paths_that_lead_out(tmp_path):
    for i,name in enumerate(('/etc/passwd', '../up', 'a/../../up', '..\\up', 'C:\\up', 'a\nb')):
        refused(zipped(tmp_path/f'{i}.zip', OK, (name, b'x')), 'leads out')
        refused(tarred(tmp_path/f'{i}.tar.gz', OK, (name, b'x')), 'leads out')
    refused(tarred(tmp_path/'dot.tar.gz', OK, ('.', b'x')), 'leads out')

def test_links_and_devices(tmp_path):
    link = zipfile.ZipInfo('link')
    link.external_attr = (stat.S_IFLNK|0o777)<<16
    refused(zipped(tmp_path/'link.zip', OK, (link, '/etc/passwd')), 'a link or a device')
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
        archive = tarred(tmp_path/f'{kind[0]}.tar.gz', OK, ('x', (kind, '/etc/passwd')))
        refused(archive, 'a link or a device')

def test_a_link_that_was_there(tmp_path):
    away,out = tmp_path/'away',tmp_path/'out'
    away.mkdir()
    out.mkdir()
    (out/'ml').symlink_to(away)
    with expect_fail(ValueError, contains='a link stands in the way'):
        unpack(zipped(tmp_path/'a.zip', ('ml/u.data', b'x')), out)
    eq(list(away.iterdir()), [])

def test_a_link_in_place_of_a_file(tmp_path):
    secret,out = written(tmp_path/'secret', b'secret'),tmp_path/'out'
    out.mkdir()
    (out/'a').symlink_to(secret)
    unpack(zipped(tmp_path/'a.zip', ('a', b'x')), out) # replaces the link, not what it leads to
    eq((secret.read_bytes(), (out/'a').read_bytes(), (out/'a').is_symlink()), (b'secret', b'x', False))

def test_encrypted(tmp_path):
    raw = bytearray(zipped(tmp_path/'a.zip', OK).read_bytes())
    raw[raw.index(b'PK\1\2')+8] |= 1
    refused(written(tmp_path/'secret.zip', raw), 'encrypted: wanted plain')

def test_bounds(tmp_path):
    refused(zipped(tmp_path/'twice.zip', OK, ('OK.txt', b'other')), 'twice')
    refused(zipped(tmp_path/'many.zip', OK, ('1', b''), ('2', b'')), '`max_files=2`', max_files=2)
    refused(zipped(tmp_path/'big.zip', OK, ('x', b'x'*1001)), '`max_bytes=1,000`', max_bytes=1000)
    refused(tarred(tmp_path/'big.tar.gz', OK, ('x', b'x'*2001)), '`max_bytes=2,000`', max_bytes=2000)

def test_bombs(tmp_path):
    refused(zipped(tmp_path/'bomb.zip', OK, ('x', ZEROS)), 'a bomb?')
    refused(tarred(tmp_path/'bomb.tar.gz', OK, ('x', ZEROS)), 'a bomb?')
    refused(written(tmp_path/'bomb.gz', gzip.compress(ZEROS)), 'a bomb?')

def test_a_bomb_between_the_members(tmp_path):
    raw = gzip.decompress(tarred(tmp_path/'a.tar.gz', OK).read_bytes())+ZEROS
    refused(written(tmp_path/'behind.tar.gz', gzip.compress(raw)), 'a bomb?')

def test_damage(tmp_path):
    raw = dict(zip=zipped(tmp_path/'a.zip', OK, ('x', b'x'*1000)).read_bytes(),
               tar=tarred(tmp_path/'a.tar.gz', OK).read_bytes(), gz=gzip.compress(b'{}'))
    for kind,content in raw.items():
        refused(written(tmp_path/f'cut.{kind}.gz', content[:-9]), 'broken or cut off')
    flipped = bytearray(raw['zip'])
    flipped[40] ^= 255
    refused(written(tmp_path/'flipped.zip', flipped), 'broken or cut off')

def test_no_archive(tmp_path):
    refused(written(tmp_path/'page.zip', b'<html>404</html>'), 'web page')
    refused(written(tmp_path/'one.zip', gzip.compress(b'{}')), 'wanted a name that ends in .gz')
    with expect_fail(FileNotFoundError): unpack(tmp_path/'none.zip', tmp_path/'out')
    assert not (tmp_path/'out').exists()

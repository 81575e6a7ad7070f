"""Bits that flip and files that are cut off: a load gives an equal value, or an error of ours that names the file"""
import bz2, gzip, lzma, os, random, warnings, zipfile
import torch
from genrec.codes.index_json import open_index, save_index
from genrec.codes.language import QuantitativeLanguage
from genrec.codes.translate import Translators
from genrec.core.checkpoint import load_checkpoint, save_checkpoint
from genrec.core.record import Run
from genrec.core.store import Store
from genrec.core.values import Histories, Samples, SemanticIds, Split, set_seed
from genrec.data.catalog import load_catalog, open_catalog, save_catalog
from genrec.data.log import index_log, load_log, load_split, save_log, save_split
from genrec.data.sources import load_interactions, save_interactions
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.sasrec import SASRec

N = int(os.environ.get('GENREC_DAMAGES', '200')) # of each kind
SEED = int(os.environ.get('GENREC_DAMAGE_SEED', '28'))
IDS = SemanticIds(torch.arange(60).view(20,3)%7, (7,7,7))
USERS,ITEMS = [f'u{i//9}' for i in range(90)],[f'i{i*7%31}' for i in range(90)]
LOG = index_log(dict(user=USERS, item=ITEMS, time=list(range(90))))

def rows(t): return [tuple(r.values()) for r in t.to_pyarrow().to_pylist()]

def damaged(raw, chance):
    "One bit is another, or the end is gone, or some bytes are zero"
    if chance.random()<.2:
        return raw[:chance.randrange(len(raw))]
    new = bytearray(raw)
    at = chance.randrange(len(raw))
    if chance.random()<.1:
        new[at:at+16] = bytes(len(new[at:at+16]))
    else:
        new[at] ^= 1<<chance.randrange(8)
    return bytes(new)

def is_ours(e, file):
    "Whether an error is worded here, and names the file or its folder"
    kinds = (ValueError, OSError, FileNotFoundError, IsADirectoryError)
    return type(e) in kinds and (file.name in str(e) or file.parent.name in str(e))

def withstands(place, load, n=None):
    "Damage the files of a folder one at a time, and load what is left"
    chance,files = random.Random(SEED),[p for p in place.rglob('*') if p.is_file() and p.suffix!='.md']
    wanted,told = load(),0
    for i in range(n or N):
        file = chance.choice(files)
        raw = file.read_bytes()
        file.write_bytes(damaged(raw, chance) if raw else b'x')
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            try:
                got = load()
                assert got==wanted, f'damage {i} of seed {SEED}, in {file.name}: another value'
            except AssertionError:
                raise
            except Exception as e:
                assert is_ours(e, file), f'damage {i} of seed {SEED}, in {file.name}: {type(e).__name__}: {e}'
                told += 1
        file.write_bytes(raw)
    print(f'seed {SEED}: {n or N} damages, {told} told, {(n or N)-told} without effect')
    assert load()==wanted and told

def test_run_files(tmp_path):
    ranks = torch.arange(300)%7-1
    config,seconds = dict(k=10, sizes=[3,4]),dict(fit=2.5)
    file = Run('popular', 'toy', config, {'recall@10': 1/3}, seconds=seconds, ranks=ranks).save(tmp_path)
    def load():
        r = Run.load(file)
        return r.config,r.metrics,r.seed,r.seconds,r.versions,r.ranks.tolist(),r.system,r.data
    withstands(tmp_path, load)

def test_mapped_logs(tmp_path):
    save_log(LOG, tmp_path/'log')
    def load():
        log = load_log(tmp_path/'log')
        return log.user.tolist(),log.item.tolist(),log.time.tolist(),log.users,log.items,log.unit
    withstands(tmp_path/'log', load)

def test_mapped_splits(tmp_path):
    def samples(a, b):
        start = torch.arange(a, b)
        return Samples(start%3, Histories(LOG.item, start, start+4), start%5)
    parts = dict(train=samples(0,40), valid=samples(40,50), test=samples(50,60))
    save_split(Split(**parts, n_items=31, rule='by hand'), tmp_path/'split')
    def load():
        s = load_split(tmp_path/'split')
        parts = [(p.user.tolist(), p.target.tolist(), p.history.tolist()) for p in (s.train, s.valid, s.test)]
        return parts,s.n_items,s.rule
    withstands(tmp_path/'split', load)

def as_lists(tensors): return {name: (str(x.dtype), x.tolist()) for name,x in sorted(tensors.items())}

def test_checkpoints(tmp_path):
    file = tmp_path/'fit.safetensors'
    save_checkpoint(file, {'a': torch.randn(20,5), 'b': torch.arange(9), 'c': torch.tensor(True)}, dict(step=3, lr=.1))
    def load():
        tensors,meta = load_checkpoint(file)
        return as_lists(tensors),meta
    withstands(tmp_path, load)

def rqvae():
    set_seed(0)
    return RQVAE(6, sizes=(4,4), hidden=(8,), code_dim=3)

def test_saved_quantizers(tmp_path):
    rqvae().save_pretrained(tmp_path/'q')
    def load():
        m = RQVAE.from_pretrained(tmp_path/'q')
        return as_lists(m.state_dict()),m.sizes
    withstands(tmp_path/'q', load)

def test_saved_recommenders(tmp_path):
    set_seed(0)
    SASRec(12, dim=8, n_heads=1, n_layers=1, max_history=5).save_pretrained(tmp_path/'r')
    def load():
        m = SASRec.from_pretrained(tmp_path/'r')
        return as_lists(m.state_dict()),m.recommend([[1,2]], k=3).items.tolist()
    withstands(tmp_path/'r', load)

def test_translators(tmp_path):
    Translators(dict(text=rqvae(), image=rqvae()), across=True).save_pretrained(tmp_path/'t')
    def load():
        t = Translators.from_pretrained(tmp_path/'t')
        return {m: as_lists(q.state_dict()) for m,q in t.models.items()},t.across,t.mark
    withstands(tmp_path/'t', load)

def test_languages(tmp_path):
    names = tuple(f'd{i//10}:{i}' for i in range(20))
    QuantitativeLanguage(names, dict(text=IDS, image=IDS), mark='0123').save_pretrained(tmp_path/'lang')
    def load():
        t = QuantitativeLanguage.from_pretrained(tmp_path/'lang')
        return t.items,t.sizes,t.mark,t.sep,{m: s.codes.tolist() for m,s in t.sids.items()}
    withstands(tmp_path/'lang', load)

def test_indices(tmp_path):
    for layout in ('words', 'numbers'):
        folder = tmp_path/layout
        folder.mkdir()
        save_index(IDS, folder/'x.index.json', layout=layout)
        def load():
            index = open_index(folder/'x.index.json')
            return index.items,index.sids.codes.tolist(),index.sids.sizes
        withstands(folder, load)

def test_catalogues(tmp_path):
    from PIL import Image
    Image.new('RGB', (4,3), 'red').save(tmp_path/'red.png')
    shop = {f'i{i}': dict(title=f'Thing {i}', brand='Ah') for i in range(20)}
    catalog = load_catalog(shop, tuple(shop), ('title','brand'), images={'i3': tmp_path/'red.png'})
    save_catalog(catalog, tmp_path/'c'/'shop.arrow', rows=6)
    def load():
        c = open_catalog(tmp_path/'c'/'shop.arrow')
        pictures = [None if picture is None else picture.tobytes() for picture in c['image']]
        return c['item'][:],c['title'][:],c['text'][:],c['missing'][:],pictures
    withstands(tmp_path/'c', load)

def test_saved_interactions(tmp_path):
    table = dict(user=USERS, item=ITEMS, time=list(range(10**9, 10**9+90)))
    for kind in ('csv', 'parquet'):
        save_interactions(table, tmp_path/kind/f'x.{kind}')
        withstands(tmp_path/kind, lambda: rows(load_interactions(tmp_path/kind/f'x.{kind}')), 60)

def test_the_store_makes_damaged_results_again(tmp_path):
    store = Store(tmp_path)
    def make(n): return torch.arange(n)
    store.get(make, n=50)
    file, = tmp_path.glob('*.safetensors')
    chance = random.Random(SEED)
    for _ in range(N):
        file.write_bytes(damaged(file.read_bytes(), chance))
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            assert store.get(make, n=50).tolist()==[*range(50)]

TEXT = ('user,item,time\n'+''.join(f'u{i%17},i{i*i%101},{1_500_000_000+i*977}\n' for i in range(400))).encode()

def zipped(text, path):
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('x.csv', text)
    return path.read_bytes()

def flip_each(folder, raw, bits):
    "Flip bits of a packed file one at a time: the rows are the same, or an error names the file"
    file = folder/'x.csv'
    file.write_bytes(raw)
    wanted,told = rows(load_interactions(file)),0
    for bit in bits:
        new = bytearray(raw)
        new[bit//8] ^= 1<<bit%8
        file.write_bytes(new)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                got = rows(load_interactions(file))
            assert got==wanted, f'bit {bit}: other rows'
        except (ValueError, OSError) as e:
            assert 'x.csv' in str(e) and type(e) is ValueError, f'bit {bit}: {type(e).__name__}: {e}'
            told += 1
    print(f'{len(bits)} bits flipped, {told} told')
    assert told

def test_packed_files_are_checked(tmp_path):
    chance = random.Random(SEED)
    one,two = gzip.compress(TEXT, mtime=0),gzip.compress(TEXT[:999], mtime=0)+gzip.compress(TEXT[999:], mtime=0)
    for raw in (one, two, bz2.compress(TEXT), lzma.compress(TEXT), zipped(TEXT, tmp_path/'x.zip')):
        end = 8*len(raw)
        inside = [chance.randrange(96, end-64) for _ in range(40)]
        flip_each(tmp_path, raw, [*range(0, 96, 7), *inside, *range(end-64, end, 5)])

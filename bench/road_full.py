"""Files of the full size of UTGRec's pre-training, made up, through a road's stages: time and peak memory of each

    python bench/road_full.py                 344,412 items, 999,334 users, 8,609,909 interactions
    python bench/road_full.py --share .1      a tenth of it
    python bench/road_full.py --images 2000   so many of the items get a picture file, which is looked at once

Everything but the forward passes of the encoders, in whose place vectors are drawn. Each stage runs in a process of
its own, whose largest memory is what the system says of it."""
import argparse, gzip, json, os, resource, shutil, subprocess, sys, tempfile, time
from functools import partial
from pathlib import Path
import numpy as np

ITEMS,USERS,ROWS,WIDTH = 344_412,999_334,8_609_909,1536
STAGES = 'make', 'filter', 'encode', 'tokenize', 'samples', 'measure'

def shop():
    from genrec.study.road_fetch import Shop
    return Shop('Arts_Crafts_and_Sewing', 2023)

def place(folder, name, **settings):
    "A stage's place in the folder of this run"
    from genrec.study.road import Place
    said = dict(shops=(shop(),), kinds={2023: ('ratings', 'items')}, filters=('k_core',), max_chars=1000,
                text=('title', 'features', 'categories'), sources=(shop(),), targets=(), seed=0)
    read = {other: folder/'road'/other for other in ('fetch', 'filter', 'encode', 'tokenize')}
    (folder/'road'/name/'work').mkdir(parents=True, exist_ok=True)
    return Place(folder/'road'/name, folder, said | settings, {}, read=read)

def seal(p, said):
    from genrec.study.road import write_seal
    write_seal(p.folder, dict(stage=p.folder.name), said, 0.)

# ---- files as the release has them

def write_ratings(path, share, rng):
    "Every user five times or more; items by popularity"
    users,items,rows = (round(n*share) for n in (USERS, ITEMS, ROWS))
    n = 5+rng.geometric(1/(rows/users-4), users)-1
    user = np.repeat(np.arange(users), n)
    item = np.concatenate([np.tile(np.arange(items), 5), (items*rng.random(max(0, len(user)-5*items))**2).astype(int)])
    item = rng.permutation(item[:len(user)])
    when = 1_500_000_000_000+rng.integers(0, 10**11, len(user))
    with gzip.open(path, 'wt', compresslevel=1) as out:
        out.write('user_id,parent_asin,rating,timestamp\n')
        for i in range(0, len(user), 200_000):
            part = zip(user[i:i+200_000], item[i:i+200_000], when[i:i+200_000])
            out.write(''.join(f'AE{u:026d},B{v:09d},5.0,{t}\n' for u,v,t in part))
    return len(user)

def write_items(path, share, rng):
    "Three times as many products as survive, with texts of some 600 letters"
    words = [f'word{i}' for i in range(5000)]
    with gzip.open(path, 'wt', compresslevel=1) as out:
        for i in range(round(3*ITEMS*share)):
            chosen = [words[j] for j in rng.integers(0, len(words), 60)]
            title,features = ' '.join(chosen[:12]),[' '.join(chosen[12:])]
            out.write(json.dumps(dict(main_category='Arts', title=title, features=features, description=[], price=9.9,
                images=[], store='Shop', categories=['Arts', chosen[0]], parent_asin=f'B{i:09d}'))+'\n')

def make(folder, share, n_images):
    from genrec.data.official import OFFICIAL
    p,rng = place(folder, 'fetch'),np.random.default_rng(0)
    files = {}
    for kind,write in (('ratings', write_ratings), ('items', write_items)):
        path = Path('official/amazon2023')/OFFICIAL['amazon2023']['files'][kind].format(shop().category)
        (folder/path).parent.mkdir(parents=True, exist_ok=True)
        write(folder/path, share, rng)
        files[kind] = dict(path=path.as_posix(), size=(folder/path).stat().st_size)
    seal(p, {f'amazon2023/{shop().category}': files})

# ---- the stages

def run_filter(folder, share, n_images):
    from genrec.study.road_filter import filter_shops
    p = place(folder, 'filter')
    said = filter_shops(p)
    seal(p, said)
    print('  left: users, items, interactions', *next(iter(said.values()))['left'])

def encode(folder, share, n_images):
    "Drawn vectors in place of an encoder's, in shards, joined into one array; pictures are looked at once"
    import torch
    from genrec.core.values import Embeddings
    from genrec.data.images import image_of
    from genrec.study.road_encode import join_shards, shop_rows, write_shards
    p = place(folder, 'encode')
    n = shop_rows(p, (shop(),))[shop()].stop
    looked = look_at_pictures(folder, n_images, image_of)
    def read(first, end):
        g = torch.Generator().manual_seed(first)
        return Embeddings(torch.randn(end-first, WIDTH, generator=g), 'drawn')
    write_shards(p, 'text', n, read)
    (p.folder/'vectors.json').write_text(json.dumps(dict(text=join_shards(p, 'text', n))))
    seal(p, {})
    print(f'  {n:,} vectors of {WIDTH}, {looked:,} pictures decoded once')

def look_at_pictures(folder, n, image_of):
    "Write picture files, and decode each once through a catalogue of paths"
    from datasets import Dataset, Image
    from genrec.data.toy_goods import toy_image
    from genrec.data.toy_goods import COLOURS
    if not n:
        return 0
    (folder/'pictures').mkdir(exist_ok=True)
    paths = [folder/'pictures'/f'{i:07d}.jpg' for i in range(n)]
    for i,path in enumerate(paths):
        toy_image(i%12, COLOURS[i%len(COLOURS)]).resize((500, 500)).save(path, 'JPEG')
    catalog = Dataset.from_dict(dict(image=list(map(str, paths)))).cast_column('image', Image())
    return sum(image_of(catalog, i).size==(500, 500) for i in range(n))

def tokenize(folder, share, n_images):
    "Codes of all items by residual k-means of a part of the vectors, unique by the next nearest; the audit"
    from genrec.codes.rules import next_nearest, residual_distance
    from genrec.quantize.base import to_sids
    from genrec.quantize.rq import ResidualQuantizer
    from genrec.study.road_codes import keep_codes
    from genrec.study.road_encode import load_vectors
    p = place(folder, 'tokenize')
    emb = load_vectors(folder/'road'/'encode', 'text')
    q = ResidualQuantizer(emb.dim, (256, 512, 512)).fit_kmeans(emb.x[:20_000], seed=0)
    sids = next_nearest(to_sids(q, emb), residual_distance(list(q.codebooks), emb.x))
    said = keep_codes(p, 'sources', dict(codes=sids))
    seal(p, said)
    print('  colliding', said['sources, codes']['colliding'])

def split_of(folder):
    from genrec.data.split import leave_one_out
    from genrec.study.road_filter import shop_log
    return leave_one_out(shop_log(place(folder, 'samples'), shop()), 20, short='train')

def samples(folder, share, n_images):
    "Samples of the recommender's training are views; every batch of a thousandth of an epoch is made"
    import torch
    from genrec.recommend.t5 import T5Config
    from genrec.study.road_codes import load_codes
    from genrec.systems.tiger import plain_t5
    split = split_of(folder)
    m = plain_t5(load_codes(folder/'road'/'tokenize', 'sources')['codes'], T5Config(n_layers=1))
    data = m.training_data(split.train)
    order = torch.randperm(len(data))
    for rows in order[:max(1024, len(data)//1000)].split(1024):
        data[rows]
    print(f'  {len(data):,} samples')

def measure(folder, share, n_images):
    "Every test user is ranked by what is most bought, in blocks, in place of the recommender's forward passes"
    from genrec.evaluate.protocol import measure as measured
    from genrec.recommend.popular import Popular
    split = split_of(folder)
    run = measured(Popular(split.n_items).fit(split.train), split, 'popular', 'full')
    print(f'  {len(split.test):,} users, recall@10 {run.metrics["recall@10"]:.4f}')

RUN = dict(make=make, filter=run_filter, encode=encode, tokenize=tokenize, samples=samples, measure=measure)

def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--share', type=float, default=1.)
    parser.add_argument('--images', type=int, default=0)
    parser.add_argument('--folder')
    parser.add_argument('--stages', nargs='*', default=STAGES)
    parser.add_argument('--one', help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        start = time.time()
        RUN[asked.one](Path(asked.folder), asked.share, asked.images)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1e6
        return print(f'{asked.one:9s} {time.time()-start:8.1f} s {peak:7.2f} GB at most', flush=True)
    folder = Path(asked.folder or tempfile.mkdtemp(prefix='road-'))
    here = partial(os.path.abspath, __file__)
    try:
        for stage in asked.stages:
            command = [sys.executable, here(), '--one', stage, '--folder', folder, '--share', asked.share]
            subprocess.run([*map(str, command), '--images', str(asked.images)], check=True)
    finally:
        if not asked.folder:
            shutil.rmtree(folder, ignore_errors=True)

if __name__=='__main__':
    main()

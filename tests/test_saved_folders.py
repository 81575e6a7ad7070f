"""Every file of every saved folder: a byte that flips is an error that names the file, or changes nothing

Models of the Hub are folders of its cache: what they hold is compared with its seal as well."""
import importlib, itertools, json, os, pkgutil, random, shutil, sys, tempfile, warnings
from functools import partial
from pathlib import Path
import torch
from fastcore.test import test_eq as equal, expect_fail
from safetensors.torch import load_file, save_file
sys.path.insert(0, str(Path(__file__).parent))
from genrec.codes.language import QuantitativeLanguage
from genrec.codes.translate import Translators
from genrec.core.values import SemanticIds
import genrec.quantize as layer
from genrec.quantize.base import Hub
from genrec.quantize.fsq import FSQVAE
from genrec.quantize.letter import LetterTokenizer
from genrec.quantize.lsh import LSH
from genrec.quantize.parallel import ParallelQuantizer
from genrec.quantize.pq import ProductQuantizer
from genrec.quantize.rq import ResidualQuantizer
from genrec.quantize.rqnorm import NormalisedResidualQuantizer
from genrec.quantize.rqvae import RQVAE
from genrec.quantize.simvq import SimVAE, SimVQ
from genrec.quantize.tree import TreeQuantizer, TreeVAE
from genrec.quantize.vq import VQVAE, VectorQuantizer
from genrec.recommend.blend import Blend
from genrec.recommend.itemknn import ItemKNN
from genrec.recommend.popular import Popular
from genrec.recommend.sasrec import SASRec
from genrec.recommend.tasks import TaskT5
from test_saved import MADE, N, T5, ids, samples

SEED = int(os.environ.get('GENREC_DAMAGE_SEED', '28'))
FLIPS = int(os.environ.get('GENREC_FLIPS', '12')) # of each file of each model

def language():
    return QuantitativeLanguage(tuple(f'shop:{i}' for i in range(12)), dict(text=ids(), image=ids(1)), mark='m')

def blend():
    members = dict(counts=ItemKNN(N, k=3).fit(samples()), popular=Popular(N).fit(samples()))
    return Blend(members, dict(counts=.5))

QUANTIZERS = {
    'RQVAE': lambda: RQVAE(4, (3,3), (4,), 2), 'ResidualQuantizer': lambda: ResidualQuantizer(4, (3,3)),
    'NormalisedResidualQuantizer': lambda: NormalisedResidualQuantizer(4, (3,3)),
    'ParallelQuantizer': lambda: ParallelQuantizer(4, 2, (3,3)), 'VectorQuantizer': lambda: VectorQuantizer(4, 3),
    'VQVAE': lambda: VQVAE(4, 3, hidden=(4,), code_dim=2), 'ProductQuantizer': lambda: ProductQuantizer(4, (3,3)),
    'SimVQ': lambda: SimVQ(4, (3,3)), 'SimVAE': lambda: SimVAE(4, hidden=(4,), code_dim=2),
    'FSQVAE': lambda: FSQVAE(4, ((3,3),), (4,)), 'LSH': lambda: LSH(4), 'TreeQuantizer': lambda: TreeQuantizer(4),
    'TreeVAE': lambda: TreeVAE(4, hidden=(4,), code_dim=2),
    'LetterTokenizer': lambda: LetterTokenizer(4, (8,8), (4,), 2, n_clusters=2),
}
OTHERS = {
    'Blend': blend, 'TaskT5': lambda: TaskT5(language(), **T5), 'language': language,
    'Translators': lambda: Translators(dict(text=RQVAE(4, (3,3), (4,), 2), image=RQVAE(3, (3,3), (4,), 2))),
}

def plain(model):
    "All that a model or a language holds, as bytes"
    if isinstance(model, QuantitativeLanguage):
        return [model.items, model.mark, [s.codes.tolist() for s in model.sids.values()]]
    if isinstance(model, Translators):
        return [model.across, *map(plain, model.models.values())]
    return {name: x.contiguous().view(-1).view(torch.uint8).tolist() if x.numel() else [] for name,x in
            model.state_dict().items()}

def same_meaning(file, raw):
    "Whether a file says what it said: JSON has many spellings"
    if file.suffix!='.json':
        return True
    return json.loads(file.read_bytes().decode())==json.loads(raw)

def outcome(load, file, raw, *, at, bit, wanted):
    "'refused' or 'harmless'; an error that is not ours, and another value, are none"
    changed = bytearray(raw)
    changed[at] ^= 1<<bit
    file.write_bytes(changed)
    where = f'{file.name}, byte {at}, bit {bit}'
    try:
        got = plain(load())
    except (ValueError, OSError) as e:
        assert file.name in str(e) or file.parent.name in str(e), f'{where}: {type(e).__name__}: {e}'
        return 'refused'
    finally:
        now = file.read_bytes()
        file.write_bytes(raw)
    assert got==wanted, f'{where}: another value'
    file.write_bytes(now)
    try:
        assert same_meaning(file, raw), f'{where}: another setting'
    finally:
        file.write_bytes(raw)
    return 'harmless'

def places_of(raw, n, chance):
    "Bytes that flip: some; or all of a short file, and those of the beginning of a longer one"
    if n is None:
        return [*range(len(raw))][:900]+[chance.randrange(len(raw)) for _ in range(60)]
    return sorted(chance.sample(range(len(raw)), min(n, len(raw))))

def withstands(folder, load, n=None):
    "Flip bytes of each file of a folder; how often it was refused, and how often nothing was changed, by file"
    chance,found = random.Random(SEED),{}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        wanted = plain(load())
        for file in sorted(path for path in folder.rglob('*') if path.is_file()):
            raw = file.read_bytes()
            told = [outcome(load, file, raw, at=at, bit=chance.randrange(8), wanted=wanted)
                    for at in places_of(raw, n, chance)]
            found[file.relative_to(folder).as_posix()] = [told.count('refused'), told.count('harmless')]
            if file.suffix!='.md':
                assert 'refused' in told, f'{file.name}: {len(told)} flips, and none was seen'
    return found

def saved(make, folder):
    "A model in a folder, and how to read it"
    model = make()
    model.save_pretrained(folder)
    return partial(type(model).from_pretrained, folder)

def test_some_bytes_of_every_model(tmp_path):
    "Quantizers, recommenders, blends, translators"
    torch.manual_seed(0)
    makers = QUANTIZERS|OTHERS|{name: partial(make, 0) for name,make in MADE.items()}
    for name,make in makers.items():
        folder = tmp_path/name.replace(' ', '-')
        try:
            withstands(folder, saved(make, folder), FLIPS)
        except AssertionError as e:
            raise AssertionError(f'{name}: {e}') from None

def test_every_byte_of_some(tmp_path):
    "A quantizer and a recommender"
    torch.manual_seed(0)
    for name,make in (('q', QUANTIZERS['ProductQuantizer']), ('r', lambda: Popular(N).fit(samples()))):
        found = withstands(tmp_path/name, saved(make, tmp_path/name))
        equal(set(found), {'README.md', 'config.json', 'model.safetensors'})
        assert found['README.md'][0]==0 # words for people, which nothing reads

def test_all_classes_are_tried():
    "Each class of `quantize` that can be saved"
    names = [f'genrec.quantize.{module.name}' for module in pkgutil.iter_modules(layer.__path__)]
    found = map(importlib.import_module, names)
    values = itertools.chain.from_iterable(vars(module).values() for module in found)
    models = {cls.__name__ for cls in values if isinstance(cls, type) and issubclass(cls, Hub)}
    equal(models-set(QUANTIZERS), {'Hub', 'MultiQuantizer'})

# models of the Hub

def in_cache(folder, cache, name='me/toy', commit='0'*40):
    "A saved folder as the Hub's cache would hold it"
    place = cache/f"models--{name.replace('/', '--')}"
    shutil.copytree(folder, place/'snapshots'/commit)
    (place/'refs').mkdir()
    (place/'refs'/'main').write_text(commit)
    return place/'snapshots'/commit

def test_models_of_the_hub(tmp_path):
    "A damaged download is refused as a damaged folder is"
    torch.manual_seed(0)
    for make in (QUANTIZERS['RQVAE'], lambda: SASRec(N, dim=16), blend):
        with tempfile.TemporaryDirectory() as d:
            model = make()
            model.save_pretrained(Path(d)/'saved')
            here = in_cache(Path(d)/'saved', Path(d)/'cache')
            load = partial(type(model).from_pretrained, 'me/toy', cache_dir=Path(d)/'cache', local_files_only=True)
            equal(plain(load()), plain(model))
            withstands(here, load, 10)

def test_a_name_that_the_hub_does_not_have(tmp_path):
    for cls in (RQVAE, SASRec, Blend):
        with expect_fail(OSError, contains="no model 'me/none' on the Hub or in its cache"):
            cls.from_pretrained('me/none', cache_dir=tmp_path)
        with expect_fail(OSError, contains='check the name, or give a folder'):
            cls.from_pretrained('me/-odd..name', cache_dir=tmp_path)

def test_a_foreign_model_loads_with_a_note(tmp_path):
    "Weights without a seal, as another program writes them; the note comes once for a kind"
    from genrec.core.sealed import _noted
    q = QUANTIZERS['RQVAE']()
    q.save_pretrained(tmp_path/'q')
    save_file(load_file(tmp_path/'q'/'model.safetensors'), tmp_path/'q'/'model.safetensors')
    _noted.clear()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        equal(plain(RQVAE.from_pretrained(tmp_path/'q')), plain(q))
        RQVAE.from_pretrained(tmp_path/'q')
    equal([str(w.message).count('carries no checksum') for w in said], [1])

def test_weights_of_one_and_settings_of_another(tmp_path):
    "Files of two saved models do not go together, though each is whole"
    for name,weight in (('a', .1), ('b', .2)):
        RQVAE(4, (3,3), (4,), 2, commitment_weight=weight).save_pretrained(tmp_path/name)
    shutil.copy(tmp_path/'b'/'config.json', tmp_path/'a')
    with expect_fail(ValueError, contains='not the one that model.safetensors was saved with'):
        RQVAE.from_pretrained(tmp_path/'a')

"""What the kinds share: processes that may die, what counts as an error of our own, small models and data"""
import ctypes, hashlib, importlib, json, os, pickle, select, signal, sys, tempfile, time, traceback
from pathlib import Path
from contextlib import contextmanager
from functools import lru_cache
import genrec, torch
from genrec.core.values import Embeddings, Histories, Samples, SemanticIds, set_seed
from genrec.core.train import fit
from genrec.quantize.rqvae import RQVAE
from genrec.recommend.bert4rec import BERT4Rec
from genrec.recommend.causal import CausalRecommender
from genrec.recommend.fmlp import FMLPRec
from genrec.recommend.gru4rec import GRU4Rec
from genrec.recommend.sasrec import SASRec
from genrec.recommend.t5 import T5Recommender

OURS = str(Path(genrec.__file__).parent)
SELF = str(Path(__file__).parent)

class Broken(Exception):
    "What did not hold"

class Skip(Exception):
    "A case that says nothing here"

class Process:
    "A fork that calls a function; what it gives or raises comes through a pipe"
    def __init__(self, function, *args):
        self.ours,theirs = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.over,self.start,self.said = False,time.time(),b''
        self.pid = os.fork()
        if not self.pid:
            os.close(self.ours)
            os._exit(_run(theirs, function, args))
        os.close(theirs)

    def wait(self, seconds=60):
        "(kind, value): 'gave', 'raised' or 'died', or 'hung' where it took longer and was killed"
        until = self.start+seconds
        while time.time()<until:
            if not select.select([self.ours], [], [], max(0, until-time.time()))[0]:
                break
            some = os.read(self.ours, 1<<16)
            if not some:
                break
            self.said += some
        hung = time.time()>=until
        if hung:
            self.kill()
        os.close(self.ours)
        status = os.waitpid(self.pid, 0)[1]
        self.over = True
        if hung:
            return 'hung',f'{seconds} s'
        try:
            return pickle.loads(self.said) # of our own fork
        except (EOFError, pickle.UnpicklingError):
            return 'died',os.waitstatus_to_exitcode(status)

    def kill(self):
        "And all that it has started"
        for kill in () if self.over else (os.killpg, os.kill): # afterwards its number may be another's
            try:
                kill(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

def _die_with_parent():
    "Ask Linux for a signal when the parent dies, so that nothing is left of a case that was killed"
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    except (OSError, AttributeError):
        pass

def _run(pipe, function, args):
    os.setsid()
    _die_with_parent()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    torch.set_num_threads(1)
    try:
        out = 'gave',function(*args)
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)
        raised_in = next((frame.filename for frame in reversed(where) if frame.filename!=__file__), '')
        text = ''.join(traceback.format_exception(error))
        out = 'raised',(type(error).__name__, str(error), raised_in, text[-3000:])
    with os.fdopen(pipe, 'wb') as f:
        f.write(pickle.dumps(out))
    return 0

def run(function, *args, seconds=60):
    "What a function gives in a process of its own; `Broken` where it raises, dies or hangs"
    kind,value = Process(function, *args).wait(seconds)
    if kind=='gave':
        return value
    raise Broken(f"{kind}: {value[3] if kind=='raised' else value}")

BARE = (KeyError, AttributeError, IndexError, AssertionError, NotImplementedError, UnboundLocalError, RecursionError)

def is_ours(error):
    "Whether an error was raised by the package, with words of its own"
    frames = traceback.extract_tb(error.__traceback__)
    return frames[-1].filename.startswith(OURS) and not isinstance(error, BARE)

def last_frames(error, n=3):
    "Where an error comes from, in one line"
    frames = traceback.extract_tb(error.__traceback__)[-n:]
    return ' > '.join(f'{Path(frame.filename).name}:{frame.lineno} {frame.name}' for frame in frames)

def short(value, most=160):
    "A value on one line"
    text = ' '.join(f'{value!r}'.split())
    return text if len(text)<=most else text[:most]+'...'

def _modules():
    "What is imported by the time that a training, a plot, a widget and a file are through"
    from .hostile import _check_markdown, _plots, _widgets
    from .saved import SAVED
    trained('SASRec')
    _check_markdown('x', 'x')
    for kind in ('catalogue','interactions.parquet','csv.gz','recommender'):
        with tempfile.TemporaryDirectory() as folder:
            SAVED[kind][0](Path(folder), 1)
            SAVED[kind][1](Path(folder))
    _plots('x')
    _widgets('x')
    return list(sys.modules)

@lru_cache(1)
def warm():
    "Import once what each case would import anew"
    for name in run(_modules):
        try:
            importlib.import_module(name)
        except Exception: # parts of others that want something which is not there
            pass

# models and data

N = 12
T5 = dict(d_model=16, d_ff=16, d_kv=8, n_heads=2, n_layers=1)

def content(seed=0, n=N, dim=6): return Embeddings(torch.randn(n, dim, generator=torch.Generator().manual_seed(seed)))

def ids(seed=0, sizes=(3,4)):
    "An index without collisions"
    every = torch.cartesian_prod(*[torch.arange(size) for size in sizes])
    return SemanticIds(every[torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))], sizes)

def samples(seed=1, n=40):
    "Training samples of `n` users"
    g = torch.Generator().manual_seed(seed)
    rows = Histories.of([torch.randint(N, (1+u%6,), generator=g).tolist() for u in range(n)])
    return Samples(torch.arange(n), rows, torch.randint(N, (n,), generator=g))

def rqvae(**how): return RQVAE(6, (4,4), (8,), 4, **how)

MODELS = { # name -> (what makes a model from settings, what makes its data)
    'SASRec': (lambda **how: SASRec(N, 16, **how), samples),
    'GRU4Rec': (lambda **how: GRU4Rec(N, 16, hidden=8, **how), samples),
    'FMLPRec': (lambda **how: FMLPRec(N, 16, **how), samples),
    'BERT4Rec': (lambda **how: BERT4Rec(N, 16, **how), samples),
    'CausalRecommender': (lambda **how: CausalRecommender(ids(), dim=16, d_ff=16, d_decoder=8, **how), samples),
    'T5Recommender': (lambda **how: T5Recommender(ids(), **T5, **how), samples),
    'RQVAE': (rqvae, lambda seed=1: content(seed, 60).x),
}

def score(model):
    "A measurement that depends on the weights alone"
    return {'ndcg@10': sum(float(p.detach().double().abs().sum()) for p in model.parameters())%1}

def new_model(name, seed=0, **how):
    "A model before its training"
    set_seed(seed)
    return MODELS[name][0](**how)

def train(name, model, checkpoint=None, data=None, **how):
    "Fit it as all kinds do"
    how = dict(dict(epochs=3, batch_size=8, save_every=2, lr=.01, seed=3, evaluate=score), **how)
    return fit(model, MODELS[name][1]() if data is None else data, checkpoint=checkpoint, **how)

@contextmanager
def at_backward(number, before=None, after=None):
    "Call something before or after the backward pass of a step, counted from 1; the model stays what it is"
    backward,count = torch.Tensor.backward,[0]
    def counted(self, *args, **how):
        count[0] += 1
        if count[0]==number and before:
            before()
        backward(self, *args, **how)
        if count[0]==number and after:
            after()
    torch.Tensor.backward = counted
    try:
        yield
    finally:
        torch.Tensor.backward = backward

def outcome(model):
    "Digest of the weights and of the course of the training"
    h = hashlib.sha256()
    for key,value in sorted(model.state_dict().items()):
        h.update(key.encode())
        h.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes() if value.ndim else
                 str(value.item()).encode())
    log = model.fit_log
    h.update(json.dumps([log.losses, log.metrics, log.best, log.steps]).encode())
    return h.hexdigest()[:16]

def trained(name, checkpoint=None, **how):
    "(outcome, seconds) of a training in this process"
    start = time.time()
    model = train(name, new_model(name), checkpoint, **how)
    return outcome(model), time.time()-start

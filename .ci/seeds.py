"""Every seed moved by a number: what `.ci/test.py` does before it runs a notebook with `GENREC_SEED_MOVED=1`

Where a generator of torch, NumPy or Python is given the integer s as its seed, it gets s + `by`: in lessons and in the
library, literal or not. Equal seeds stay equal, different seeds stay different, and a run still names the seed that it
was given; what is drawn is something else."""
import random
import numpy as np, torch

def moved(seed, by):
    "An integer, or a list of which the first is one; None (any seed), a text or a seed sequence stays"
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return (int(seed)+by)%2**32 if 0<=seed<2**32 else int(seed)+by # NumPy takes no larger one
    if isinstance(seed, (list, tuple)) and seed:
        return [moved(seed[0], by), *seed[1:]]
    return seed

class Forward:
    "The generator of torch's global chance, which is not to be replaced, with another `manual_seed`"
    def __init__(self, generator, by):
        self.generator, self.by = generator, by
    def __getattr__(self, name):
        return getattr(self.generator, name)
    def manual_seed(self, seed):
        return self.generator.manual_seed(moved(seed, self.by))

def move_seeds(by):
    "From now on, in this process and those that are forked from it"
    def through(function):
        return lambda seed=None, *args, **kwargs: function(moved(seed, by), *args, **kwargs)
    base, state, python = torch.Generator, np.random.RandomState, random.Random
    class Generator(base):
        def manual_seed(self, seed):
            return super().manual_seed(moved(seed, by))
    class RandomState(state):
        def __init__(self, seed=None):
            super().__init__(moved(seed, by))
        def seed(self, seed=None):
            super().seed(moved(seed, by))
    class Random(python):
        def seed(self, a=None, version=2):
            super().seed(moved(a, by), version)
    for cls, name in ((Generator, 'torch'), (RandomState, 'numpy.random'), (Random, 'random')):
        cls.__module__ = name
    torch.Generator, np.random.RandomState, random.Random = Generator, RandomState, Random
    # `torch.random` keeps its own default generator, so nothing is moved twice
    torch.default_generator = Forward(torch.default_generator, by)
    torch.manual_seed = torch.random.manual_seed = through(torch.manual_seed)
    np.random.seed, np.random.default_rng = through(np.random.seed), through(np.random.default_rng)
    random.seed = through(random.seed)

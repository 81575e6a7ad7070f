"""A checkpoint of another training is refused, and the refusal names what differs; its own is taken"""
import dataclasses
import torch
from genrec.core.optim import muon
from .common import MODELS, Broken, at_backward, new_model, outcome, run, samples, short, train

def _linear(step, steps, warmup): return 1-step/steps

def _changed(rows, share, rng):
    "Vectors of which a share of rows is a little different"
    n = max(1, int(share*len(rows)))
    rows = rows.clone()
    rows[torch.tensor(rng.sample(range(len(rows)), n))] *= 1.005
    return rows

def _other_targets(s, rng):
    "Samples of which one target is another"
    target = s.target.clone()
    i = rng.randrange(len(target))
    target[i] = (target[i]+1)%12
    return dataclasses.replace(s, target=target)

def _other_histories(s, rng):
    "Samples of which one item of a history is another"
    items = s.history.items.clone()
    i = rng.randrange(len(items))
    items[i] = (items[i]+1)%12
    return dataclasses.replace(s, history=dataclasses.replace(s.history, items=items))

SETTINGS = [dict(lr=.02), dict(batch_size=10), dict(epochs=4), dict(seed=4), dict(weight_decay=.02), dict(clip=.5),
            dict(warmup=.2), dict(betas=(.8,.99)), dict(drop_last=True), dict(every=2), dict(schedule=_linear),
            dict(micro_batch=4), dict(patience=5), dict(optimizer=muon)]
SAME = [dict(), dict(save_every=3)]
ARGUMENTS = {
    'SASRec': [dict(dropout=.1), dict(max_history=9), dict(n_heads=4)],
    'BERT4Rec': [dict(dropout=.05), dict(max_history=9)],
    'FMLPRec': [dict(dropout=.05)],
    'CausalRecommender': [dict(dropout=.33), dict(max_history=7)],
    'T5Recommender': [dict(dropout=.33), dict(max_history=7)],
    'RQVAE': [dict(commitment_weight=.5), dict(quantizer_weight=.5), dict(rotate=True), dict(straight_residual=True),
              dict(sinkhorn_levels=(1,)), dict(sinkhorn_eps=.01), dict(xavier=True)],
}

def _half(name, checkpoint, arguments, how, stop):
    "A training up to the end of an epoch, or to its end"
    def enough(): raise KeyboardInterrupt
    try:
        with at_backward(stop, before=enough):
            train(name, new_model(name, **arguments), checkpoint, **how)
    except KeyboardInterrupt:
        pass

def _again(name, checkpoint, arguments, how, data):
    "(error, text) or ('', outcome)"
    try:
        return '',outcome(train(name, new_model(name, **arguments), checkpoint, data=data, **how))
    except ValueError as error:
        return type(error).__name__,str(error)

def case(rng, folder):
    name,checkpoint,stop = rng.choice(list(MODELS)),folder/'fit.safetensors',rng.choice((None, 7, 11))
    what = rng.choice(('settings','settings','arguments','data','same'))
    if what=='arguments' and name not in ARGUMENTS:
        what = 'settings'
    arguments,how,data = {},{},None
    if what=='arguments':
        arguments = rng.choice(ARGUMENTS[name])
    if what=='settings':
        how = rng.choice(SETTINGS)
    if what=='same':
        how = rng.choice(SAME)
    if what=='data' and name=='RQVAE':
        data = _changed(MODELS[name][1](), rng.choice((.02, .9, 1.)), rng)
    elif what=='data':
        data = rng.choice((_other_targets, _other_histories))(samples(), rng)
    changed = dict(arguments, **how)
    when = 'finished' if stop is None else f'after {stop} steps'
    said = f"{name}, {when}, {what} {short(changed) if changed else ''}"
    run(_half, name, checkpoint, {}, {}, stop)
    error,text = run(_again, name, checkpoint, arguments, how, data)
    if what=='same':
        if error: raise Broken(f'{said}: refused: {short(text)}')
        return said
    if not error: raise Broken(f'{said}: taken')
    named = what=='data' or any(key in text for key in changed) or (what=='arguments' and ' there, ' in text)
    if not named:
        raise Broken(f'{said}: refused, but what differs is not named: {short(text, 300)}')
    return said

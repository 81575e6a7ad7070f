"""KeyboardInterrupt and SIGTERM in one process; `fit` again on the same model"""
import copy, signal, sys
from .common import MODELS, Broken, at_backward, new_model, outcome, run, train, trained

def _interrupted(name, checkpoint, when, how):
    "(outcome after `fit` again, that of a copy which was never interrupted, whether it was interrupted)"
    model = new_model(name)
    def stop(*_):
        if how=='terminate':
            sys.exit(143)
        raise KeyboardInterrupt
    signal.signal(signal.SIGALRM, stop)
    def soon(): signal.setitimer(signal.ITIMER_REAL, .0005)
    at = {'before backward': dict(before=stop), 'after backward': dict(after=stop)}.get(how, dict(before=soon))
    stopped = False
    try:
        with at_backward(when, **at):
            train(name, model, checkpoint)
    except (KeyboardInterrupt, SystemExit):
        stopped = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    other = None
    if checkpoint is None:
        other = new_model(name, seed=9)
        other.load_state_dict(copy.deepcopy(model.state_dict()))
        other = outcome(train(name, other))
    return outcome(train(name, model, checkpoint)), other, stopped

def case(rng, folder):
    name,how = rng.choice(list(MODELS)),rng.choice(('before backward','after backward','clock','terminate'))
    checkpoint = folder/'fit.safetensors' if rng.random()<.6 else None
    when = rng.randint(1, 14)
    said = f"{name} interrupted at step {when} ({how}), {'with' if checkpoint else 'without'} a checkpoint"
    again,copied,stopped = run(_interrupted, name, checkpoint, when, how)
    if checkpoint and again!=run(trained, name)[0]:
        raise Broken(f"{said}: `fit` again on the same model gives other weights")
    whole = run(trained, name)[0] if not checkpoint else None
    if not checkpoint and stopped and again not in (copied, whole):
        raise Broken(f"{said}: the model holds more than its weights, such as gradients")
    return said

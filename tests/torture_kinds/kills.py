"""SIGKILL of a training, at any time and while a checkpoint is written; a new process ends with the same bits"""
import os, signal, time
from .common import MODELS, Broken, Process, run, trained

def _dying(name, checkpoint, number, where, share):
    "Train, and die at a replacement of a file: its new content half written, whole, or just in its place"
    replace,count = os.replace,[0]
    def replace_and_die(source, target, **how):
        count[0] += 1
        if count[0]==number:
            if where=='half written':
                os.truncate(source, int(os.path.getsize(source)*share))
            if where=='in place':
                replace(source, target, **how)
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target, **how)
    os.replace = replace_and_die
    return trained(name, checkpoint)

def case(rng, folder):
    name,checkpoint = rng.choice(list(MODELS)),folder/'fit.safetensors'
    wanted,seconds = run(trained, name, folder/'whole.safetensors')
    done = []
    for _ in range(rng.randint(1, 3)):
        if rng.random()<.5:
            where,number = rng.choice(('half written','written','in place')),rng.randint(1, 9)
            done.append(f'checkpoint {number} {where}')
            end = Process(_dying, name, checkpoint, number, where, rng.random()).wait()
        else:
            pause = rng.uniform(0, seconds)
            done.append(f'after {pause/seconds:.0%}')
            child = Process(trained, name, checkpoint)
            time.sleep(pause)
            child.kill()
            end = child.wait()
        if end[0] in ('raised','hung'): raise Broken(f"{name}, killed {done}: {end}")
    again = run(trained, name, checkpoint)[0]
    if again!=wanted: raise Broken(f"{name}, killed {done}: the weights or the log are others")
    return f'{name} killed: {", ".join(done)}'

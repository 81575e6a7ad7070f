"""What a page may run: its own scripts, told by their hashes, and nothing that a text could bring"""
import base64, hashlib, re
from functools import lru_cache
from importlib.resources import files

SCRIPT_TYPES = ('', 'module', 'text/javascript', 'application/javascript') # others are data, which no browser runs
STRING = r'"(?:[^"\\\n]|\\.)*"'
END = re.compile(rf'const CSS = {STRING};\nmount\(\{{id: {STRING}, view, name: {STRING}, css: CSS\}}\);')

@lru_cache
def front_ends():
    "The files that a widget's script is put together from, as it carries them; longest first"
    from genrec.widgets.base import front_end
    static = files('genrec').joinpath('widgets', 'static')
    names = sorted(path.name for path in static.iterdir() if path.name.endswith('.js'))
    return sorted(map(front_end, names), key=len, reverse=True)

def is_widget(script, texts=()):
    """Is a script one of `View.static`: whole files of genrec, and after them nothing but three texts in quotes?

    `texts` are JavaScript that may stand between them, as the notebook that is shown has it in its code"""
    rest, n = script, 0
    while True:
        part = next((part for part in front_ends() if rest.startswith(part+'\n')), None)
        if part is None:
            break
        rest, n = rest[len(part)+1:], n+1
    lines = ['', '', *rest.split('\n')]
    own, end = '\n'.join(lines[:-2]).strip(), '\n'.join(lines[-2:])
    known = not own or any(own==text.strip() for text in texts)
    return n>0 and known and END.fullmatch(end) is not None

def runs(tag):
    "Would a browser run a `<script>`?"
    return tag.get('type', '').strip().lower() in SCRIPT_TYPES

def hash_of(script):
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"

def policy(scripts, own=''):
    "A Content-Security-Policy: these scripts run, pictures and fonts lie in the page (or in `own` places), no more"
    allowed = ' '.join(sorted(set(map(hash_of, scripts)))) or "'none'"
    places = f'{own} data: blob:'.strip()
    return (f"default-src 'none'; script-src {allowed}; style-src {own} 'unsafe-inline'; img-src {places}; "
            f"font-src {places}; media-src {places}; base-uri 'none'; form-action 'none'").replace('  ', ' ')

"Pages of claims: commands that they print are understood, and name rows that their studies know"
import json, re, shlex
from itertools import chain
from genrec.core.record import find_up
from genrec.study.claims import RULE
from genrec.study.command import _arguments, find_study
from genrec.study.plan import Options, study_jobs

PAGES = ('bbqrec', 'mql4grec', 'utgrec')

def outputs(page):
    "Markdown that a page shows"
    file = find_up(f'nbs/results/{page}.ipynb')
    texts = []
    for cell in json.loads(file.read_text(encoding='utf-8'))['cells']:
        for output in cell.get('outputs', []):
            texts.append(''.join(output.get('data', {}).get('text/markdown', '')))
    return '\n'.join(texts).replace('\\', '')

def commands(page):
    "Commands in the table of what is missing"
    return [found.strip() for found in re.findall(r'\| (genrec study [^|]+)\|', outputs(page))]

def test_pages_say_their_rule_and_a_verdict():
    for page in PAGES:
        shown = outputs(page)
        assert RULE.split('*')[0] in shown, page
        assert re.search(r'\| (holds|does not hold here|not yet measured)', shown), page

def asked_of(command):
    "The command's arguments, and its study"
    asked = _arguments().parse_args(shlex.split(command)[1:])
    study = find_study(asked.name)
    assert set(asked.rows)<=set(study.rows), command
    assert asked.times==1 or study.long, command
    assert set(asked.data)<=set(study.data), command
    return asked

LISTED = ('scientific_cgr', 'ml100k_posters') # shops with texts alone have the same rows, so one of them is enough

def test_commands_are_understood():
    shared,asked_for = find_up('shared/data'),{}
    for page in PAGES:
        found = commands(page)
        assert found, page
        for command in found:
            asked = asked_of(command)
            here = shared is not None and all((shared/name).is_dir() for name in asked.data)
            if here and set(asked.data)<=set(LISTED):
                which = asked.name,tuple(asked.data),asked.times
                asked_for.setdefault(which, []).append(asked)
    for (name,data,times),several in asked_for.items(): # jobs are listed once for all commands on the same data
        rows = tuple(set(chain.from_iterable(asked.rows for asked in several)))
        options = Options(data=data, rows=rows, times=times, seeds=(0,))
        known = {job.system for job in study_jobs(find_study(name), options)}
        for asked in several:
            assert set(asked.only)<=known, f'{name} has no row {asked.only} on {data}'

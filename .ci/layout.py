"""What Quarto and GitHub would say of our files, as far as it can be said without them: `python .ci/layout.py`

- `_quarto.yml`: known keys and values of them; `nbs/_quarto.yml` is the same file
- the first cells of each notebook: a title and one line; no front matter that nbdev would not make
- `nbs/sidebar.yml`: every page once, results before the layers
- `.github/workflows`: the schema of workflows where it can be had (as part of a package, kept in `.artefacts/`), and
  what a schema cannot say: pinned actions, a bound in time, least permissions, no text of a stranger in a script,
  paths and `make` targets that are there"""
import json, re, subprocess, sys, zipfile
from pathlib import Path
import yaml

root = Path(__file__).resolve().parent.parent

# a part of Quarto's schema: what our file may say; a tuple is a choice, a type is any value of it
HTML = dict(theme=(str, list, dict), css=(str, list), toc=bool, **{
    'toc-depth': int, 'keep-md': bool, 'html-math-method': ('plain', 'webtex', 'gladtex', 'mathml', 'mathjax', 'katex'),
    'code-fold': (bool, 'show'), 'code-link': bool, 'embed-resources': bool, 'include-in-header': (str, list, dict)})
SIDEBAR = dict(style=('docked', 'floating'), contents=(list, str), search=bool, title=str, background=str, **{
    'collapse-level': int})
NAVBAR = dict(background=str, search=bool, title=(str, bool), left=list, right=list, foreground=str)
WEBSITE = dict(title=str, description=str, navbar=NAVBAR, sidebar=SIDEBAR, search=(bool, dict), favicon=str, **{
    'site-url': str, 'repo-url': str, 'repo-branch': str, 'repo-subdir': str, 'repo-actions': (list, str, bool),
    'page-footer': (str, dict), 'twitter-card': (bool, dict), 'open-graph': (bool, dict)})
QUARTO = dict(project={'type': ('website', 'default', 'book'), 'output-dir': str, 'render': list, 'resources': list,
                       'preview': dict}, format=dict(html=HTML, commonmark=(str, dict)), website=WEBSITE,
              metadata=dict, execute=dict, **{'metadata-files': list})

def is_allowed(value, wanted):
    "Is a value of a type, or one of a choice?"
    choice = wanted if isinstance(wanted, tuple) else (wanted,)
    return any(type(value) is one if isinstance(one, type) else value==one for one in choice)

def shape_faults(value, wanted, place='_quarto.yml'):
    "What of a nested value a schema does not know"
    if not isinstance(wanted, dict):
        return [] if is_allowed(value, wanted) else [f'{place}: {value!r:.60} is none of {wanted}']
    if not isinstance(value, dict):
        return [f'{place}: wanted entries, got {value!r:.60}']
    bad = [f'{place}: no key is called {name!r}' for name in value if name not in wanted]
    for name in value:
        if name in wanted:
            bad += shape_faults(value[name], wanted[name], f'{place}: {name}')
    return bad

def load_yaml(path):
    "A YAML file, or what is wrong with it"
    try:
        return yaml.safe_load(path.read_text(encoding='utf-8')), []
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        return None, [f'{path.name}: {error}']

def quarto_faults(folder=root):
    "`_quarto.yml`, and what it names"
    said, bad = load_yaml(folder/'_quarto.yml')
    if bad:
        return bad
    bad = shape_faults(said, QUARTO)
    same = (folder/'nbs'/'_quarto.yml').read_text(encoding='utf-8')==(folder/'_quarto.yml').read_text(encoding='utf-8')
    bad += [] if same else ['nbs/_quarto.yml is not _quarto.yml']
    css = ((said.get('format') or {}).get('html') or {}).get('css') if isinstance(said, dict) else None
    bad += [f'_quarto.yml: no file nbs/{css}'] if isinstance(css, str) and not (folder/'nbs'/css).is_file() else []
    return bad

def front_faults(path):
    "The title cell of a notebook: nbdev makes front matter of it, which is YAML"
    nb = json.loads(path.read_text(encoding='utf-8'))
    sources = [''.join(cell['source']) for cell in nb['cells'] if cell['cell_type'] in ('markdown', 'raw')]
    if not sources:
        return [f'{path.name}: no title']
    if sources[0].lstrip().startswith('---'):
        try:
            front = yaml.safe_load(sources[0].strip().strip('-'))
        except yaml.YAMLError as error:
            return [f'{path.name}: front matter: {error}']
        return [] if isinstance(front, dict) and 'title' in front else [f'{path.name}: front matter without a title']
    lines = sources[0].strip().splitlines()
    title = lines[0][2:] if lines[0].startswith('# ') else ''
    lead = next((line[2:] for line in lines if line.startswith('> ')), '')
    bad = [] if title else [f'{path.name}: the first text is no title']
    bad += [] if lead else [f'{path.name}: no `>` line below the title, and so no description']
    return bad

def sidebar_faults(folder=root):
    "`nbs/sidebar.yml`: every page once, results first"
    said, bad = load_yaml(folder/'nbs'/'sidebar.yml')
    if bad:
        return bad
    sections = said['website']['sidebar']['contents']
    names = sum([section['contents'] for section in sections], [])
    there = {path.relative_to(folder/'nbs').as_posix() for path in (folder/'nbs').rglob('*.ipynb')
             if '.ipynb_checkpoints' not in path.parts}
    bad = [f'sidebar.yml: {name} stands there twice' for name in sorted(set(names)) if names.count(name)>1]
    bad += [f'sidebar.yml: {name} is no page' for name in sorted(set(names)-there)]
    bad += [f'sidebar.yml: lacks {name}' for name in sorted(there-set(names))]
    titles = [section['section'] for section in sections]
    if 'Results' in titles and titles.index('Results')>1:
        bad.append('sidebar.yml: results do not come first, after the start')
    return bad

# workflows

STRANGERS = re.compile(r'\$\{\{\s*github\.(event\.(issue|pull_request|comment|review|head_commit|commits)|head_ref)')

def workflow_schema():
    "The schema of GitHub's workflows, from a package that carries it; None where it cannot be had"
    kept = root/'.artefacts'/'github-workflows.json'
    if not kept.exists():
        folder = kept.parent/'schemas'
        pip = [sys.executable, '-m', 'pip', 'download', '-q', '--disable-pip-version-check', '--no-deps', '-d']
        try:
            subprocess.run([*pip, str(folder), 'check-jsonschema==0.39.0'], capture_output=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired):
            return None
        for path in folder.glob('*.whl'):
            with zipfile.ZipFile(path) as wheel:
                inside = 'check_jsonschema/builtin_schemas/vendor/github-workflows.json'
                kept.write_bytes(wheel.read(inside))
    return json.loads(kept.read_text(encoding='utf-8')) if kept.exists() else None

def schema_faults(said, schema, name):
    "What the schema says to a workflow"
    from jsonschema import Draft7Validator
    plain = json.loads(json.dumps({('on' if key is True else key): value for key, value in said.items()}))
    found = sorted(Draft7Validator(schema).iter_errors(plain), key=lambda error: list(map(str, error.path)))
    return [f"{name}: {'/'.join(map(str, error.path)) or 'the file'}: {error.message:.150}" for error in found]

def step_faults(step, place, targets, folder):
    "One step of a job"
    bad, uses, script = [], step.get('uses'), str(step.get('run', ''))
    if ('uses' in step)==('run' in step):
        bad.append(f'{place}: wanted either `uses` or `run`')
    if uses and not re.fullmatch(r'[\w.-]+/[\w./-]+@(v\d+(\.\d+)*|[0-9a-f]{40})', uses):
        bad.append(f'{place}: {uses} is not pinned to a version or a commit')
    if STRANGERS.search(script):
        bad.append(f'{place}: a text that a stranger wrote stands in a script; pass it through `env`')
    for target in re.findall(r'^\s*make (\w[\w-]*)', script, re.M):
        if target not in targets:
            bad.append(f'{place}: the Makefile has no target {target}')
    for file in re.findall(r'(?:^|\s)(\.ci/[\w./-]+)', script):
        if not (folder/file).is_file():
            bad.append(f'{place}: no file {file}')
    return bad

def workflow_faults(path, folder=root, schema=None):
    "What is wrong with a workflow"
    said, bad = load_yaml(path)
    if bad or not isinstance(said, dict):
        return bad or [f'{path.name}: no workflow']
    if schema is not None:
        bad += schema_faults(said, schema, path.name)
    if not ({'on', True} & set(said)):
        bad.append(f'{path.name}: it says nowhere when it runs')
    jobs = said.get('jobs') if isinstance(said.get('jobs'), dict) else {}
    bad += [] if jobs else [f'{path.name}: no jobs']
    if 'permissions' not in said:
        bad.append(f'{path.name}: no permissions; name the least, such as `contents: read`')
    targets = re.findall(r'^([\w-]+):', (folder/'Makefile').read_text(encoding='utf-8'), re.M)
    for name, job in jobs.items():
        place = f'{path.name}: {name}'
        needs = job.get('needs', [])
        for other in [needs] if isinstance(needs, str) else needs:
            if other not in jobs:
                bad.append(f'{place}: needs {other}, which is no job')
        if 'timeout-minutes' not in job and 'uses' not in job and len(job.get('steps', ()))>1:
            bad.append(f'{place}: no `timeout-minutes`')
        for i, step in enumerate(job.get('steps', ())):
            bad += step_faults(step, f'{place}: step {i+1}', targets, folder)
    return bad

def faults(folder=root):
    "Everything, and whether the schema of workflows was at hand"
    bad, schema = quarto_faults(folder)+sidebar_faults(folder), workflow_schema()
    for path in sorted((folder/'nbs').rglob('*.ipynb')):
        if '.ipynb_checkpoints' not in path.parts:
            bad += front_faults(path)
    for path in sorted((folder/'.github'/'workflows').glob('*.y*ml')):
        bad += workflow_faults(path, folder, schema)
    return bad, schema is not None

def main():
    bad, has_schema = faults()
    for text in bad:
        print('FAILED', text)
    if not has_schema:
        print('The schema of workflows could not be had: only our own rules were looked at')
    print(f'{len(bad)} problems')
    return int(bool(bad))

if __name__ == '__main__':
    sys.exit(main())

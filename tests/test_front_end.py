"""The files of the front end keep the rules of the house, run in node, and leave the package with it"""
import re, shutil, subprocess
from pathlib import Path
from unittest import SkipTest
from genrec.widgets.base import front_end

root = Path(__file__).resolve().parent.parent
static = root/'genrec'/'widgets'/'static'
scripts, styles = sorted(static.glob('*.js')), sorted(static.glob('*.css'))

def lines(paths):
    "(name of the file, number, text) of each line"
    for path in paths:
        for number, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
            yield path.name, number, line

def node(code, *arguments):
    "Run JavaScript and return what it printed"
    if not shutil.which('node'): raise SkipTest('node is not installed here')
    done = subprocess.run(['node', *arguments], input=code, capture_output=True, text=True)
    assert done.returncode==0, done.stderr
    return done.stdout

def test_node_reads_every_file():
    assert len(scripts)>5 and len(styles)>5
    for path in scripts:
        node('', '--check', str(path))

def test_node_reads_what_a_page_carries():
    for path in scripts:
        node(front_end(path.name), '--check', '-')

def test_lines_are_short_and_hold_one_statement():
    long = [(name, number) for name, number, line in lines([*scripts, *styles]) if len(line)>120]
    assert not long, long
    crowded = [(name, number, line) for name, number, line in lines(scripts) if n_statements(line)>1]
    assert not crowded, crowded

def n_statements(line):
    "Semicolons outside quotes, patterns and the head of a `for`"
    code = re.sub(r"'[^']*'|`[^`]*`|= /.*/(?=;$)|//.*", '', line)
    code = re.sub(r'for \(.*\) ', '', code)
    return code.count(';')

def test_the_rule_finds_two_statements():
    two, quoted, head = 'a = 1; b = 2;', "a = 'x;y';", 'for (let i = 0; i < f(9); i += 1) {'
    assert [n_statements(line) for line in (two, quoted, head)]==[2, 1, 0]

def test_indentation_and_comments_mean_nothing(): # so that a page can leave them out
    for path in scripts:
        text = path.read_text(encoding='utf-8')
        assert text.count('`')==2*len(re.findall(r'`[^`\n]*`', text)), f'{path.name}: a text over several lines'
        assert not re.search(r'^\s*/\*', text, re.M), f'{path.name}: write comments with //'
    for name, number, line in lines(styles):
        assert line.count('/*')==line.count('*/') and ('/*' not in line or line.startswith('/*')), (name, number)

def test_nothing_makes_markup_or_loads():
    marks = r'innerHTML|outerHTML|insertAdjacent|document\.write|\beval\(|<!--|</script'
    marks += r'|https?://(?!www\.w3\.org/2000/svg)'
    found = [(name, number) for name, number, line in lines([*scripts, *styles]) if re.search(marks, line)]
    assert not found, found

def test_every_file_is_used():
    code = '\n'.join(path.read_text(encoding='utf-8') for path in (root/'genrec'/'widgets').glob('*.py'))
    for path in [*scripts, *styles]:
        assert f"'{path.name}'" in code, f'no widget uses {path.name}'

def test_the_filter_of_runs():
    rows = [['tiger', 'toy', 0, 0.5], ['sasrec', 'toy', 1, None], ['letter', 'beauty', 0, 0.25]]
    words = ['toy', 'TIGER', 'data=toy', 'data!=toy', 'recall@10>0.25', 'recall@10>=0.25', 'recall@10=0.25', 'seed<1']
    code = f'''{front_end('runs.js')}
const board = {{names: ['system', 'data', 'seed', 'recall@10']}};
const rows = {rows!r};
const found = {words!r}.map(word => rows.map(row => Number(Board.prototype.passes.call(board, row, word))).join(''));
console.log(found.join(' '));'''.replace('None', 'null')
    assert node(code, '-').split()==['110', '100', '110', '001', '100', '101', '001', '101']

def test_cells_of_a_saved_table():
    cells = ['a,b', 'say "x"', '=1+1', -5, 'None', '-x']
    code = f'''{front_end('elements.js', 'start.js')}
console.log({cells!r}.map(csvCell).join('|')+'|'+csvCell(null)+'|'+csvCell(false));'''
    assert node(code, '-').strip()=='''"a,b"|"say ""x"""|'=1+1|-5|None|'-x||false'''

def test_ticks_are_round():
    ranges = '[roundTicks(0, 0.4), roundTicks(3, 97)]'
    code = f"{front_end('plot.js')}\nconsole.log({ranges}.map(ticks => ticks.map(short)).join(' '));"
    assert node(code, '-').split()==['0,0.1,0.2,0.3,0.4', '20,40,60,80']

def test_the_package_takes_the_files_along():
    assert 'static/*.js' in (root/'setup.py').read_text() and 'static/*.css' in (root/'setup.py').read_text()
    assert 'recursive-include genrec/widgets/static *.js *.css' in (root/'MANIFEST.in').read_text()

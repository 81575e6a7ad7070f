"""What a person does with each widget, and what must be there afterwards, with a kernel (`live`) and without"""
import re, time
from pathlib import Path

def until(condition, what, seconds=8):
    "Wait until a condition holds"
    start = time.time()
    while time.time()-start<seconds:
        if condition():
            return
        time.sleep(.05)
    raise AssertionError(f'not within {seconds} s: {what}')

def assert_in(what, wanted, got):
    assert wanted in got, f'{what}: wanted {wanted!r}, got {got[:200]!r}'

def press(widget, *keys):
    for key in keys:
        widget.page.keyboard.press(key)

def focused(element):
    "Wait until an element has the focus, in its own tree: on a page a widget lies in a shadow root"
    until(lambda: element.evaluate('e => e.getRootNode().activeElement===e'), 'the focus')

def button(widget, name):
    return widget.get_by_role('button', name=name)

def search(widget, text):
    widget.get_by_role('searchbox').fill(text)

def drive_words(widget, live):
    button(widget, 'two').click()
    until(lambda: 'two is 2' in widget.inner_text(), 'the answer to `two`')
    assert_in('title', '<script>alert(1)</script>', widget.inner_text())
    button(widget, 'three').click()
    answer = 'three is 3' if live else 'does not hold'
    until(lambda: answer in widget.inner_text(), 'the answer to `three`, or that the page lacks it')

def drive_browse(widget, live):
    rows = widget.get_by_role('treeitem')
    found = widget.locator('.panel tbody tr')
    def title():
        return widget.locator('.panel h3').inner_text()
    folded = rows.count()
    rows.first.click()
    until(lambda: rows.count()>folded, 'the first code unfolds')
    assert_in('selected', 'Code', title())
    press(widget, 'ArrowLeft')
    until(lambda: rows.count()==folded, 'ArrowLeft folds it')
    press(widget, 'ArrowRight')
    until(lambda: rows.count()>folded, 'ArrowRight unfolds it')
    press(widget, 'ArrowDown', 'Enter')
    until(lambda: widget.locator('nav button').count()==3, 'the path has two codes')
    search(widget, 'lamp')
    until(lambda: 'Found' in title(), 'the search finds')
    assert found.count() and all('lamp' in text.lower() for text in found.all_inner_texts())
    found.locator('button').first.click()
    until(lambda: 'Code' in title() and widget.locator('nav button').count()>1, 'a found item is shown in the tree')
    with widget.page.expect_download() as download:
        button(widget, 'save as table').click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0].startswith('item,title,code_0') and len(lines)>1, lines[:2]

def drive_neighbours(widget, live):
    only = button(widget, 'only what one list names')
    def title():
        return widget.locator('.card h3').inner_text()
    first, other = title(), widget.locator('.list .item').first
    name = other.locator('.name').inner_text()
    other.click()
    until(lambda: title()!=first and name in title(), 'a click goes on to the neighbour')
    button(widget, 'back').click()
    until(lambda: title()==first, 'back')
    button(widget, 'forward').click()
    until(lambda: name in title(), 'forward')
    only.click()
    assert only.get_attribute('aria-pressed')=='true'
    widget.locator('summary').click()
    until(lambda: widget.locator('details table').is_visible(), 'the table of shared items')
    search(widget, name.split()[0])
    until(lambda: widget.locator('.bar button').count()>3, 'the search offers items')

def drive_beam(widget, live):
    beams, columns = widget.locator('.beam'), widget.locator('.col')
    living = columns.nth(1).locator('.beam[data-alive="1"]')
    until(lambda: beams.count()>3, 'the levels are drawn')
    n_beams = beams.count()
    assert widget.locator('.beam[data-target]').count(), 'the target is marked'
    beams.first.click()
    until(lambda: 'at level 0' in widget.locator('.detail').inner_text(), 'the prefix tells about itself')
    assert widget.locator('.beam[data-on]').count()>1, 'its children are marked'
    button(widget, '← level').click()
    until(lambda: widget.locator('.col:visible').count()==columns.count()-1, 'one level less')
    button(widget, 'level →').click()
    widget.get_by_role('combobox').select_option('1')
    until(lambda: beams.count()!=n_beams and living.count()==1, 'one beam')

def drive_compare(widget, live):
    groups, direction = widget.locator('.group'), button(widget, 'groups of')
    def title():
        return widget.locator('.panel h3').inner_text()
    until(lambda: groups.count()>1 and widget.locator('.panel h3').count(), 'groups and the first of them')
    first = title()
    groups.nth(1).click()
    until(lambda: title()!=first, 'another group')
    widget.locator('.agree button').nth(1).click()
    pressed = widget.locator('.agree button[aria-pressed=true]')
    until(lambda: '2 codes' in pressed.inner_text(), 'two codes')
    before = direction.inner_text()
    direction.click()
    until(lambda: direction.inner_text()!=before, 'the other way round')
    button(widget, 'items that moved most').click()
    until(lambda: widget.locator('tbody tr').count()>3, 'items that moved')
    widget.locator('tbody button').first.click()
    until(lambda: 'stands with' in title(), 'the company of an item')

def drive_audit(widget, live):
    rows, figures = widget.locator('.group'), widget.locator('.figure')
    depths = widget.get_by_role('group', name='Codes of a prefix').get_by_role('button')
    chosen = widget.locator('[aria-label="Codes of a prefix"] [aria-pressed=true]')
    def title():
        return widget.locator('.panel h3').inner_text()
    def said():
        return figures.all_inner_texts()
    def listed(): # figures change at once, prefixes as soon as the kernel has answered
        until(chosen.count, 'the prefixes of this question')
    until(lambda: rows.count()>1 and widget.locator('.panel h3').count(), 'prefixes, and the first of them')
    button(widget, 'Popularity').click()
    until(lambda: any('busiest' in text and 'beside: IDs dealt' in text for text in said()), 'popularity beside chance')
    listed()
    first = title()
    rows.first.focus()
    focused(rows.first)
    for key, at in (('ArrowDown', 1), ('ArrowDown', 2), ('ArrowUp', 1)): # to the second prefix, by keys alone
        press(widget, key)
        focused(rows.nth(at))
    press(widget, 'Enter')
    until(lambda: title()!=first, 'Enter opens a prefix')
    second = rows.nth(1).locator('.code').inner_text()
    assert_in('the second prefix', f'Prefix {second} ', title())
    assert widget.locator('.panel tbody tr').count(), 'its items'
    if live: # a page holds few prefixes
        widget.get_by_role('group', name='Next codes').get_by_role('button').first.click()
        until(lambda: title().startswith(f'Prefix {second} ') and widget.locator('.crumbs button').count(), 'two codes')
    button(widget, 'Collisions').click()
    until(lambda: any('collision rate' in text for text in said()), 'collisions')
    listed()
    deepest, before = depths.count(), rows.count()
    depths.first.click()
    until(lambda: depths.first.get_attribute('aria-pressed')=='true' and (deepest==1 or rows.count()!=before), '1 code')
    button(widget, 'Fan-out').click()
    until(lambda: any('choose from' in text for text in said()), 'fan-out')
    button(widget, 'Hits').click()
    until(lambda: any('on code strings' in text and 'recall@10' in text for text in said()), 'hits both ways')

def drive_runs(widget, live):
    rows, plot = widget.locator('tbody tr'), widget.locator('svg')
    n_rows = rows.count()
    system = 'causal' if any('causal' in text for text in rows.all_text_contents()) else 'tiger'
    search(widget, f'system={system} recall@10>0')
    until(lambda: 0<rows.count()<n_rows, 'the filter takes rows away')
    assert all(system in text for text in rows.all_inner_texts())
    search(widget, 'nothing>0')
    until(lambda: 'no column nothing' in widget.inner_text(), 'an unknown column is told')
    search(widget, '')
    until(lambda: rows.count()==n_rows, 'all rows again')
    choose_dataset(widget, rows, n_rows)
    first = rows.first.inner_text()
    button(widget, re.compile('^recall@10( [▾▴])?$')).click() # other columns' names contain it
    ascending = widget.locator('th[aria-sort=ascending]')
    until(lambda: rows.first.inner_text()!=first and ascending.count()==1, 'sorted the other way')
    label = plot.get_attribute('aria-label')
    widget.get_by_role('combobox', name='up').select_option(label='ndcg@10')
    until(lambda: plot.get_attribute('aria-label')!=label, 'the plot changes')

def choose_dataset(widget, rows, n_rows):
    "One dataset, then all again, where there are several"
    field = widget.get_by_role('combobox', name='dataset')
    if not field.count():
        return
    field.select_option(index=1)
    name = field.evaluate('e=>e.value')
    until(lambda: 0<rows.count()<=n_rows and all(name in text for text in rows.all_inner_texts()), 'one dataset')
    field.select_option(index=0)
    until(lambda: rows.count()==n_rows, 'all datasets again')

def drive_map(widget, live):
    dots, keys = widget.locator('.dot'), widget.locator('.key')
    marked = widget.locator('.dot:not(.off)')
    def said():
        return widget.locator('.tip').inner_text()
    hint = said()
    widget.locator('svg').focus()
    press(widget, 'ArrowRight')
    until(lambda: said()!=hint, 'a title')
    first = said()
    press(widget, 'ArrowLeft', 'ArrowUp', 'ArrowRight')
    until(lambda: said()!=first, 'another title')
    keys.first.click()
    until(lambda: 'marked' in widget.inner_text(), 'one code marked')
    assert widget.locator('.dot.off').count()
    keys.first.click()
    search(widget, 'lamp')
    until(lambda: 0<marked.count()<dots.count(), 'titles marked')
    widget.get_by_role('combobox').select_option('1')
    until(lambda: keys.count()>1, 'another level')

WORDS, BROWSE, NEIGHBOURS = ('words', drive_words), ('code tree', drive_browse), ('neighbours', drive_neighbours)
BEAM, COMPARE, RUNS = ('beam search', drive_beam), ('two tokenizers', drive_compare), ('runs', drive_runs)
MAP, AUDIT = ('map of items', drive_map), ('index audit', drive_audit)

# notebook -> (name of the widget, drive) of each widget; the workbench trains for minutes
DRIVES = {
    'widgets/00_base': [WORDS],
    'widgets/10_browse': [BROWSE],
    'widgets/15_trace': [NEIGHBOURS],
    'widgets/20_beam': [BEAM],
    'widgets/25_compare_ids': [COMPARE],
    'widgets/27_audit': [AUDIT],
    'widgets/30_runs': [RUNS],
    'widgets/35_map': [MAP],
    'howto/start_here': [BROWSE],
    'howto/audit_index': [AUDIT, COMPARE],
    'index': [BROWSE],
    'workbench': [BROWSE, COMPARE, RUNS, BEAM, NEIGHBOURS],
}

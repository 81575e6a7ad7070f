"""Look at every rendered page in Chromium: `python .ci/browser.py FOLDER_OR_FILE...`

A page loads, says nothing on the console, asks for nothing outside, and fits a window of 1440 and of 390. Without a
Chromium, one is installed where that is allowed (root and apt-get); else this says so and counts nothing."""
import os, shutil, subprocess, sys
from pathlib import Path

ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync']
WIDTHS = (1440, 390)
NO_CHROMIUM = 'Skipped: no Chromium here, and none could be installed\n0 passed, 0 failed'

def found_chromium():
    "Where a Chromium is, or None"
    paths = [shutil.which(name) for name in ('chromium', 'chromium-browser', 'google-chrome')]
    return next((path for path in paths if path), None)

def chromium():
    "Where a Chromium is, after an attempt to install one"
    may_install = hasattr(os, 'geteuid') and os.geteuid()==0 and shutil.which('apt-get')
    if not found_chromium() and may_install:
        print('No Chromium: apt-get install chromium', flush=True)
        install = 'apt-get update -qq && apt-get install -y -qq chromium'
        subprocess.run(install, shell=True, capture_output=True, timeout=240)
    return found_chromium()

def look(page, url, width):
    "Open one page and return what is wrong with it"
    bad = []
    def on_console(message):
        if message.type in ('error', 'warning'):
            bad.append(f'console: {message.text}')
    def on_request(request):
        if not request.url.startswith(('file:', 'data:', 'blob:')):
            bad.append(f'asks for {request.url}')
    def on_error(error):
        bad.append(f'error: {error}')
    listeners = {'console': on_console, 'request': on_request, 'pageerror': on_error}
    for event, listener in listeners.items():
        page.on(event, listener)
    page.set_viewport_size(dict(width=width, height=900))
    page.goto(url, wait_until='load')
    over = page.evaluate('document.documentElement.scrollWidth-innerWidth')
    if over>1:
        bad.append(f'{over} px wider than a window of {width}')
    if not page.title():
        bad.append('no title')
    broken = page.evaluate('[...document.images].filter(i=>i.complete&&!i.naturalWidth).length')
    if broken:
        bad.append(f'{broken} pictures do not show')
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    return bad

def pages_of(targets):
    "HTML files that are meant: each file, and those of each folder"
    pages = []
    for target in map(Path, targets):
        pages += [target] if target.is_file() else sorted(target.rglob('*.html'))
    return pages

def main(*targets):
    executable = chromium()
    if not executable:
        print(NO_CHROMIUM)
        return 0
    from playwright.sync_api import sync_playwright
    pages, count = pages_of(targets), [0, 0]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGS)
        page = browser.new_page()
        for path in pages:
            bad = []
            for width in WIDTHS:
                bad += look(page, path.resolve().as_uri(), width)
            count[bool(bad)] += 1
            if bad:
                print(f'FAILED {path.name}: '+'; '.join(dict.fromkeys(bad)))
        browser.close()
    print(f'{len(pages)} pages looked at\n{count[0]} passed, {count[1]} failed')
    return int(count[1]>0 or not pages)

if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))

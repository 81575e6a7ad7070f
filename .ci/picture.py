"""A short moving picture of the workbench's widgets, made by clicking through a rendered page: `python .ci/picture.py`

Opens a page of the site (`make docs` first), does what a person would do, keeps a picture of each step and puts them
into `nbs/workbench.png`, an animated PNG that GitHub and browsers play. It is kept below 2 MB."""
import io, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent))
from browser import ARGS, NO_CHROMIUM, chromium
from drives import press, search, until

root = Path(__file__).resolve().parent.parent
PICTURE, MOST = root/'nbs'/'workbench.png', 2_000_000 # bytes
WIDE, HIGH = 760, 520

def frames_of(page, view):
    "Steps of somebody who looks at a code tree: (picture, milliseconds)"
    frames = []
    def keep(milliseconds):
        page.wait_for_timeout(120)
        view.scroll_into_view_if_needed()
        box = view.bounding_box()
        clip = dict(x=box['x'], y=max(0, box['y']), width=min(WIDE, box['width']), height=min(HIGH, box['height']))
        frames.append((page.screenshot(clip=clip), milliseconds))
    rows = view.get_by_role('treeitem')
    keep(1200)
    for step in range(2):
        shown = rows.count()
        rows.nth(step*2).click()
        until(lambda: rows.count()>shown, 'a code unfolds')
        keep(1300)
    press(view, 'ArrowDown', 'Enter')
    keep(1300)
    for text in ('l', 'la', 'lam', 'lamp'):
        search(view, text)
        page.wait_for_timeout(150)
        keep(250 if text!='lamp' else 1600)
    found = view.locator('.panel tbody tr button')
    if found.count():
        found.first.click()
        keep(2200)
    return frames

def put_together(frames, path, most=MOST):
    "Write frames as one animated PNG of few colours; its bytes"
    from PIL import Image
    pictures = [Image.open(io.BytesIO(data)).convert('RGB') for data, _ in frames]
    size = max(picture.size for picture in pictures)
    even = []
    for picture in pictures:
        sheet = Image.new('RGB', size, 'white')
        sheet.paste(picture)
        even.append(sheet.quantize(64))
    times = [time for _, time in frames]
    even[0].save(path, save_all=True, append_images=even[1:], duration=times, loop=0, optimize=True)
    if path.stat().st_size>most: raise ValueError(f'{path} has {path.stat().st_size:,} bytes, more than {most:,}')
    return path.stat().st_size

def main(page_file=root/'_site'/'index.html', to=PICTURE):
    executable = chromium()
    if not executable:
        print(NO_CHROMIUM)
        return 0
    from playwright.sync_api import sync_playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGS)
        page = browser.new_page(viewport=dict(width=1440, height=900))
        page.goto(Path(page_file).resolve().as_uri(), wait_until='load')
        view = page.locator('section.gr[aria-label="code tree"]').last
        until(lambda: view.count(), 'the tree draws itself')
        frames = frames_of(page, view)
        browser.close()
    print(f'{to}: {len(frames)} steps, {put_together(frames, Path(to)):,} bytes')
    return 0

if __name__ == '__main__':
    sys.exit(main(*map(Path, sys.argv[1:])))

# SPDX-License-Identifier: MIT
"""The HTML report in a real browser: one session of headless Chromium for all of it.

With $WHATFILES_SHOTS set to a directory, what is seen is kept there as pictures.
"""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
WHATFILES = pathlib.Path(os.environ.get("WHATFILES", TOP / "build" / "whatfiles")).absolute()
SHOTS = os.environ.get("WHATFILES_SHOTS")


def wait_for(condition, what):
    end = time.monotonic() + 60
    while not (value := condition()):
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)
    return value


class Browser:
    """What a reader can do, and see."""

    def __init__(self, driver):
        self.driver = driver

    def js(self, script, *args):
        return self.driver.execute_script(script, *args)

    def open(self, page):
        self.driver.get(f"file://{page}")
        wait_for(lambda: self.js("return document.documentElement.dataset.ready"), "the page")

    def keys(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains
        ActionChains(self.driver, duration=0).send_keys(*keys).perform()

    def click(self, selector):
        self.js("document.querySelector(arguments[0]).click()", selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.textContent", selector)

    def rows(self, where="#panel"):
        """The cells of each row that is there, in the order of the table."""
        return self.js("""return [...document.querySelectorAll(arguments[0] + ' .rows .row')]
            .sort((a, b) => a.dataset.i - b.dataset.i)
            .map(row => [...row.children].map(cell => cell.textContent))""", where)

    def filter(self, text):
        self.js("const f = document.getElementById('filter'); f.value = arguments[0];"
                "f.dispatchEvent(new Event('input'))", text)

    def detail(self):
        """The facts that the side shows: term -> text."""
        return self.js("""return Object.fromEntries([...document.querySelectorAll('#detail dt')]
            .map(t => [t.textContent, t.nextSibling.textContent]))""")

    def choose(self, number):
        self.js(f"document.querySelectorAll('#panel .row')[{number}].click()")

    def media(self, scheme):
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def size(self, width, height):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    def shot(self, name):
        if SHOTS:
            self.driver.save_screenshot(os.path.join(SHOTS, f"{name}.png"))

    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def browser():
    if not shutil.which("chromium") or not shutil.which("chromedriver"):
        pytest.skip("needs chromium and chromium-driver: tests/packages tests")
    selenium = pytest.importorskip("selenium.webdriver", reason="needs python3-selenium")
    from selenium.webdriver.chrome.service import Service
    options = selenium.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--window-size=1400,1000"):
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = selenium.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_page_load_timeout(120)
    driver.set_script_timeout(120)
    try:
        yield Browser(driver)
    finally:
        driver.quit()


@pytest.fixture(autouse=True)
def _nothing_is_complained_about(browser):
    browser.size(1400, 1000)
    browser.media("light")
    yield
    assert browser.complaints() == []


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A real run's page, and two that are made up."""
    room = tmp_path_factory.mktemp("pages")
    made_up = WHATFILES.parent / "tests" / "made-up"
    for kind in ("odd", "build"):
        subprocess.run([made_up, kind, room / f"{kind}.html"], check=True, timeout=120)
    (room / "in").write_text("x")
    script = "cat in >mid; mv mid out; cat nothing; (sleep 0.01; kill -9 $$) & wait"
    subprocess.run([WHATFILES, "-o", "run.html", "sh", "-c", script], cwd=room, timeout=60,
                   capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return room


def test_files_and_processes_lead_to_each_other(browser, pages):
    browser.open(pages / "run.html")
    assert browser.text("#verdict") == "Incomplete record"  # the command was killed
    assert "killed by signal 9" in browser.text("#facts")
    browser.filter(f"{pages}/")
    names = {row[0]: row for row in browser.rows()}
    assert {k[len(str(pages)) + 1:]: v[1] for k, v in names.items()} == {
        "in": "input", "mid": "passing", "out": "output", "nothing": "missing"}
    browser.choose(list(names).index(f"{pages}/in"))
    wait_for(lambda: browser.text("#detail h2") == f"{pages}/in", "the file's details")
    assert browser.detail()["Role"] == "input: there before, and read"
    who = browser.rows("#detail")
    assert [row[0].split()[0] for row in who if row[1] == "read"] == ["cat"]
    browser.shot("file")
    browser.click("#detail .row")
    wait_for(lambda: browser.text("#detail h2").startswith("cat, PID"), "the process's details")
    assert browser.text("#detail .code") == "cat in"
    assert f"{pages}/in" in [row[0] for row in browser.rows("#detail")]
    browser.js("history.back()")
    wait_for(lambda: browser.text("#detail h2") == f"{pages}/in", "the file again")
    browser.choose(list(names).index(f"{pages}/out"))
    wait_for(lambda: browser.detail().get("rename", "").startswith(f"from {pages}/mid by mv"),
             "where it came from")
    browser.click("#detail dd .link:nth-of-type(2)")
    wait_for(lambda: browser.text("#detail h2").startswith("mv, PID"), "who moved it")
    assert [f"{pages}/mid", "rename → out"] in [row[:2] for row in browser.rows("#detail")]


def test_any_name_is_shown_and_nothing_more(browser, pages):
    browser.open(pages / "odd.html")
    assert browser.js("return window.pwned") is None
    shown = [row[0] for row in browser.rows()]
    assert "/t/<script>window.pwned = 1</script>" in shown
    assert "/t/</script><script>window.pwned = 1</script>" in shown
    assert '/t/"><img src=x onerror=window.pwned=1>' in shown
    assert r"/t/bad\xff\xfe\xc3(" in shown and r"/t/back\\slash" in shown
    assert r"/t/line\nfeed\ttab\x1b[31m" in shown and "(no name)" in shown
    assert r"/t/paragraph\u2029line\u2028" in shown and r"/t/right\u202eot\u202cleft" in shown
    for number in range(len(shown)):
        browser.choose(0)
        browser.js(f"location.hash = '#f{number}'")
        wait_for(lambda: browser.js("return document.querySelector('#detail dl') !== null"), "it")
    for tab in ("dirs", "procs", "files"):
        browser.click(f"#tab-{tab}")
        assert browser.rows()
    browser.shot("odd")
    assert browser.js("return window.pwned") is None
    assert browser.js("return document.images.length + document.scripts.length") == 1
    assert browser.js("return performance.getEntriesByType('resource').length") == 0
    assert "</script>" in browser.text("#gaps") and browser.text("#command").endswith(r"\xff'")


def test_keyboard_alone_is_enough(browser, pages):
    from selenium.webdriver.common.keys import Keys
    browser.open(pages / "odd.html")
    browser.keys("/")
    browser.keys("new name", Keys.ARROW_DOWN, Keys.ENTER)
    wait_for(lambda: browser.text("#detail h2") == "/t/new name", "the file that was filtered")
    assert [row[0] for row in browser.rows()] == ["/t/new name"]
    browser.keys("/")
    browser.keys(Keys.ESCAPE, Keys.ARROW_DOWN, Keys.END, Keys.ARROW_UP, Keys.ENTER)
    last = [row[0] for row in browser.rows()][-2]
    wait_for(lambda: browser.text("#detail h2") == last, "the last file but one")
    browser.keys("3", Keys.HOME, Keys.ENTER)
    wait_for(lambda: browser.text("#detail h2") == "sh, PID 1001", "the first process")
    browser.keys("t", "+", "+")
    wait_for(lambda: "–" in browser.text("#range"), "a part of the time")
    before = browser.text("#range")
    browser.keys(Keys.ARROW_RIGHT)
    wait_for(lambda: browser.text("#range") != before, "another part of it")
    browser.keys("0", Keys.ARROW_DOWN, Keys.ENTER)
    wait_for(lambda: browser.text("#range") == "", "the whole run")
    wait_for(lambda: browser.text("#detail h2") == "<b>, PID 1002", "the next process")
    browser.keys("2", Keys.HOME, Keys.ARROW_LEFT)
    closed = len(browser.rows())
    browser.keys(Keys.ARROW_RIGHT)
    wait_for(lambda: len(browser.rows()) > closed, "what is in the directory")


def test_timeline_by_mouse(browser, pages):
    from selenium.webdriver.common.action_chains import ActionChains
    browser.open(pages / "odd.html")
    canvas = browser.driver.find_element("id", "canvas")
    width = canvas.size["width"]

    def mouse():
        return ActionChains(browser.driver, duration=0).move_to_element_with_offset(
            canvas, round(width * 0.3 - width / 2), 15)  # the second lane

    mouse().perform()
    wait_for(lambda: "<b>, PID 1002" in browser.text("#tip"), "what is below the mouse")
    browser.shot("tip")
    mouse().click().perform()
    wait_for(lambda: browser.text("#detail h2") == "<b>, PID 1002", "its details")
    mouse().click_and_hold().move_by_offset(round(width * 0.4), 0).release().perform()
    wait_for(lambda: browser.text("#range") == "30 ms – 70 ms", "the range that was drawn")
    browser.shot("zoomed")
    browser.click("#zoom-all")
    wait_for(lambda: browser.text("#range") == "", "the whole run")


def luminance(colour):
    parts = [int(c) / 255 for c in colour[4:-1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


COLOURS = """
    const background = element => {
      for (let e = element; e; e = e.parentElement) {
        const colour = getComputedStyle(e).backgroundColor;
        if (colour.startsWith('rgb(')) return colour;
      }
    };
    return [...document.querySelectorAll('#app *')].filter(e => e.offsetWidth &&
        [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
      .map(e => [e.textContent.slice(0, 30), getComputedStyle(e).color, background(e)])"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(browser, pages, scheme):
    browser.media(scheme)
    browser.open(pages / "odd.html")
    browser.choose(1)
    wait_for(lambda: browser.js("return document.querySelector('#detail dl') !== null"), "details")
    time.sleep(0.2)  # colours that fade in
    faint = []
    for text, front, back in browser.js(COLOURS):
        high, low = sorted([luminance(front), luminance(back)], reverse=True)
        if (high + 0.05) / (low + 0.05) < 4.5:  # WCAG 2.1, AA
            faint.append((text, front, back))
    assert faint == []
    assert (luminance(browser.js("return getComputedStyle(document.body).backgroundColor")) > 0.5) \
        == (scheme == "light")
    browser.shot(scheme)


def test_narrow_window(browser, pages):
    browser.size(360, 740)
    browser.open(pages / "odd.html")
    browser.shot("narrow")
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.js("return document.getElementById('detail').offsetWidth") == 0
    browser.choose(2)
    wait_for(lambda: browser.js("return document.getElementById('detail').offsetWidth") > 320,
             "details over all of it")
    browser.shot("narrow-detail")
    assert browser.js("return document.documentElement.scrollWidth <= innerWidth")
    browser.click("#detail .close")
    assert browser.js("return document.getElementById('detail').offsetWidth") == 0


def test_a_large_build_stays_small_in_the_browser(browser, pages):
    browser.open(pages / "build.html")
    ready = browser.js("return document.documentElement.dataset.ready")
    print(f"shown after {ready} ms; {(pages / 'build.html').stat().st_size:,} bytes")
    assert browser.text("#shown").endswith(" names") and "700,000" in browser.text("#numbers")
    assert 10 < len(browser.rows()) < 80
    browser.filter("lua header-77")
    assert browser.text("#shown").startswith("11 of ")
    browser.filter("")
    browser.js("document.querySelector('#panel .rows').scrollTop = 1e7")
    wait_for(lambda: browser.rows()[-1][0].endswith("header-999.h"), "the last file")
    assert len(browser.rows()) < 80
    browser.js("location.hash = '#p1999'")
    wait_for(lambda: browser.text("#detail h2") == "cc1, PID 3000", "a process")
    files = int(browser.detail()["Files"].split(",")[0])
    wait_for(lambda: browser.rows("#detail"), "what it touched")
    uses = int(browser.js("return document.querySelector('#detail .grid').getAttribute('aria-rowcount')"))
    assert 300 < files <= uses <= 350
    browser.click("#detail dd .link:not(.name)")
    wait_for(lambda: browser.text("#shown").startswith(f"{files} of "), "its files alone")
    browser.shot("build")
    browser.click("#chips .chip")
    browser.js("document.getElementById('role').value = 'missing';"
               "document.getElementById('role').dispatchEvent(new Event('change'))")
    assert {row[1] for row in browser.rows()} == {"missing"}

"""The page in a browser, opened from disk: it plays, it switches, it takes ratings, it can be read.

Chromium runs headless; where it or its driver is not installed the tests are skipped.
"""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile import SOURCES as HOSTILE_SOURCES
from hostile import write_hostile_report
from page_study import AWKWARD, EIGHT_ARMS, EXCERPT_SECONDS, write_report, write_study_run
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from gan_sep.listening.ratings import Ratings

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="chromium or chromedriver is not installed: apt-get install chromium-driver",
    ),
]

WIDE, NARROW = 1200, 360
NUM_TRIALS, NUM_SIGNALS = 4, 4
REVEALING = ("plain", "gan", "mixture")


class Page:
    """A page in the browser, and what a reader does with it."""

    def __init__(self, driver: webdriver.Chrome, folder: Path) -> None:
        self.driver, self.url = driver, (folder / "index.html").as_uri()

    def open(self, width: int = WIDE, dark: bool = False) -> None:
        """The page anew, without what an earlier visitor left."""
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get("about:blank")
        self.driver.get_log("browser")  # empties it
        self.driver.get(self.url)
        self.run("localStorage.clear()")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def press(self, *keys: str) -> None:
        """Keys to what has the focus."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def player(self) -> dict[str, Any]:
        state: dict[str, Any] = self.run("return ganSep.player.state")
        return state

    def tiles(self, row: int) -> list[WebElement]:
        return self.all(".trial")[row].find_elements(By.CSS_SELECTOR, ".tile")

    def click(self, element: WebElement) -> None:
        self.run("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element)
        element.click()

    def wait(self, condition: Callable[[], object], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)

    def hears(self, signal: int, of: int = NUM_SIGNALS) -> bool:
        """Whether of the running signals this one alone sounds."""
        gains = self.player()["gains"]
        return [g > 0.01 for g in gains] == [place == signal for place in range(of)]

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report with spaces")
    write_report(write_study_run(folder / "a study"), folder / "page", audio=True)
    return folder / "page"


@pytest.fixture(scope="module")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("downloads")


@pytest.fixture(scope="module")
def driver(downloads: Path) -> Iterator[webdriver.Chrome]:
    assert CHROMIUM
    options = Options()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def page(driver: webdriver.Chrome, report: Path) -> Page:
    return Page(driver, report)


@pytest.fixture(scope="module")
def systems_page(driver: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Page:
    """The page of a study of eight arms."""
    folder = tmp_path_factory.mktemp("systems")
    run = write_study_run(folder / "systems", seeds=(0,), arms=EIGHT_ARMS)
    write_report(run, folder / "page", audio=True)
    return Page(driver, folder / "page")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_it_loads_without_an_error_and_never_scrolls_sideways(
    page: Page, width: int, dark: bool
) -> None:
    page.open(width, dark)
    page.run("for (const part of document.querySelectorAll('details')) part.open = true")
    page.run("for (const image of document.images) image.loading = 'eager'")
    page.wait(lambda: page.run("return [...document.images].every((i) => i.complete)"))
    assert page.run("return [...document.images].every((i) => i.naturalWidth > 0)")
    assert page.run("return document.scrollingElement.scrollWidth") <= width
    page.run("location.hash = '#listening'")
    page.wait(lambda: page.one("#introduction").is_displayed())
    assert page.run("return document.scrollingElement.scrollWidth") <= width
    assert page.errors() == []


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_of_eight_arms_nothing_scrolls_sideways_and_no_name_is_cut(
    systems_page: Page, width: int
) -> None:
    page = systems_page
    page.open(width)
    page.run("for (const part of document.querySelectorAll('details')) part.open = true")
    assert page.run("return document.scrollingElement.scrollWidth") <= width
    cut = """return [...document.querySelectorAll(".forest-arm, .tile .label")]
        .filter((name) => name.scrollWidth > name.clientWidth).map((name) => name.textContent)"""
    assert page.run(cut) == []
    lines = """return [...document.querySelectorAll(".forest.many:not(.strips) .forest-line svg")]
        .filter((line) => line.clientWidth < 150).length"""
    assert page.run(lines) == 0


def test_the_tenth_signal_has_the_key_0(systems_page: Page) -> None:
    page, signals = systems_page, 2 + len(EIGHT_ARMS)
    page.open()
    page.click(page.tiles(0)[1])
    page.wait(lambda: page.hears(1, of=signals))
    page.run("document.activeElement.blur()")
    page.press("0")
    page.wait(lambda: page.hears(9, of=signals))
    assert page.errors() == []


def test_dark_mode_is_dark_and_readable(page: Page) -> None:
    def luminance(property_: str) -> float:
        colour = page.run(f"return getComputedStyle(document.body).{property_}")
        red, green, blue = (int(part) / 255 for part in colour[4:-1].split(","))
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (red, green, blue)
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for dark in (False, True):
        page.open(dark=dark)
        ground, ink = luminance("backgroundColor"), luminance("color")
        assert (ground < ink) == dark
        brighter, darker = max(ground, ink), min(ground, ink)
        assert (brighter + 0.05) / (darker + 0.05) > 7  # WCAG's enhanced contrast


def test_names_with_markup_are_shown_as_they_are(page: Page) -> None:
    page.open()
    assert AWKWARD in [title.text.rpartition(" 0:")[0] for title in page.all(".excerpt > h3")]
    assert page.one("h1").text == "Do <discriminators> help?"
    page.click(page.one("#tracks summary"))
    assert AWKWARD in [cell.text for cell in page.all("#tracks tbody th")]


def test_tiles_switch_at_the_same_position_and_one_signal_sounds(page: Page) -> None:
    page.open()
    page.click(page.tiles(0)[1])
    page.wait(lambda: page.hears(1))
    page.run("ganSep.deck.seek(0.2)")
    before, after = page.run(
        """const {deck} = ganSep; const before = deck.position;
        document.querySelectorAll(".trial")[0].querySelectorAll(".tile")[3].click();
        return [before, deck.position]"""
    )
    assert after - before == pytest.approx(0, abs=0.05)
    page.wait(lambda: page.hears(3))
    state = page.player()
    assert (state["excerpt"], state["trial"], state["playing"]) == ("0", "0", True)
    assert state["duration"] == pytest.approx(EXCERPT_SECONDS, abs=0.001)
    pressed = [tile.get_attribute("aria-pressed") for tile in page.tiles(0)]
    assert pressed == ["false", "false", "false", "true"]
    assert page.errors() == []


def test_another_source_of_the_track_goes_on_where_the_first_was(page: Page) -> None:
    page.open()
    page.click(page.tiles(0)[1])
    page.wait(lambda: page.hears(1))
    page.run("ganSep.deck.pause(); ganSep.deck.seek(1.25)")
    position = page.driver.execute_async_script(
        """const done = arguments[0], rows = document.querySelectorAll(".trial");
        ganSep.player.press(rows[1], 2).then(() => done(ganSep.deck.position))"""
    )
    assert position == pytest.approx(1.25, abs=0.05)
    page.wait(lambda: page.hears(2))
    assert page.player()["trial"] == "1"


def test_another_track_begins_at_its_beginning(page: Page) -> None:
    page.open()
    page.click(page.tiles(0)[1])
    page.wait(lambda: page.hears(1))
    page.run("ganSep.deck.pause(); ganSep.deck.seek(1.25)")
    position = page.driver.execute_async_script(
        """const done = arguments[0], rows = document.querySelectorAll(".trial");
        ganSep.player.press(rows[2], 2).then(() => done(ganSep.deck.position))"""
    )
    assert position == pytest.approx(0, abs=0.05)
    assert page.player()["excerpt"] == "1"


def test_the_player_obeys_keys(page: Page) -> None:
    page.open()
    page.click(page.tiles(0)[0])
    page.wait(lambda: page.hears(0))
    page.run("document.activeElement.blur()")
    page.press("3")
    page.wait(lambda: page.hears(2))
    page.press("n")
    page.wait(lambda: page.player()["trial"] == "1" and page.hears(2))
    page.press("p", " ")
    page.wait(lambda: page.player()["trial"] == "0" and not page.player()["playing"])
    position = page.run("ganSep.deck.seek(0.1); return ganSep.deck.position")
    page.press(Keys.ARROW_RIGHT)
    assert page.player()["position"] == pytest.approx(position + 1)
    page.press(Keys.ARROW_LEFT)
    assert page.player()["position"] == pytest.approx(position)
    assert page.one("#playing").text == f"plain · drums · {AWKWARD}"


def begin_listening(page: Page, listener: str) -> None:
    page.open()
    page.run("document.getElementById('open-listening').focus()")
    page.press(Keys.ENTER)
    page.wait(lambda: page.one("#introduction").is_displayed())
    page.press(listener, Keys.ENTER)
    page.wait(lambda: page.one("#trial").is_displayed())


def stored(page: Page) -> dict[str, Any]:
    session: dict[str, Any] = page.run("return ganSep.listening.session.stored")
    return session


def test_nothing_to_be_seen_tells_what_a_letter_is(page: Page) -> None:
    begin_listening(page, "Ear")
    html = page.run("return document.getElementById('listening').innerHTML").lower()
    title = page.one("#trial-title").text.lower()
    assert not any(name in html.replace(title, "") for name in REVEALING)
    assert [item.text for item in page.all("#stimuli button")] == ["A", "B", "C", "D"]
    rows = [item.get_attribute("outerHTML") or "" for item in page.all("#stimuli li")]
    assert len({re.sub("\\b[A-D]\\b", "", row) for row in rows}) == 1
    assert not page.one("#report").is_displayed()
    assert not page.one("#transport").is_displayed()


def test_every_listener_gets_an_order_of_their_own(page: Page) -> None:
    drawn = page.run(
        """const data = JSON.parse(document.getElementById("page-data").textContent);
        const draw = ganSep.listening.session.constructor.draw;
        return [...Array(60)].map(() => draw(data, "x").stored.trials)"""
    )
    first_letters = {
        (t["excerpt"], t["trial"], t["letters"][0]) for session in drawn for t in session
    }
    assert len(first_letters) == NUM_TRIALS * NUM_SIGNALS
    assert len({(s[0]["excerpt"], s[0]["trial"]) for s in drawn}) == NUM_TRIALS
    for session in drawn:
        assert all(sorted(t["letters"]) == list(range(NUM_SIGNALS)) for t in session)


def test_a_session_by_keyboard_survives_a_reload_and_saves_its_ratings(
    page: Page, downloads: Path
) -> None:
    begin_listening(page, 'Ö. "Ear"')
    page.press("r")
    page.wait(lambda: page.run("return ganSep.deck.playing"))
    reference = page.run("return ganSep.deck.playingNow")
    assert reference == 1
    page.press("2")
    page.wait(lambda: page.run("return ganSep.listening.playingNow") == 1)
    letters = stored(page)["trials"][0]["letters"]
    page.wait(lambda: page.run("return ganSep.deck.playingNow") == letters[1])
    page.press(Keys.ARROW_RIGHT * 3)
    assert page.all("#stimuli output")[1].text == "53"
    page.press(Keys.ENTER)  # three letters have no rating yet
    assert page.one("#missing").text == "Rate A first."

    before = stored(page)
    page.driver.refresh()
    page.wait(lambda: page.one("#trial").is_displayed())
    assert stored(page) == before
    assert page.all("#stimuli output")[1].text == "53"

    for number in range(NUM_TRIALS):
        page.wait(lambda n=number: stored(page)["place"] == n)  # type: ignore[misc]
        for place in range(NUM_SIGNALS):
            page.press(str(place + 1), Keys.HOME, Keys.ARROW_RIGHT * (10 * number + place + 1))
        page.press(Keys.ENTER)
    page.wait(lambda: page.one("#farewell").is_displayed())
    page.click(page.one("#download"))
    page.wait(lambda: list(downloads.glob("*.json")))
    (path,) = downloads.glob("*.json")
    assert path.name == "listening-a-study-Ö-Ear-.json"
    check_ratings(json.loads(path.read_text("utf-8")), stored(page))
    assert len(Ratings.read([path]).table) == NUM_TRIALS * NUM_SIGNALS
    assert page.errors() == []


def check_ratings(saved: dict[str, Any], session: dict[str, Any]) -> None:
    """Every letter's rating is saved under the arm that it was."""
    assert (saved["format"], saved["study"], saved["listener"]) == (1, "a study", 'Ö. "Ear"')
    assert saved["started"] < saved["finished"]
    given = {(r["track"], r["source"], r["arm"], r["seed"]): r["rating"] for r in saved["ratings"]}
    assert len(given) == len(saved["ratings"]) == NUM_TRIALS * NUM_SIGNALS
    tracks, sources = sorted({key[0] for key in given}), ("drums", "vocals")
    arms = ("mixture", "reference", "plain", "gan")
    for number, trial in enumerate(session["trials"]):
        for place, signal in enumerate(trial["letters"]):
            key = (tracks[trial["excerpt"]], sources[trial["trial"]], arms[signal], 0)
            assert given[key] == 10 * number + place + 1


def test_a_session_can_be_left_and_gone_on_with_or_replaced(page: Page) -> None:
    begin_listening(page, "First")
    page.press("1", Keys.END)
    page.click(page.one("#leave"))
    page.wait(lambda: page.one("#report").is_displayed())
    page.click(page.one("#open-listening"))
    page.wait(lambda: page.one("#continue").is_displayed())
    assert page.one("#continue").text == "Continue as First, 0 of 4 rated"
    page.click(page.one("#continue"))
    page.wait(lambda: page.one("#trial").is_displayed())
    assert page.all("#stimuli output")[0].text == "100"
    page.click(page.one("#leave"))
    page.wait(lambda: page.one("#report").is_displayed())
    page.click(page.one("#open-listening"))
    page.wait(lambda: page.one("#introduction").is_displayed())
    page.press("Second", Keys.ENTER)
    assert stored(page)["listener"] == "Second"
    assert page.all("#stimuli output")[0].text == "\N{EN DASH}"


def test_a_sound_file_that_is_missing_is_said_and_not_swallowed(page: Page, report: Path) -> None:
    page.open()
    sound = report / "excerpts" / "sound-0.js"
    away = sound.rename(sound.with_suffix(".away"))
    page.click(page.tiles(0)[0])
    page.wait(lambda: "sound-0.js cannot be loaded" in page.one("#playing").text)
    away.rename(sound)
    page.click(page.tiles(0)[0])
    page.wait(lambda: page.hears(0))


def test_nothing_runs_in_the_page(driver: webdriver.Chrome, tmp_path: Path) -> None:
    page = Page(driver, write_hostile_report(tmp_path))
    watch = "window.ran = window.alert = () => { window.hasRun = true }"
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
    page.open()
    for place in ("", "#listening"):
        page.run(f"location.hash = '{place}'")
        page.run("for (const part of document.querySelectorAll('details')) part.open = true")
        page.wait(lambda: page.run("return document.readyState === 'complete'"))
        page.run("for (const each of document.querySelectorAll('*')) {"
                 "each.dispatchEvent(new MouseEvent('mouseover'))}")  # fmt: skip
    assert HOSTILE_SOURCES[0] in page.run("return document.body.textContent")
    assert page.run(
        "return [document.querySelectorAll('[src=x], [onerror]').length, window.hasRun]"
    ) == [0, None]
    assert page.errors() == []

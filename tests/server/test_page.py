"""The page in a browser: what it draws is what the server says, and everybody can use it."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import io
import json
import re
import shutil
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import quote, urlsplit

import cv2
import model_folders as models
import msgspec
import numpy as np
import pytest
from running_server import running
from scipy import ndimage
from served_images import SEEN, data_set

import maskforge as mf
from maskforge.masks.classes import ClassMap, MaskClass
from maskforge.masks.post_processing import PostProcessing, post_process
from maskforge.masks.targets import decide, to_ids

webdriver = pytest.importorskip("selenium.webdriver", reason="NO BROWSER: selenium is missing")
from selenium.webdriver.chrome.service import Service as Driver  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, CHROMEDRIVER = (shutil.which(one) for one in ("chromium", "chromedriver"))
HOSTILE = "<img src=x onerror=document.title='hit'>"
CONVERTED = HOSTILE.replace("<", "_").replace(">", "_")  # as a mask may be called
EXCLUSIVE = ClassMap(
    (MaskClass(2, HOSTILE, (255, 0, 0), ()), MaskClass(9, "a, b=0.5", (0, 255, 0), ()))
)

ORANGE, PURPLE = (230, 159, 0), (204, 121, 167)
FOUND, MISSED, INVENTED = (0, 158, 115), (213, 94, 0), (86, 180, 233)

WAIT = 20


class Page:
    """A page of a server in the browser."""

    def __init__(self, browser, server):
        self.browser, self.server = browser, server

    def open(self, hash_=""):
        """Load the page anew and wait for its image, if there is a data set."""
        self.browser.get("about:blank")
        self.browser.get(f"{self.server.address}/{hash_}")
        self.until("document.readyState === 'complete'")

    def js(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def until(self, code, *arguments):
        """Wait until an expression is true, and return it."""
        end = time.monotonic() + WAIT
        while time.monotonic() < end:
            if found := self.js(f"return {code}", *arguments):
                return found
            time.sleep(0.03)
        raise AssertionError(f"never true: {code}\n{self.js('return document.body.innerText')}")

    def element(self, css):
        return self.browser.find_element(By.CSS_SELECTOR, css)

    def texts(self, css):
        # Rows that were not drawn yet have no innerText.
        return self.js(
            "return [...document.querySelectorAll(arguments[0])]"
            ".map((one) => one.innerText || one.textContent)",
            css,
        )

    def show(self, name, hash_=""):
        """Show an image of the data set."""
        images = self.server.ask("/api/images").json["images"]
        (id_,) = (one["id"] for one in images if one["name"] == name)
        self.open(f"#image={quote(id_)}&opacity=1{hash_}")
        self.until("document.getElementById('viewer').dataset.shown === arguments[0]", f"set-{id_}")
        return f"/api/images/{id_}"

    def send(self, *files):
        """Choose files, and wait for the last one to be predicted."""
        self.element("#files").send_keys("\n".join(map(str, files)))
        self.until("document.getElementById('viewer').dataset.shown?.startsWith('sent-')")
        self.until(
            "document.querySelectorAll('#sent .value, #sent .tag').length === arguments[0]",
            len(files),
        )

    def layer(self, name="prediction"):
        """Return the pixels (H, W, 4) of a layer."""
        width, height, data = self.js(
            "const canvas = document.querySelector(`[data-layer=${arguments[0]}]`);"
            "const {width, height} = canvas;"
            "const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);"
            "return [width, height, btoa(String.fromCharCode(...data))]",
            name,
        )
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)

    def type_in(self, css, text):
        field = self.element(css)
        field.send_keys(Keys.CONTROL, "a")
        field.send_keys(text)

    def key(self, *keys):
        ActionChains(self.browser).send_keys(*keys).perform()

    def state(self):
        """Return what the address holds, once it is up to date."""
        time.sleep(0.3)
        hash_ = self.js("return location.hash.slice(1)")
        return dict(one.split("=", 1) for one in hash_.split("&") if one)

    def screenshot(self, css):
        content = self.element(css).screenshot_as_png
        return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def drawn(mask, colors):
    """Return a mask as the page draws it at full opacity."""
    table = np.zeros((256, 4), np.uint8)
    for id_, color in colors.items():
        table[id_] = (*color, 255)
    return table[mask]


@pytest.fixture(scope="module")
def served(tmp_path_factory, model_folder):
    """Two models and a data set, all with hostile names.

    The first finds caries from gray 128 on, crown from 192 on, and from 224 on the crown is more
    probable than the caries beneath it. The classes of the second are exclusive.
    """
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service
    from maskforge.server.shown_set import ShownSet

    root = tmp_path_factory.mktemp("page")
    data = data_set(root, SEEN | {HOSTILE: 180})
    network = models.brightness((0.5, 0.75), gains=(20.0, 60.0))
    first = models.save(root / "bright", network, head="sigmoid")
    examples = mf.open_examples(data, group_pattern="^.")
    split = mf.make_split(examples, validation=0.3, test=0.3, seed=1)
    mf.write_split(first / "split.json", examples, split)
    second = models.save(
        root / "exclusive",
        models.network("softmax", outputs=3, seed=4),
        head="softmax",
        classes=EXCLUSIVE,
    )
    options = ServeOptions(model=mf.ModelOptions(runtime="keras"))
    return Service(Models([first, second], options.model), ShownSet(data), options)


@pytest.fixture(scope="module")
def server(served):
    with running(served) as found:
        for _ in range(1200):
            if found.ask("/api/evaluation").json["measured"] == 6:
                break
            time.sleep(0.05)
        yield found


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None or CHROMEDRIVER is None:
        pytest.skip("NO BROWSER: chromium and chromedriver are not installed: the page is untested")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for one in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--window-size=1440,900",
    ):
        options.add_argument(one)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options, Driver(CHROMEDRIVER))
    found.downloads = tmp_path_factory.mktemp("downloads")
    found.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(found.downloads)}
    )
    yield found
    found.quit()


@contextlib.contextmanager
def opened(browser, service):
    """The page of a server of its own, of which it asks nothing any more when that has ended."""
    with running(service) as server:
        yield Page(browser, server)
        browser.get("about:blank")
        _check_logs(browser)


@pytest.fixture
def page(browser, server):
    found = Page(browser, server)
    yield found
    _check_logs(browser)


def _check_logs(browser):
    """Nothing went wrong, and nothing was asked of another machine."""
    complaints = [
        one["message"]
        for one in browser.get_log("browser")
        if "status of 4" not in one["message"]  # an error of the API, which the page shows
        and "willReadFrequently" not in one["message"]  # these tests do, and not the page
    ]
    assert complaints == []
    events = [json.loads(one["message"])["message"] for one in browser.get_log("performance")]
    asked = {
        urlsplit(one["params"]["request"]["url"])
        for one in events
        if one["method"] == "Network.requestWillBeSent"
    }
    hosts = {one.hostname for one in asked if one.scheme not in ("about", "blob", "data")}
    assert hosts <= {"127.0.0.1"}


@pytest.fixture(scope="module")
def slope(tmp_path_factory):
    """An image from dark to bright, so that thresholds matter, and with corners that touch."""
    pixels = np.tile(np.linspace(110, 240, 48).astype(np.uint8), (32, 1))
    pixels[:15:3, ::2] = 0
    pixels[15:][np.indices((17, 48)).sum(axis=0) % 2 == 0] = 0
    path = tmp_path_factory.mktemp("sent") / "slope 1.png"
    path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    return path


def test_an_image_that_is_sent_is_drawn_as_the_server_masks_it(page, slope):
    page.open("#opacity=1")
    page.send(slope)
    mask = page.server.ask("/api/predict", slope.read_bytes()).values
    assert set(np.unique(mask)) == {0, 3, 7}
    np.testing.assert_array_equal(page.layer(), drawn(mask, {3: ORANGE, 7: PURPLE}))
    page.element("#own-colors").click()
    page.until("document.querySelector('.swatch').style.backgroundColor === 'rgb(255, 0, 0)'")
    page.until("document.querySelector('.swatch').isConnected")
    colors = {3: (255, 0, 0), 7: (0, 255, 0)}
    time.sleep(0.1)
    np.testing.assert_array_equal(page.layer(), drawn(mask, colors))


def test_thresholds_act_at_once_and_as_on_the_server(page):
    place = page.show("b/c d")
    own = page.server.ask(f"{place}/prediction.png").values
    np.testing.assert_array_equal(page.layer(), drawn(own, {3: ORANGE, 7: PURPLE}))
    requests = page.js("return performance.getEntriesByType('resource').length")
    page.type_in("[data-id='3'] input[type=number]", "0.0001")
    page.until("document.querySelector('[data-id=\"3\"] .found').innerText.includes('px')")
    time.sleep(0.2)
    other = page.server.ask(f"{place}/prediction.png?threshold=caries=0.0001").values
    np.testing.assert_array_equal(page.layer(), drawn(other, {3: ORANGE, 7: PURPLE}))
    assert page.js("return performance.getEntriesByType('resource').length") == requests
    assert page.state()["threshold"] == "3%3A0.0001"


def test_a_threshold_is_rounded_as_on_the_server(page, slope):
    """A pixel whose probability is the threshold has the class, though its decimals are rounded."""
    reply = page.server.ask("/api/predict?answer=probabilities", slope.read_bytes())
    caries = np.unique(np.frombuffer(reply.content, "<f4").reshape(2, 32, 48)[0])
    decimals = [np.format_float_positional(one, unique=True) for one in caries]
    threshold = next(
        text
        for text, one in zip(decimals, caries, strict=True)
        if float(text) > float(one) > 0.01 and np.float32(text) == one
    )
    page.open("#opacity=1")
    page.send(slope)
    page.type_in("[data-id='3'] input[type=number]", threshold)
    time.sleep(0.2)
    asked = f"/api/predict?threshold=caries={threshold},crown=0.5"
    expected = page.server.ask(asked, slope.read_bytes()).values
    np.testing.assert_array_equal(page.layer(), drawn(expected, {3: ORANGE, 7: PURPLE}))


def test_the_slider_of_a_threshold_obeys_keys(page, slope):
    page.open("#opacity=1")
    page.send(slope)
    slider = page.element("[data-id='3'] input[type=range]")
    slider.send_keys(*[Keys.ARROW_RIGHT] * 3)
    threshold = float(slider.get_attribute("value"))
    assert threshold == pytest.approx(0.503)
    expected = page.server.ask(
        f"/api/predict?threshold=caries={threshold},crown=0.5", slope.read_bytes()
    ).values
    time.sleep(0.1)
    np.testing.assert_array_equal(page.layer(), drawn(expected, {3: ORANGE, 7: PURPLE}))
    page.element("[data-id='3'] button").click()
    assert page.element("[data-id='3'] input[type=number]").get_attribute("value") == "0.5"


def test_exclusive_classes_have_no_threshold(page):
    place = page.show("a", "&model=exclusive")
    assert page.js("return document.querySelectorAll('#classes input[type=range]').length") == 0
    mask = page.server.ask(f"{place}/prediction.png?model=exclusive").values
    assert len(np.unique(mask)) > 1
    np.testing.assert_array_equal(page.layer(), drawn(mask, {2: ORANGE, 9: PURPLE}))


def test_opacity_and_classes(page, slope):
    page.open("#opacity=1")
    page.send(slope)
    mask = page.server.ask("/api/predict", slope.read_bytes()).values
    page.element("[data-id='7'] input[type=checkbox]").click()
    time.sleep(0.2)
    without = page.server.ask("/api/predict?threshold=crown=1", slope.read_bytes()).values
    np.testing.assert_array_equal(page.layer(), drawn(without, {3: ORANGE}))
    page.element("[data-id='7'] input[type=checkbox]").click()
    slider = page.element("#opacity")
    slider.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 4)
    time.sleep(0.2)
    assert page.element("#opacity-value").text == "20 %"
    alphas = page.layer()[..., 3]
    assert set(np.unique(alphas[mask != 0])) <= {51, 153}  # inside, and outlines
    assert (alphas[mask == 0] == 0).all()
    page.key("h")
    time.sleep(0.2)
    assert not page.layer().any()


def test_single_pixels_are_seen_without_blur(page):
    page.show("a", "&at=32,10,10")
    page.key("h")
    time.sleep(0.2)
    shot = page.screenshot(".frame")
    height, width = shot.shape[:2]
    # The point 10, 10 is in the middle; the square of 180 begins there.
    middle = shot[height // 2 - 90 : height // 2 + 90, width // 2 - 90 : width // 2 + 90]
    assert set(map(tuple, middle[100:, 100:].reshape(-1, 3))) == {(180, 180, 180)}
    dark = {tuple(one) for one in middle[:85, :85].reshape(-1, 3)}
    assert dark == {(7,) * 3, (8,) * 3, (9,) * 3}


def test_zoom_by_wheel_keys_and_buttons(page):
    page.show("a")
    whole = page.element("#scale").text
    page.element("#zoom-in").click()
    bigger = page.element("#scale").text
    assert int(bigger.split()[0]) > int(whole.split()[0])
    page.element("#zoom-fit").click()
    assert page.element("#scale").text == whole
    page.element(".frame").click()
    page.key("+", "+", Keys.ARROW_RIGHT)
    assert page.js("return document.activeElement.className") == "frame"
    state = page.state()
    assert float(state["at"].split("%2C")[0]) > 0
    page.key("0")
    assert "at" not in page.state()
    frame = page.element(".frame")
    page.js(
        "arguments[0].dispatchEvent(new WheelEvent('wheel', {deltaY: -400, clientX: 500,"
        "clientY: 400, bubbles: true, cancelable: true}))",
        frame,
    )
    assert page.element("#scale").text != whole
    before = page.js("return document.querySelector('.pixels').style.transform")
    ActionChains(page.browser).click_and_hold(frame).move_by_offset(-40, 10).release().perform()
    assert page.js("return document.querySelector('.pixels').style.transform") != before


def test_two_fingers_zoom(page):
    page.show("a")
    whole = page.element("#scale").text
    page.js(
        "const box = arguments[0].getBoundingClientRect();"
        "const x = box.left + box.width / 2, y = box.top + box.height / 2;"
        "arguments[0].setPointerCapture = () => {};"
        "const send = (type, pointerId, dx) => arguments[0].dispatchEvent(new PointerEvent(type,"
        " {pointerId, clientX: x + dx, clientY: y, button: 0, bubbles: true}));"
        "send('pointerdown', 1, -20); send('pointerdown', 2, 20);"
        "send('pointermove', 1, -60); send('pointermove', 2, 60);"
        "send('pointerup', 1, -60); send('pointerup', 2, 60);",
        page.element(".frame"),
    )
    number = [int(one.split()[0]) for one in (whole, page.element("#scale").text)]
    assert number[1] == pytest.approx(3 * number[0], rel=0.02)


def test_lesions_are_the_connected_regions(page, slope):
    page.open("#opacity=1")
    page.send(slope)
    planes = np.frombuffer(
        page.server.ask("/api/predict?answer=probabilities", slope.read_bytes()).content, "<f4"
    ).reshape(2, 32, 48)
    expected = []
    for name, plane in zip(("caries", "crown"), planes, strict=True):
        numbers, count = ndimage.label(plane >= 0.5, np.ones((3, 3)))
        inside = range(1, count + 1)
        areas = ndimage.sum_labels(numbers > 0, numbers, inside)
        means = ndimage.mean(plane.astype(np.float64), numbers, inside)
        expected += [
            (name, int(area), float(mean)) for area, mean in zip(areas, means, strict=True)
        ]
    rows = [one.split("\n") for one in page.texts("#lesions .row")]
    found = [
        (name, int(area.split()[0].replace(",", "")), float(mean)) for name, area, mean in rows
    ]
    assert sorted((name, area) for name, area, _ in found) == sorted(
        (name, area) for name, area, _ in expected
    )
    assert sorted(mean for *_, mean in found) == pytest.approx(
        sorted(one for *_, one in expected), abs=0.006
    )
    assert [area for _, area, _ in found] == sorted((area for _, area, _ in found), reverse=True)


def test_a_lesion_is_gone_to(page):
    page.show("a")
    page.element("#lesions .row").click()
    scale, x, y = map(float, page.state()["at"].split("%2C"))
    assert (x, y) == (30, 20)  # the image is too small to be moved further
    mark, frame = page.element(".mark").rect, page.element(".frame").rect
    assert mark["width"] == pytest.approx(20 * scale + 2 * 6, abs=1)
    middle = mark["x"] + mark["width"] / 2 - (frame["x"] + frame["width"] / 2)
    assert middle == pytest.approx((20 - 30) * scale, abs=1)
    assert page.element("#lesions .row").get_attribute("aria-current") == "true"
    assert "caries" in page.element("#status").get_attribute("textContent")


def test_truth_and_difference(page):
    place = page.show("b/c d", "&view=side")
    truth = page.server.ask(f"{place}/truth.png").values
    np.testing.assert_array_equal(page.layer("truth"), drawn(truth, {3: ORANGE}))
    difference = page.layer("difference")
    inner = difference[12:28, 12:28]
    assert set(map(tuple, inner.reshape(-1, 4))) == {(*FOUND, 255)}
    rest = difference[31:33, 12:33].reshape(-1, 4)  # striped: some pixels are bare
    assert set(map(tuple, rest)) == {(*MISSED, 255), (0, 0, 0, 0)}
    bare = difference[31:33, 12:33, 3] == 0
    np.testing.assert_array_equal(bare[1, :-1], bare[0, 1:])  # along /
    assert page.texts("#scores dd") == ["0.82", "1 of 1", "0", "0", "0.82", "–"]
    (row,) = (
        one for one in page.server.ask("/api/images").json["images"] if one["name"] == "b/c d"
    )
    assert round(row["dice"], 2) == 0.82
    page.type_in("[data-id='3'] input[type=number]", "1")
    page.until("document.querySelectorAll('#scores dd')[1].innerText === '0 of 1'")
    assert page.texts("#scores dd")[0] == "0.00"
    assert "missed" in page.texts("#lesions .row")[0]


def test_what_is_invented_is_striped_the_other_way(page):
    page.show("invented", "&view=difference")
    layer = page.layer("difference")
    assert set(map(tuple, layer[10:30, 10:30].reshape(-1, 4))) == {(*INVENTED, 255), (0, 0, 0, 0)}
    bare = layer[12:28, 12:28, 3] == 0
    np.testing.assert_array_equal(bare[1:, 1:], bare[:-1, :-1])  # along \
    assert not (bare[1:, :-1] == bare[:-1, 1:]).all()


def test_swipe(page):
    page.show("b/c d", "&view=swipe")
    divider = page.element(".divider")
    assert divider.get_attribute("aria-valuenow") == "50"
    divider.send_keys(Keys.HOME)
    clips = page.js(
        "return [...document.querySelectorAll('.sheet')].map((one) => one.style.clipPath)"
    )
    assert clips == ["inset(0px 100% 0px 0px)", "inset(0px 0px 0px 0%)"]
    divider.send_keys(Keys.END)
    assert divider.get_attribute("aria-valuenow") == "100"
    frame = page.element(".frame")
    ActionChains(page.browser).drag_and_drop_by_offset(
        divider, -frame.size["width"] // 4, 0
    ).perform()
    assert int(divider.get_attribute("aria-valuenow")) == pytest.approx(75, abs=1)


def test_images_are_sorted_and_filtered(page):
    page.show("a")
    names = lambda: page.texts("#set .title")  # noqa: E731
    page.until("document.querySelectorAll('#set .value').length === 6")
    for sort in ("dice", "missed", "uncertainty", "name"):
        page.element(f"#sort option[value={sort}]").click()
        images = page.server.ask(f"/api/images?sort={sort}").json["images"]
        page.until(
            "JSON.stringify([...document.querySelectorAll('#set .title')].map((one) =>"
            " one.textContent)) === JSON.stringify(arguments[0])",
            [one["name"] for one in images],
        )
    page.element("#missed").click()
    page.until("document.querySelectorAll('#set .row').length === 1")
    assert names() == ["missed"]
    assert page.state()["missed"] == "1"
    page.element("#missed").click()
    parts = {one["name"]: (one["part"], one["group"]) for one in images}
    assert {part for part, _ in parts.values()} == {"train", "validation", "test"}
    page.element("#part option[value=test]").click()
    wanted = sorted(name for name, (part, _) in parts.items() if part == "test")
    page.until("document.querySelectorAll('#set .row').length === arguments[0]", len(wanted))
    assert sorted(names()) == wanted
    page.element("#part option[value='']").click()
    page.element("#group option[value=b]").click()
    page.until("document.querySelectorAll('#set .row').length === 1")
    assert names() == ["b/c d"]


def test_keys(page):
    page.show("a")
    page.until("document.querySelectorAll('#set .value').length === 6")
    names = page.texts("#set .title")
    page.key("j")
    page.until(
        "document.getElementById('name').textContent === arguments[0]", names[names.index("a") + 1]
    )
    page.key("k")
    page.until("document.getElementById('name').textContent === 'a'")
    page.key("n")
    page.until("!document.querySelector('.mark').hidden")
    page.key("v")
    assert page.state()["view"] == "truth"
    page.key("V", "]", "]", ".", "1", "f")
    state = page.state()
    assert state["threshold"] == "3%3A0.52%2C7%3A0.52"
    assert state["off"] == "3"
    assert state["missed"] == "1"
    page.key("r", "1", "f", "s")
    state = page.state()
    assert not {"threshold", "off", "missed"} & set(state)
    assert state["sort"] == "dice"
    page.key("?")
    assert page.element("#help").is_displayed()
    page.key("j", Keys.ESCAPE)
    assert not page.element("#help").is_displayed()
    page.key("?")
    page.element("#single-keys").click()
    page.element("#close-help").click()
    page.key("v")
    assert "view" not in page.state()
    page.js("localStorage.clear()")


def test_a_link_leads_to_what_one_saw(page):
    place = page.show(
        "b/c d", "&view=swipe&threshold=3:0.2&at=9,20,20&off=7&sort=dice&part=&missed=0"
    )
    for again in (False, True):
        if again:
            page.browser.refresh()
        page.until("document.getElementById('viewer').dataset.shown")
        page.until("document.querySelectorAll('#set .value').length === 6")
        assert page.element("#name").text == "b/c d"
        assert page.element("#sort").get_attribute("value") == "dice"
        assert page.element("input[value=swipe]").is_selected()
        assert page.element("#scale").text == "900 %"
        assert page.element("[data-id='3'] input[type=number]").get_attribute("value") == "0.2"
        assert not page.element("[data-id='7'] input[type=checkbox]").is_selected()
        mask = page.server.ask(f"{place}/prediction.png?threshold=caries=0.2,crown=1").values
        np.testing.assert_array_equal(page.layer(), drawn(mask, {3: ORANGE}))
    page.key("j")
    page.until("document.getElementById('name').textContent !== 'b/c d'")
    page.browser.back()
    page.until("document.getElementById('name').textContent === 'b/c d'")


def _downloaded(page, button):
    before = set(page.browser.downloads.iterdir())
    page.element(button).click()
    for _ in range(200):
        new = [
            one
            for one in set(page.browser.downloads.iterdir()) - before
            if one.suffix != ".crdownload"
        ]
        if new and not new[0].name.startswith("."):
            return new[0]
        time.sleep(0.05)
    raise AssertionError("nothing was downloaded")


def test_downloads(page, slope, tmp_path):
    page.open("#opacity=1")
    page.send(slope)
    page.type_in("[data-id='3'] input[type=number]", "0.9")
    expected = page.server.ask(
        "/api/predict?threshold=caries=0.9,crown=0.5", slope.read_bytes()
    ).values
    file = _downloaded(page, "#save-mask")
    assert file.name == "slope 1-mask.png"
    np.testing.assert_array_equal(mf.read_mask(file), expected)
    overlay = cv2.imread(str(_downloaded(page, "#save-overlay")))[..., ::-1]
    np.testing.assert_array_equal(
        overlay[expected != 0], drawn(expected, {3: ORANGE, 7: PURPLE})[expected != 0][:, :3]
    )
    original = cv2.imread(str(slope))
    np.testing.assert_array_equal(overlay[expected == 0], original[expected == 0])
    file = _downloaded(page, "#save-shapes")
    assert file.name == "slope 1.json"
    shutil.copy(file, tmp_path)
    shutil.copy(slope, tmp_path)
    (image,) = mf.read(tmp_path)
    classes = ClassMap(
        tuple(
            MaskClass(id_, name, (0, 0, id_), (name,))
            for id_, name in ((3, "caries"), (7, "crown"))
        )
    )
    np.testing.assert_array_equal(mf.draw(image, classes).mask != 0, expected != 0)
    page.element("#format option[value=yolo]").click()
    file = _downloaded(page, "#save-shapes")
    assert zipfile.is_zipfile(io.BytesIO(file.read_bytes()))


def test_several_images_one_of_them_broken(page, slope, tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"this is text")
    hostile = tmp_path / f"{HOSTILE}.png"
    shutil.copy(slope, hostile)
    page.open()
    page.send(broken, hostile, slope)
    assert page.texts("#sent .title") == ["broken.png", f"{HOSTILE}.png", "slope 1.png"]
    problem = page.element("#problems .problem").text
    assert "broken.png: This cannot be read as an image" in problem
    assert page.texts("#sent .row")[0] == "broken.png\nnot read"
    page.element("#problems button").click()
    assert page.texts("#problems .problem") == []
    page.element("#sent li:nth-child(2) .row").click()
    page.until("document.getElementById('viewer').dataset.shown === 'sent-1'")
    assert page.browser.title == "maskforge"


def test_an_error_comes_with_its_hint(page, tmp_path):
    page.open("#image=nothing")
    page.until("document.querySelector('#problems .problem')")
    assert page.element("#problems .problem").text.startswith(
        "nothing: There is no such image. /api/images lists the images with their ids."
    )
    page.key("j")  # the first one
    page.until("document.querySelector('[data-layer]')")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"this is text")
    page.element("#files").send_keys(str(broken))
    page.until("document.getElementById('name').textContent === 'broken.png'")
    page.until("!document.querySelector('canvas')")  # no other image is shown in its place
    assert not page.element("#panel").is_displayed()


def test_drop_and_paste(page, slope):
    content = base64.b64encode(slope.read_bytes()).decode()
    for kind in ("drop", "paste"):
        page.open("#opacity=1")
        page.until("document.getElementById('version').textContent")
        page.js(
            "const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));"
            "const transfer = new DataTransfer();"
            "transfer.items.add(new File([bytes], 'slope.png', {type: 'image/png'}));"
            "document.body.dispatchEvent(arguments[1] === 'drop'"
            " ? new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})"
            " : new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true}))",
            content,
            kind,
        )
        page.until("document.getElementById('viewer').dataset.shown === 'sent-0'")
        mask = page.server.ask("/api/predict", slope.read_bytes()).values
        np.testing.assert_array_equal(page.layer(), drawn(mask, {3: ORANGE, 7: PURPLE}))


def test_hostile_names_are_text(page):
    page.show(CONVERTED, "&model=exclusive")
    assert CONVERTED in page.texts("#set .title")
    assert page.element("#name").text == CONVERTED
    assert HOSTILE in page.texts("#classes .title")
    assert page.js("return document.querySelectorAll('img:not([src$=svg])').length") == 0
    assert page.browser.title == "maskforge"


def test_the_evaluation_stands_on_top(page):
    page.show("a")
    page.until("document.querySelector('.numbers .large')")
    report = page.server.ask("/api/evaluation").json
    numbers = report["findings"][0]["numbers"]
    assert page.texts(".numbers dt") == [one["title"] for one in numbers]
    assert page.texts(".numbers .large") == [one["value"] for one in numbers]
    assert "bright on the test images" in page.element("#evaluation-title").text


def test_progress_while_images_are_being_compared(browser, model_folder, data_folder):
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service
    from maskforge.server.shown_set import ShownSet

    options = ServeOptions(model=mf.ModelOptions(runtime="keras"))
    shown, begin = ShownSet(data_folder), threading.Event()
    measure = shown.measure
    shown.measure = lambda served: begin.wait(60) and measure(served)
    with opened(browser, Service(Models([model_folder], options.model), shown, options)) as page:
        page.open()
        page.until("document.querySelector('progress')")
        assert "0 of 5 images compared" in page.element("#evaluation").text
        page.until("document.querySelectorAll('#set .row').length === 5")
        assert "is being compared" in page.texts("#set .row")[0]
        begin.set()
        page.until("document.querySelector('.numbers .large')")
        page.until("document.querySelectorAll('#set .value').length === 5")
        assert page.js("return document.querySelectorAll('progress').length") == 0
        # A newer model is taken up when somebody comes back to the page.
        model = page.server.service.models.find(None)
        newer = msgspec.structs.replace(
            model.predictor.description, thresholds=(0.25, 0.75), weights_digest="0" * 64
        )
        model.predictor = dataclasses.replace(model.predictor, description=newer)
        page.js("document.dispatchEvent(new Event('visibilitychange'))")
        page.until("document.querySelector('[data-id=\"3\"] input[type=number]').value === '0.25'")


def test_without_a_data_set_the_page_waits_for_images(browser, model_folder, slope):
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    options = ServeOptions(model=mf.ModelOptions(runtime="keras"), token="se cret")
    with opened(browser, Service(Models([model_folder], options.model), None, options)) as page:
        page.open()
        page.until("document.getElementById('token-dialog').open")
        page.element("#token").send_keys("wrong", Keys.ENTER)
        page.until("document.getElementById('token-text').textContent.includes('wrong')")
        page.element("#token").send_keys("se cret", Keys.ENTER)
        page.until("document.getElementById('version').textContent")
        assert page.element("#empty").is_displayed()
        assert not page.element("#set-part").is_displayed()
        page.send(slope)
        assert page.layer().any()
        page.browser.refresh()
        page.until("document.getElementById('version').textContent")  # the tab knows the token
        page.js("sessionStorage.clear()")
        page.open("#token=se%20cret&opacity=0.5")
        page.until("document.getElementById('version').textContent")
        assert page.js("return location.hash") == "#opacity=0.5"
        page.js("sessionStorage.clear()")


def _phone(browser, is_on):
    if is_on:
        size = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    else:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_phone_needs_no_scrolling_to_the_side(page):
    _phone(page.browser, True)
    try:
        for hash_ in ("", "&view=side", "&view=swipe&model=exclusive"):
            page.show(CONVERTED, hash_)
            assert page.js("return document.documentElement.scrollWidth") == 390
            assert page.js("return document.querySelector('.frame').clientWidth") > 380
        page.until("document.querySelectorAll('#set .row').length === 6")
        assert page.js("return scrollY") == 0  # at the image, and not at its place in the list
        page.js(
            "const row = document.querySelector('#set li:last-child .row');"
            "row.scrollIntoView(); row.click()"
        )
        page.until("document.getElementById('viewer').dataset.shown === 'set-missed'")
        place = "document.getElementById('viewer').getBoundingClientRect()"
        page.until(f"{place}.top >= -1 && {place}.bottom <= innerHeight + 1")
        page.key("?")
        assert page.js("return document.documentElement.scrollWidth") == 390
    finally:
        _phone(page.browser, False)


def test_everything_has_a_name(page, slope):
    page.show("b/c d", "&view=swipe")
    page.send(slope)
    page.show("b/c d", "&view=swipe")
    nodes = page.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    found = [
        (one["role"]["value"], one.get("name", {}).get("value", ""))
        for one in nodes
        if not one.get("ignored") and "role" in one
    ]
    wanting = {"button", "link", "checkbox", "radio", "slider", "spinbutton", "combobox", "textbox"}
    wanting |= {"image", "img", "navigation", "complementary", "dialog", "region", "group", "list"}
    roles = [role for role, _ in found]
    for role in (
        "banner",
        "navigation",
        "main",
        "complementary",
        "contentinfo",
        "status",
        "slider",
    ):
        assert role in roles, role
    named = {"button", "slider", "image", "navigation", "region"}
    assert named <= {*roles, "image"}
    nameless = [role for role, name in found if role in wanting - {"list"} and not name.strip()]
    assert nameless == []
    headings = [name for role, name in found if role == "heading"]
    assert headings[0] == "maskforge"


CONTRAST = """
const luminance = (color) => {
  const parts = color.slice(0, 3).map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
};
const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const read = (color) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = color;
  canvas.fillRect(0, 0, 1, 1);
  return [...canvas.getImageData(0, 0, 1, 1).data];
};
const behind = (one) => {
  for (; one; one = one.parentElement) {
    const color = read(getComputedStyle(one).backgroundColor);
    if (color[3] === 255) return color;
  }
  return read("white");
};
const poor = [];
for (const one of document.querySelectorAll("body *")) {
  const words = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!words || !one.checkVisibility()) continue;
  if (one.closest(":disabled, .frame, figcaption, .unseen")) continue;
  const [text, ground] = [read(getComputedStyle(one).color), behind(one)].map(luminance);
  const ratio = (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
  if (ratio < 4.5) poor.push([one.className, one.textContent, ratio]);
}
return poor;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read(page, scheme):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        page.show("missed", "&view=difference")
        page.until("document.querySelector('.numbers .large')")
        is_dark = page.js("return getComputedStyle(document.body).color") == "rgb(230, 234, 239)"
        assert is_dark == (scheme == "dark")
        assert page.js(CONTRAST) == []
    finally:
        page.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_the_page_says_what_it_is_not(page):
    page.show("a")
    assert "Not a medical device" in page.element("footer").text


def test_every_file_of_the_page_is_used():
    folder = Path(mf.__file__).parent / "server" / "page"
    texts = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    for name in texts:
        assert name == "index.html" or any(name in text for text in texts.values()), name
    for name, text in texts.items():
        assert not re.search("style=|innerHTML|https?://(?!www.w3.org)", text), name


def test_a_mask_is_post_processed_as_on_the_server(browser, model_folder, slope):
    """Crown has a hole and specks in the lower half of the image, where pixels alternate."""
    from maskforge.server.models import Models
    from maskforge.server.serve_options import ServeOptions
    from maskforge.server.service import Service

    models_ = Models([model_folder], mf.ModelOptions(runtime="keras"))
    model = models_.find(None)
    rules = {
        "caries": PostProcessing(min_size=9, fill_holes=True),
        "crown": PostProcessing(min_size=3, one_per="image"),
    }
    described = msgspec.structs.replace(model.predictor.description, post_processing=rules)
    model.predictor = dataclasses.replace(model.predictor, description=described)
    with opened(browser, Service(models_, None, ServeOptions())) as page:
        page.open("#opacity=1")
        page.send(slope)
        assert "post-processed" in page.element("#facts").text
        content = slope.read_bytes()
        own = page.server.ask("/api/predict", content).values
        np.testing.assert_array_equal(page.layer(), drawn(own, {3: ORANGE, 7: PURPLE}))
        bare = dataclasses.replace(model.options, post_processing="none")
        assert (own != model.predictor.predict(content, bare).mask).any()
        page.type_in("[data-id='3'] input[type=number]", "0.9")
        time.sleep(0.5)
        other = page.server.ask("/api/predict?threshold=caries=0.9", content).values
        assert (own != other).any()
        np.testing.assert_array_equal(page.layer(), drawn(other, {3: ORANGE, 7: PURPLE}))


def _cases():
    """Yield planes, rules and head for masks with regions, holes and specks of all sizes."""
    random = np.random.default_rng(3)
    for number in range(60):
        head = ("sigmoid", "softmax")[number % 2]
        noise = random.random((3 if head == "softmax" else 2, 23, 31))
        smooth = ndimage.gaussian_filter(noise, (0, *random.uniform(0.4, 2, 2)))
        # In steps, so that some are equal.
        planes = np.clip(np.round((smooth - smooth.mean()) / smooth.std() / 6 + 0.5, 2), 0, 1)
        rules = {
            name: PostProcessing(
                fill_holes=bool(random.integers(2)),
                min_size=int(random.integers(1, 12)),
                one_per=str(random.choice(["", "image", other])),
            )
            for name, other in (("caries", "crown"), ("crown", "caries"))
            if random.random() < 0.8
        }
        yield planes.astype(np.float32), rules, head


def test_its_script_post_processes_as_the_package_does(page):
    page.open()
    cases, expected = [], []
    for planes, rules, head in _cases():
        probabilities = np.moveaxis(planes, 0, -1)
        limits = (0.5, 0.55) if head == "sigmoid" else ()
        target = decide(probabilities, head, limits)
        target = post_process(target, models.CLASSES, head, rules)
        expected.append(to_ids(target, models.CLASSES, head, probabilities).ravel().tolist())
        cases.append(
            {
                "values": planes.ravel().tolist(),
                "head": head,
                "channels": [3, 7] if head == "sigmoid" else [0, 3, 7],
                "rules": {name: msgspec.to_builtins(one) for name, one in rules.items()},
            }
        )
    found = page.browser.execute_async_script(
        "const [cases, done] = arguments;"
        "import('/page/decision.js').then(({ decide, maskOf }) => done(cases.map((one) => {"
        "  const planes = { values: Float32Array.from(one.values), width: 31, height: 23 };"
        "  const ids = new Map([['caries', 3], ['crown', 7]]);"
        "  const rules = [...ids].filter(([name]) => one.rules[name]);"
        "  const rule = { head: one.head, channels: one.channels, ids,"
        "    limits: new Map([[3, 0.5], [7, 0.55]]),"
        "    rules: new Map(rules.map(([name, id]) => [id, one.rules[name]])) };"
        "  return [...maskOf(planes, rule, decide(planes, rule))];"
        "})), (error) => done(String(error)));",
        cases,
    )
    assert found == expected

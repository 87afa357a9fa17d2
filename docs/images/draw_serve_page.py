"""Draw the images of the page of ``maskforge serve``, with maskforge itself and Chromium.

Run with ``python docs/images/draw_serve_page.py MODEL``, where the model marks caries, such as
``demo/run`` of ``samples/demo.py``; it writes serve-*.png beside itself.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By

import maskforge as mf

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "samples"
FORMATS = ("labelme", "vott", "superannotate")
WIDE, PHONE = (1280, 800), (390, 844)


def main() -> None:
    """Write the images."""
    with tempfile.TemporaryDirectory() as name:
        masks = Path(name) / "bitewings"
        sources = [SAMPLES / one for one in FORMATS]
        mf.convert(sources, masks, classes=mf.load_class_map(SAMPLES / "classes.toml"))
        command = [sys.executable, "-m", "maskforge", "serve", sys.argv[1], "--dataset", masks]
        with subprocess.Popen(
            [*command, "--port", "0"], stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout is not None
                draw(server.stdout.readline().split()[-1])
            finally:
                server.terminate()


def draw(address: str) -> None:
    """Write the images of a server that has the samples."""
    wait_for(lambda: ask(f"{address}api/evaluation")["report"])
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars"):
        options.add_argument(argument)
    browser = webdriver.Chrome(options)
    try:
        look(browser, WIDE, "light")
        browser.get(f"{address}#image=bitewing-02&view=side")
        save(browser, "serve-compare")
        look(browser, WIDE, "dark")
        browser.get("about:blank")
        browser.get(f"{address}#opacity=0.4")
        sent = SAMPLES / "labelme" / "bitewing-03.jpg"
        browser.find_element(By.ID, "files").send_keys(str(sent))
        is_shown(browser)
        browser.execute_script("document.querySelector('#lesions .row').click()")
        save(browser, "serve-lesion")
        look(browser, PHONE, "light")
        browser.get("about:blank")
        browser.get(f"{address}#image=bitewing-02&view=difference&opacity=0.5")
        save(browser, "serve-phone")
    finally:
        browser.quit()


def look(browser: webdriver.Chrome, size: tuple[int, int], scheme: str) -> None:
    """Set the size of the window, and whether it is dark."""
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def save(browser: webdriver.Chrome, name: str) -> None:
    """Write what the browser shows, as a small file."""
    is_shown(browser)
    with Image.open(io.BytesIO(browser.get_screenshot_as_png())) as shown:
        shown.convert("RGB").quantize(128).save(HERE / f"{name}.png", optimize=True)


def is_shown(browser: webdriver.Chrome) -> None:
    """Wait until an image and all about it is there."""
    for selector, is_there in (("#viewer[data-shown]", True), ("progress", False)):
        code = f"return document.querySelector('{selector}') !== null"
        wait_for(lambda code=code, is_there=is_there: browser.execute_script(code) == is_there)
    time.sleep(1)


def ask(address: str) -> dict[str, object]:
    """Return what the server answers."""
    with urllib.request.urlopen(address) as reply:
        return dict(json.load(reply))


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError


if __name__ == "__main__":
    main()

"""Draw the images of the page of ``maskforge serve``, with maskforge itself and Chromium.

Run with ``python docs/images/draw_serve_page.py MODEL``, where the model marks caries, such as
``demo/run`` of ``samples/demo.py``; it writes serve-*.png beside itself.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

import maskforge as mf

HERE = Path(__file__).parent
SAMPLES = HERE.parent.parent / "samples"
FORMATS = ("labelme", "vott", "superannotate")
GRAYS = 86
WIDE, PHONE = (1440, 900), (390, 844)


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
    browser = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        look(browser, WIDE, "light")
        browser.get(f"{address}#image=bitewing-02&view=side")
        save(browser, "serve-compare")
        look(browser, WIDE, "dark")
        browser.get("about:blank")
        browser.get(f"{address}#opacity=0.4")
        wait_for(lambda: browser.find_element(By.ID, "version").text)
        sent = SAMPLES / "labelme" / "bitewing-03.jpg"
        browser.find_element(By.ID, "files").send_keys(str(sent))
        wait_for(lambda: browser.find_elements(By.CSS_SELECTOR, "#viewer[data-shown=sent-0]"))
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
        few_colors(shown.convert("RGB")).save(HERE / f"{name}.png", optimize=True)


def few_colors(image: Image.Image) -> Image.Image:
    """Return an image with a palette; its few colors are not lost among all the gray."""
    pixels = np.asarray(image)
    colored = pixels[np.ptp(pixels, axis=-1) > 8]
    colors = Image.fromarray(colored[None]).quantize(256 - GRAYS).getpalette() or []
    grays = np.linspace(0, 255, GRAYS).astype(np.uint8).repeat(3).tolist()
    palette = Image.new("P", (1, 1))
    palette.putpalette((grays + colors)[:768])
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


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
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise TimeoutError


if __name__ == "__main__":
    main()

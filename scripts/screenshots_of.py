"""Takes a picture of each page a signed-in person sees, in light, dark and on a phone, for docs and for the eye."""

import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

MODES = {"light": (1440, "light"), "dark": (1440, "dark"), "phone": (375, "light")}
SETTLE_MS = 400


def main(url: str, folder: str, *paths: str) -> int:
    """0, or 1 where a page wanted to be wider than its window or answered with an error."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is missing (apt install chromium).", file=sys.stderr)
        return 1
    into = Path(folder)
    into.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        faults = [fault for mode in MODES for fault in _shoot(browser, url, into, mode, paths)]
        browser.close()
    print("\n".join([*faults, f"{len(list(into.glob('*.png')))} pictures in {into}"]))
    return 1 if faults else 0


def _shoot(browser: Browser, url: str, into: Path, mode: str, paths: tuple[str, ...]) -> list[str]:
    width, scheme = MODES[mode]
    dark = scheme == "dark"
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page = context.new_page()
    _sign_in(page)
    faults = []
    for path in paths or _linked(page):
        answer = page.goto(path)
        page.wait_for_timeout(SETTLE_MS)
        name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "start"
        page.screenshot(path=into / f"{name}-{mode}.png", full_page=True)
        if answer is None or answer.status >= 400:
            faults.append(f"{path} ({mode}): status {answer.status if answer else '?'}")
        elif (needed := int(page.evaluate("document.documentElement.scrollWidth"))) > width:
            faults.append(f"{path} ({mode}): wants {needed} px")
    context.close()
    return faults


def _sign_in(page: Page) -> None:
    page.goto("/accounts/sign-in/")
    page.fill("#id_login", os.environ["LLMP_SHOT_USER"])
    page.fill("#id_password", os.environ["LLMP_SHOT_PASSWORD"])
    page.click("main button.first")
    page.wait_for_url(lambda address: "/accounts/" not in address)


def _linked(page: Page) -> list[str]:
    """The pages of the rail."""
    return [str(link.get_attribute("href")) for link in page.locator("#rail nav a").all()]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

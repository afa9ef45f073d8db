"""report.html in Chromium, from disk: it fits a phone, is dark where that is asked for, prints, and is read aloud."""

import base64

import pytest
from tallied import count_rows

from consumer.report.page import render_report
from shared_spec import load_certificate
from shared_spec.artifacts.reality import Alike, RealityCheck

pytestmark = [pytest.mark.browser, pytest.mark.pipeline]

CONTRAST = """
const channels = text => text.match(/[0-9.]+/g).slice(0, 3).map(Number);
const light = text => channels(text).map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const behind = node => {
  for (let at = node; at; at = at.parentElement) {
    const found = getComputedStyle(at).backgroundColor;
    if (!found.startsWith('rgba(0, 0, 0, 0')) return found;
  }
  return 'rgb(255, 255, 255)';
};
return [...document.querySelectorAll('main p, main td, main th, main dt, main dd span, header dd, small')].map(node => {
  const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}).reduce((least, found) => Math.min(least, found), 21);
"""


BROKEN = """
const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const text = texts.currentNode;
  if (text.parentElement.closest('code, svg')) continue;
  for (const word of text.data.matchAll(/\\p{L}{2,}/gu)) {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    if (new Set([...range.getClientRects()].map(line => Math.round(line.top))).size > 1) found.push(word[0]);
  }
}
return found;
"""


@pytest.fixture(scope="module")
def page(whole, tmp_path_factory):
    """The page of a certificate with all that it can show, counterparts too."""
    certificate = load_certificate(whole.certificate)
    alike = Alike(people=40, alike=30)
    certified = {view: Alike(people=20, alike=18) for view in certificate.document.claims}
    check = RealityCheck(
        attribute="Pale_Skin", counterparts=360, everybody=alike, certified=certified
    )
    document = certificate.document.model_copy(update={"reality": (check,)})
    tallies = count_rows(document, certificate.parts())
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(render_report(document, tallies, certificate.strip))
    return path


@pytest.fixture
def browser(page, chromium):
    """Chromium with the page, and nothing of earlier pages in its console."""
    chromium.get_log("browser")
    chromium.get(page.as_uri())
    yield chromium
    for emulated in ("clearDeviceMetricsOverride", "setEmulatedMedia"):
        chromium.execute_cdp_cmd(f"Emulation.{emulated}", {})


def emulate(browser, width, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": scheme}]},
    )


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_has_to_be_scrolled_sideways(browser, width):
    emulate(browser, width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [320, 390])
def test_no_word_is_broken_on_a_phone(browser, width):
    emulate(browser, width)
    assert browser.execute_script(BROKEN) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_on_its_ground(browser, scheme):
    emulate(browser, 1280, scheme)
    ground = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")
    assert browser.execute_script(CONTRAST) >= 4.5, "less than WCAG's level AA"


def test_it_prints_on_a_few_pages(browser):
    printed = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert printed.startswith(b"%PDF-")
    assert 3 <= printed.count(b"/Type /Page\n") <= 8


def test_a_screen_reader_finds_the_verdict_the_headings_and_every_picture_in_words(browser):
    emulate(browser, 1280)
    tree = browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in tree
        if not node["ignored"]
    ]
    headings = [name for role, name in named if role == "heading"]
    assert "it is proved that everyone who counts as similar" in headings[1]
    assert {"What to do about the others", "What was not checked"} <= set(headings)
    pictures = [name for role, name in named if role in ("image", "img")]
    assert len(pictures) >= 3
    assert all(pictures)
    assert {"banner", "main"} <= {role for role, _ in named}


def test_it_asks_for_nothing_and_breaks_no_rule_of_its_own(browser):
    browser.refresh()
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.get_log("browser") == []

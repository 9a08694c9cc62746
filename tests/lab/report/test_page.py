"""The page in a browser, as people see it: narrow and wide, light and dark, by mouse and by keyboard.

The browser is Debian's Chromium, driven by playwright's Python client. Without them these tests are skipped, but where
CI is set they fail. EVO_NIGHTLY=1 measures the promises of size and time at 10 methods x 20 seeds x 10,000 rows.
"""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from contextlib import contextmanager

import pytest
from run_folders import LONG, MARKUP, everything, large, make, peopled, result, row

from scenarios.lab.cli import watch
from scenarios.lab.report import gather, report
from scenarios.lab.report.comparison import compare
from scenarios.lab.report.format import AXIS_LABELS

NIGHTLY = os.environ.get("EVO_NIGHTLY") == "1"
ROWS = 10_000 if NIGHTLY else 200
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync"]
VIEWS = [(width, scheme) for width in (420, 1120) for scheme in ("light", "dark")]
SLACK, GAP, LEADING = 1.0, 3.0, 3.0  # CSS pixels: of rounding; between words on a line; of empty lines that may overlap


@pytest.fixture(scope="module")
def browser():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sync_playwright = None
    if path is None or sync_playwright is None:
        missing = "needs Debian's chromium and playwright (pip install playwright)"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield made
        made.close()


@pytest.fixture(scope="module")
def all_there_is(tmp_path_factory):
    """The report of some of all there is to show."""
    runs = tmp_path_factory.mktemp("all")
    everything(runs)
    return report.write(compare(gather.find([], runs)), runs / "report.html")[0]


class Seen:
    """An open page, and what it said and asked for meanwhile."""

    def __init__(self, page):
        self.page, self.said, self.asked = page, [], []
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (self.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: self.asked.append(request.url))

    def ask(self, code, value=None):
        return self.page.evaluate(code, value)


@contextmanager
def opened(browser, file, width=1120, scheme="light"):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    try:
        seen = Seen(context.new_page())
        seen.page.goto(f"file://{file}")
        seen.page.wait_for_selector("html[data-drawn=yes]", timeout=60_000)
        yield seen
    finally:
        context.close()


@pytest.fixture(scope="module", params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def seen(request, browser, all_there_is):
    with opened(browser, all_there_is, *request.param) as found:
        yield found


# As it opens


def test_page_says_nothing_on_the_console_and_asks_for_nothing(seen, all_there_is):
    assert seen.said == []
    assert [url for url in seen.asked if not url.startswith("data:")] == [f"file://{all_there_is}"]


def test_page_of_one_seed_says_nothing_on_the_console_either(browser, tmp_path):
    for label, steps in (("neat", 3), ("short", 1)):
        rows = [row(k, 0.5, **peopled(k)) for k in range(steps)]
        make(tmp_path, label, 0, rows, result(0.5, rows))
    file = report.write(compare(gather.find([], tmp_path)), tmp_path / "report.html")[0]
    with opened(browser, file) as seen:
        assert seen.ask("Object.keys(charts).filter(id => id.startsWith('species'))") == ["species-0-0"]
        assert seen.said == []


def test_page_is_no_wider_than_the_screen(seen):
    assert seen.ask("document.documentElement.scrollWidth <= innerWidth")


def test_every_chart_is_drawn(seen):
    empty = "id => !document.getElementById(id).querySelector('svg.marks path')"
    ids = seen.ask("Object.keys(charts)")
    assert len(ids) > 8
    assert [each for each in ids if seen.ask(empty, each)] == []


def test_labels_are_text_whatever_they_hold(seen):
    assert seen.ask("document.scripts.length") == 2
    names = seen.ask("[...document.querySelectorAll('.legend li')].map(each => each.textContent.trim())")
    assert {MARKUP, LONG, "ga"} <= set(names)


# What is drawn

TEXTS = """() => {
  const box = node => (({left, right, top, bottom}) => ({left, right, top, bottom}))(node.getBoundingClientRect());
  const shown = text => text.textContent.trim() && getComputedStyle(text).opacity !== "0";
  return [...document.querySelectorAll(".chart")].map(chart => ({
    id: chart.id,
    box: box(chart.querySelector("svg.marks")),
    texts: [...chart.querySelectorAll("svg.marks text")].filter(shown).map(text => ({words: text.textContent, ...box(text)})),
  }));
}"""


def test_no_text_of_a_chart_is_clipped(seen):
    for chart in seen.ask(TEXTS):
        box = chart["box"]
        for text in chart["texts"]:
            inside = text["left"] >= box["left"] - SLACK and text["right"] <= box["right"] + SLACK
            inside = inside and text["top"] >= box["top"] - SLACK and text["bottom"] <= box["bottom"] + SLACK
            assert inside, (chart["id"], text, box)


def test_no_two_texts_of_a_chart_lie_over_each_other(seen):
    for chart in seen.ask(TEXTS):
        assert chart["texts"]
        for one, other in itertools.combinations(chart["texts"], 2):
            across = min(one["right"], other["right"]) - max(one["left"], other["left"])
            along = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
            assert across <= -GAP or along <= LEADING, (chart["id"], one["words"], other["words"])


def test_no_chart_is_wider_than_its_place(seen):
    wider = """() => [...document.querySelectorAll(".chart")].filter(chart =>
        chart.querySelector("svg.marks").getBoundingClientRect().right > innerWidth - 8
        || chart.scrollWidth > chart.clientWidth + 1).map(chart => chart.id)"""
    assert seen.ask(wider) == []


def test_every_axis_has_a_title_or_names_its_categories(seen):
    titles = """() => Object.fromEntries([...document.querySelectorAll(".chart")].map(chart =>
        [chart.id, [...chart.querySelectorAll(".role-axis-title text")].map(text => text.textContent)]))"""
    for chart, found in seen.ask(titles).items():
        assert len(found) == (1 if chart.startswith("final") else 2), (chart, found)
        assert all(found)


# Told apart

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = color => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = color => rgba(color).slice(0, 3).reduce((sum, v, k) => sum + linear(v / 255) * [.2126, .7152, .0722][k], 0);
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((x, y) => y - x);
    return (high + .05) / (low + .05);
  };
  const behind = node => {
    for (; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (rgba(color)[3]) return color;
    }
  };
  const mixed = (color, back, share) => {
    const [front, far] = [rgba(color), rgba(back)];
    return `rgb(${[0, 1, 2].map(k => Math.round(share * front[k] + (1 - share) * far[k]))})`;
  };
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, words = walker.currentNode.data.trim();
    if (!words || node.closest("script, style")) continue;
    const style = getComputedStyle(node);
    found.push(["text", words.slice(0, 40), ratio(node.closest("svg") ? style.fill : style.color, behind(node))]);
  }
  const marks = ".legend line, .mark-line path, .mark-symbol path, .mark-rect path, .mark-rule:not(.role-axis-grid) line"
    + ", [id^=species] .mark-area path";
  for (const mark of document.querySelectorAll(marks)) {
    const style = getComputedStyle(mark), back = behind(mark);
    const own = [["stroke", style.strokeOpacity], ["fill", style.fillOpacity]]
      .filter(([name]) => style[name] !== "none" && rgba(style[name])[3])
      .map(([name, share]) => ratio(mixed(style[name], back, share * style.opacity), back));
    if (own.length) found.push(["mark", mark.closest(".chart")?.id ?? "legend", Math.max(...own)]);
  }
  return found;
}"""


def test_text_and_marks_stand_out_from_what_lies_behind(seen):
    found = seen.ask(CONTRAST)
    assert {kind for kind, _, _ in found} == {"text", "mark"}
    assert sorted({tuple(each) for each in found if each[2] < (4.5 if each[0] == "text" else 3)}) == []


def test_a_method_has_the_same_line_in_legend_and_curves(seen):
    same = """() => {
      const strokes = marks => [...marks].map(mark => getComputedStyle(mark).stroke);
      const legend = document.querySelector("#scenario-0 .legend");
      return [strokes(document.querySelectorAll("#curves-0 .mark-line path")), strokes(legend.querySelectorAll("line"))];
    }"""
    curve, legend = seen.ask(same)
    assert set(curve) <= set(legend)
    assert len(set(legend)) == len(legend) >= 4


def test_bands_of_species_are_parted_by_the_colour_of_the_page(seen):
    parted = (
        """() => [...document.querySelectorAll("[id^=species] .mark-area path")].map(band => getComputedStyle(band).stroke)"""
    )
    assert set(seen.ask(parted)) == {seen.ask("getComputedStyle(document.body).backgroundColor")}


def test_pictures_are_shown_with_words_for_those_who_do_not_see_them(seen):
    pictures = seen.ask("[...document.images].map(image => [image.naturalWidth, image.alt])")
    assert len(pictures) == 4
    assert all(width > 0 and alt for width, alt in pictures)


# By keyboard


def test_cost_axis_is_switched_by_arrow_keys(browser, all_there_is):
    title = "() => [...document.querySelectorAll('#curves-0 .role-axis-title text')].map(text => text.textContent)"
    with opened(browser, all_there_is) as seen:
        assert "evaluations" in seen.ask(title)
        seen.page.focus("input[name=axis-0]:checked")
        for axis in ("samples", "compute", "seconds"):
            seen.page.keyboard.press("ArrowRight")
            label = AXIS_LABELS[axis]
            seen.page.wait_for_function(f"document.querySelector('#curves-0').textContent.includes({label!r})", timeout=5000)
            assert seen.ask("document.activeElement.value") == axis
            assert label in seen.ask(title)
        assert "wall clock (s)" in seen.ask(title.replace("#curves-0", "#solved-0"))
        assert "evaluations" in seen.ask(title.replace("#curves-0", "#curves-1"))
        assert seen.said == []


@pytest.mark.parametrize("width", [420, 1120])
def test_all_that_scrolls_or_acts_is_reached_by_tab_and_shows_that_it_is(browser, all_there_is, width):
    with opened(browser, all_there_is, width) as seen:
        scrolled = """[...document.querySelectorAll("body *")].filter(node => node.scrollWidth > node.clientWidth + 1
            && ["auto", "scroll"].includes(getComputedStyle(node).overflowX)).every(node => node.tabIndex === 0)"""
        assert seen.ask(scrolled)
        acting = "a[href], button, summary, input, [tabindex='0']"
        wanted = seen.ask(
            """acting => { let k = 0; for (const node of document.querySelectorAll(acting)) {
                const folded = node.closest("details:not([open])");
                if ((folded && node.tagName !== "SUMMARY") || (node.type === "radio" && !node.checked)) continue;
                node.dataset.stop = k++; } return k; }""",
            acting,
        )
        reached, bare = set(), []
        for _ in range(wanted + 5):
            seen.page.keyboard.press("Tab")
            stop, outline = seen.ask(
                "[document.activeElement.dataset.stop, getComputedStyle(document.activeElement).outlineStyle]"
            )
            if stop is not None:
                reached.add(int(stop))
                bare += [stop] if outline == "none" else []
        assert reached == set(range(wanted))
        assert bare == []


def test_names_for_screen_readers_stand_at_every_region_and_chart(browser, all_there_is):
    nameless = """() => [...document.querySelectorAll("[role=region], [role=img], input, button, img, nav, fieldset")].filter(
        node => !(node.getAttribute("aria-label") || node.alt || node.textContent.trim() || node.closest("label"))).length"""
    with opened(browser, all_there_is) as seen:
        assert seen.ask(nameless) == 0
        assert (
            seen.ask("(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(node => node.id))")
            == 0
        )
        assert seen.ask("[...document.querySelectorAll('h1, h2, h3, h4')].map(node => Number(node.tagName[1]))")[0] == 1


def test_colours_follow_when_the_scheme_changes(browser, all_there_is):
    strokes = "[...document.querySelectorAll('#curves-0 .mark-line path')].map(path => getComputedStyle(path).stroke)"
    with opened(browser, all_there_is) as seen:
        light = seen.ask(strokes)
        seen.page.emulate_media(color_scheme="dark")
        seen.page.wait_for_function(
            f"light => JSON.stringify({strokes}) !== light", arg=str(light).replace("'", '"').replace(", ", ",")
        )
        seen.page.wait_for_timeout(300)
        assert not set(seen.ask(strokes)) & set(light)
        assert seen.said == []


def test_a_band_tells_its_species_when_it_is_pointed_at(browser, all_there_is):
    with opened(browser, all_there_is) as seen:
        band = seen.page.locator("#species-0-0 .mark-area path").first
        band.scroll_into_view_if_needed()
        box = band.bounding_box()
        seen.page.mouse.move(box["x"] + 4, box["y"] + box["height"] - 4)
        seen.page.wait_for_function("document.querySelector('#vg-tooltip-element')?.innerText.trim()", timeout=5000)
        words = " ".join(seen.page.inner_text("#vg-tooltip-element").split())
        assert words == "species 0 largest size 75 founded (generation) 0 extinct (generation) 8"


@pytest.mark.parametrize("name", ["curves-0", "species-0-0"])
def test_a_chart_is_saved_as_svg(browser, all_there_is, name):
    with opened(browser, all_there_is) as seen:
        with seen.page.expect_download() as download:
            seen.page.click(f"button[data-chart={name}]")
        assert download.value.suggested_filename == f"{name}.svg"
        with open(download.value.path(), "rb") as file:
            assert file.read(4) == b"<svg"


def test_without_scripts_tables_and_words_are_still_there(browser, all_there_is):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 420, "height": 900})
    page = context.new_page()
    page.goto(f"file://{all_there_is}")
    text = page.inner_text("main")
    context.close()
    assert "interquartile mean" in text
    assert "backprop" in text


# Size and time


def test_a_watched_page_draws_its_charts_and_keeps_what_was_chosen_when_it_is_made_anew(browser, tmp_path):
    everything(tmp_path)
    with watch.server(["digits"], tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        page.wait_for_selector("html[data-drawn=yes]")
        charts = page.locator(".chart svg").count()
        assert charts > 3
        page.check("input[value=samples]")
        page.locator("details").first.evaluate("part => { part.open = true; part.querySelector('summary').focus(); }")
        file = next(tmp_path.glob("digits/*/seed-0/metrics.jsonl"))
        page.evaluate("window.before = true")
        file.write_bytes(file.read_bytes() + file.read_bytes().splitlines(keepends=True)[-1])
        page.wait_for_function("!window.before && document.documentElement.dataset.drawn === 'yes'", timeout=20_000)
        assert page.locator("input:checked").first.input_value() == "samples"
        assert page.locator("details").first.evaluate("part => part.open")
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        assert page.locator(".chart svg").count() == charts
        assert said == []
        page.close()
        server.shutdown()


def test_report_of_many_long_runs_is_small_and_opens_soon(browser, tmp_path_factory, capsys):
    runs = tmp_path_factory.mktemp("large")
    begun = time.perf_counter()
    large(runs, rows=ROWS)
    made = time.perf_counter()
    (file, *_) = report.write(compare(gather.find(["large"], runs)), runs / "report.html")
    written = time.perf_counter()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        with opened(browser, file) as seen:
            seconds.append(time.perf_counter() - start)
        assert seen.said == []
    with capsys.disabled():
        print(
            f"\n10 methods x 20 seeds x {ROWS} rows: folders {made - begun:.1f} s, report {written - made:.1f} s, "
            f"{file.stat().st_size / 1e6:.2f} MB, opens in {min(seconds):.2f} s"
        )
    assert file.stat().st_size < 3e6
    if NIGHTLY:
        assert min(seconds) < 2

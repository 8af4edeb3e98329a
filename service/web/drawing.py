"""Pictures as SVG: numbers become places, and nothing else is decided here.

Drawn with the standard library (docs/adr/0010): it escapes each text and attribute, and gives
names to CSS classes only, so that the style sheet says how all of it looks, in light and in dark.
There is no style and no script in it. All places along the width are percentages: so a picture is
as wide as the page, while its words keep the size of those beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

from markupsafe import Markup

from workflows.percentiles import told
from workflows.periods import Bucket
from workflows.pictures import Bars, Columns, Dots, Line, Picture

# Heights and distances in CSS pixels.
_COLUMN, _BAR, _PLOT = 56, 18, 260
_LETTERS, _GAP, _AXIS = 16, 14, 34
_RADIUS, _LARGEST = 3.0, 11.0

#: Of more columns than these only each first quarter, and the highest value, is written out.
_MOST_WRITTEN = 12

#: The lines of the scale of lengths, in seconds.
_LINES = (10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400)


def drawn(picture: Picture, number: str, page: Callable[[str], str]) -> Markup:
    """The picture as an element of a page. Its title and description are told to whoever cannot
    see it; `number` tells it from the others on that page; `page` is the address of the one about
    an incident (our id).

    Dots lead to their incidents with the pointer alone. Hundreds of stops would be in the way of
    the keyboard and of whoever listens: beside the picture the same incidents are a list.
    """
    match picture:
        case Columns():
            root = _columns(picture)
        case Bars():
            root = _bars(picture)
        case Dots():
            root = _dots(picture, page)
    title, words = Element("title", id=f"{number}-title"), Element("desc", id=f"{number}-words")
    title.text, words.text = picture.title, _words(picture)
    root.insert(0, title)
    root.insert(1, words)
    # what is in an image is not told, and so nothing in it may lead anywhere
    root.set("role", "img" if root.find(".//a") is None else "group")
    root.set("aria-labelledby", f"{number}-title {number}-words")
    return Markup(tostring(root, encoding="unicode"))  # noqa: S704 - the serializer escapes


def _words(picture: Picture) -> str:
    match picture:
        case Columns():
            names = ", ".join(line.name for line in picture.lines)
            what = f"A row of columns for each of: {names}."
        case Bars():
            what = f"{len(picture.bars)} bars, each parted by: " + ", ".join(
                tone.name for tone in picture.tones
            )
        case Dots():
            what = "Dots over time on a logarithmic scale, with the median and the p90 of each part"
    return f"{what.rstrip('.')}. The table below has the numbers."


# --- columns --------------------------------------------------------------------------------------


def _columns(picture: Columns) -> Element:
    root, top = _canvas("columns"), 0
    for line in picture.lines:
        _text(root, "0", top + _LETTERS - 3, line.name, "name")
        top += 2 * _LETTERS + _COLUMN
        _row(root, line, top, picture.highest)
        top += _GAP
    _axis(root, picture.buckets, top)
    root.set("height", str(top + _AXIS))
    return root


def _row(root: Element, line: Line, base: int, highest: float | None) -> None:
    values = [value or 0 for value in line.values]
    most, width = highest or max(values) or 1, 100 / len(values)
    _line(root, 0, 100, base, "base")
    peak = values.index(max(values))
    for n, (value, shown) in enumerate(zip(line.values, line.shown, strict=True)):
        middle = _percent((n + 0.5) * width)
        if value:
            height = max(1.0, _COLUMN * value / most)
            place = {"x": _percent((n + 0.12) * width), "width": _percent(0.76 * width)}
            attributes = {**place, "y": f"{base - height:.1f}", "height": f"{height:.1f}"}
            column = SubElement(root, "rect", attributes)
            SubElement(column, "title").text = shown
        if len(values) <= _MOST_WRITTEN or n == peak:
            above = _COLUMN * (value or 0) / most + 4
            look = "value" if value is not None else "value none"
            _text(root, middle, base - above, shown, look)


# --- bars -----------------------------------------------------------------------------------------


def _bars(picture: Bars) -> Element:
    root, top = _canvas("bars"), 0
    for bar in picture.bars:
        _text(root, "0", top + _LETTERS - 3, bar.name, "name")
        _text(root, "100%", top + _LETTERS - 3, bar.aside, "aside")
        top += _LETTERS + 2
        place, whole = 0.0, sum(bar.counts) or 1
        _rect(root, 0, 100, top, "track")
        for tone, count in zip(picture.tones, bar.counts, strict=True):
            if count:
                share = 100 * count / whole
                part = _rect(root, place, share, top, f"look-{tone.look}")
                SubElement(part, "title").text = f"{tone.name}: {count}"
                place += share
        top += _BAR + _GAP
    root.set("height", str(max(top - _GAP, 1)))
    return root


def _rect(root: Element, x: float, width: float, top: int, look: str) -> Element:
    place = {"x": _percent(x), "width": _percent(width), "y": str(top), "height": str(_BAR)}
    return SubElement(root, "rect", {**place, "class": look})


# --- dots -----------------------------------------------------------------------------------------


def _dots(picture: Dots, page: Callable[[str], str]) -> Element:
    root = _canvas("dots")
    values = [dot.y for dot in picture.dots] + [mark.p90 for mark in picture.marks]
    low, high = _ends(values)

    def height(seconds: float) -> float:
        share = math.log(max(seconds, low) / low) / math.log(high / low)
        return _LETTERS + _PLOT * (1 - min(share, 1.0))

    scale = [each for each in _LINES if low <= each <= high]
    for seconds in scale:
        _line(root, 0, 100, height(seconds), "grid")
    dots = SubElement(root, "g", {"aria-hidden": "true"})
    for dot in picture.dots:
        radius = _RADIUS
        if picture.most > 1:
            radius = max(1.0, _LARGEST * math.sqrt(dot.count / picture.most))
        place = {"cx": _percent(100 * dot.x), "cy": f"{height(dot.y):.1f}", "r": f"{radius:.1f}"}
        leads = {"href": page(dot.incident), "tabindex": "-1"}
        within = SubElement(dots, "a", leads) if dot.incident else dots
        SubElement(SubElement(within, "circle", place), "title").text = dot.words
    for mark in picture.marks:
        x1, x2 = 100 * mark.x1 + 0.4, 100 * mark.x2 - 0.4
        for name, value in (("median", mark.median), ("p90", mark.p90)):
            found = _line(root, x1, x2, height(value), name)
            SubElement(found, "title").text = f"{name} {told(value)}"
    for seconds in scale:
        _text(root, "-8", height(seconds) + 4, told(seconds), "scale")
    _axis(root, picture.buckets, _LETTERS + _PLOT + 6, in_scale=True)
    root.set("height", str(_LETTERS + _PLOT + 6 + _AXIS))
    return root


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """The lines of the scale between which all of them lie."""
    least, most = min(values, default=60), max(values, default=3600)
    low = max((each for each in _LINES if each <= least), default=_LINES[0])
    high = next((each for each in _LINES if each >= most and each > low), _LINES[-1])
    return low, high


# --- pieces ---------------------------------------------------------------------------------------


def _canvas(kind: str) -> Element:
    return Element("svg", {"class": f"picture {kind}", "width": "100%"})


def _axis(root: Element, buckets: Sequence[Bucket], top: float, *, in_scale: bool = False) -> None:
    """The names of the buckets: each takes as much of the width as the others, or, in scale, as
    it has days."""
    begin, whole = buckets[0].since, (buckets[-1].until - buckets[0].since).days
    written = len(buckets) <= _MOST_WRITTEN
    year = None
    for n, bucket in enumerate(buckets):
        middle = 100 * (n + 0.5) / len(buckets)
        if in_scale:
            days = (bucket.since - begin).days + (bucket.until - begin).days
            middle = 50 * days / whole
        if written:
            _text(root, _percent(middle), top + 14, bucket.short, "tick")
        if bucket.year != year:
            year = bucket.year
            _text(root, _percent(middle), top + 30, str(year), "tick")


def _line(root: Element, x1: float, x2: float, y: float, look: str) -> Element:
    place = {"x1": _percent(x1), "x2": _percent(x2), "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    return SubElement(root, "line", {**place, "class": look})


def _text(root: Element, x: str, y: float, words: str, look: str) -> None:
    SubElement(root, "text", {"x": x, "y": f"{y:.1f}", "class": look}).text = words


def _percent(share: float) -> str:
    return f"{share:.2f}%"

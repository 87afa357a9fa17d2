"""One HTML file for people, which loads nothing: for the screen, the phone and the printer."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple, TypeAlias

from maskforge.display.table import Shown, Swatch, as_html, swatch_html
from maskforge.display.visible import replace_hidden

MOST_ROWS = 200
"""Of longer tables, the first rows are shown, and the others counted."""

# The policy keeps browsers from loading anything even if a text from outside became a tag.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_LIGHT = (
    "--ink:#1b2330;--paper:#fff;--soft:#f2f4f7;--line:#cdd4de;--accent:#0b5394;"
    "--error:#a30018;--warning:#7a4a00;--note:#505a68"
)
_DARK = (
    "--ink:#e6e9ee;--paper:#14181e;--soft:#1f2630;--line:#3d4756;--accent:#8cc0f7;"
    "--error:#ff97a0;--warning:#f3c468;--note:#aab4c2"
)
_STYLE = f"""
:root{{color-scheme:light dark;{_LIGHT}}}
@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{font:16px/1.5 system-ui,sans-serif;max-width:80em;margin:0 auto;padding:1em;
color:var(--ink);background:var(--paper);overflow-wrap:anywhere}}
h1{{line-height:1.2;margin:.5em 0}}
h2{{border-bottom:2px solid var(--accent);margin:2em 0 .6em;line-height:1.3}}
h3{{margin:1em 0 0}}h3+ul{{margin-top:.2em}}
a{{color:var(--accent)}}
nav ul{{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.2em 1.2em}}
.error{{color:var(--error)}}.warning{{color:var(--warning)}}.note{{color:var(--note)}}
ul.warning{{border-left:4px solid;background:var(--soft);padding:.6em 1em .6em 2em}}
.table{{overflow-x:auto;margin:1em 0}}
table{{border-collapse:collapse;font-size:.88em;font-variant-numeric:tabular-nums;
overflow-wrap:break-word}}
caption{{text-align:left;padding:.3em 0}}
th,td{{padding:.3em .6em;border-bottom:1px solid var(--line);vertical-align:top}}
td,th{{max-width:26em}}tbody th{{min-width:6em}}
thead th{{background:var(--soft)}}tbody th{{font-weight:600}}
figure{{margin:1em 0;max-width:44em}}
section>figure:not(.panels){{display:inline-block;vertical-align:top;margin-right:1em}}
figure img{{max-width:100%;height:auto;background:#fff;display:block}}
figcaption{{font-size:.92em}}
.panels{{max-width:none;border-top:1px solid var(--line);padding-top:.6em}}
.panels>div{{display:grid;gap:.5em;grid-template-columns:repeat(auto-fit,minmax(min(14em,100%),1fr))}}
.panels>div figure{{margin:0}}.panels img{{width:100%}}
.swatch{{border:1px solid #888;margin-right:.4em;
print-color-adjust:exact;-webkit-print-color-adjust:exact}}
.legend{{font-size:.92em;display:flex;flex-wrap:wrap;gap:.2em 1.2em;padding:0;list-style:none}}
footer{{border-top:1px solid var(--line);margin-top:2em;font-size:.88em;color:var(--note)}}
@media (max-width:40em){{.panels>div{{grid-template-columns:1fr 1fr}}}}
@media print{{
@page{{size:A4;margin:14mm}}
body{{font-size:10pt;max-width:none;padding:0}}nav{{display:none}}
h1,h2,h3,section>p,caption{{break-after:avoid}}table,tr,figure,ul.warning{{break-inside:avoid}}
.table{{overflow:visible}}table{{width:100%;font-size:7.5pt}}
th,td{{padding:.2em .35em;overflow-wrap:anywhere}}
section>figure:not(.panels){{width:48%;margin:0 1% 1em 0}}
.panels>div{{grid-template-columns:repeat(4,1fr)}}
}}
""".replace("\n", "")


class Figure(NamedTuple):
    """An image.

    Attributes:
        content: PNG or JPEG.
        alt: What it shows, for those who cannot see it.
        caption: What stands below it.
    """

    content: bytes
    alt: str
    caption: str


class Panels(NamedTuple):
    """Images side by side.

    Attributes:
        title: What stands above them.
        figures: The images.
        legend: What the colors mean, by a word for the images that have them.
    """

    title: str
    figures: Sequence[Figure]
    legend: Mapping[str, Sequence[tuple[Swatch, str]]]


class Items(NamedTuple):
    """Sentences, one below the other.

    Attributes:
        sentences: The sentences.
        title: What stands above them.
        kind: ``error``, ``warning``, ``note`` or nothing of these.
    """

    sentences: Sequence[str]
    title: str = ""
    kind: str = ""


Part: TypeAlias = Shown | Figure | Panels | Items


class Section(NamedTuple):
    """A part of a page with a title; it may be of a kind, as ``Items`` are."""

    title: str
    parts: Sequence[Part]
    kind: str = ""


def as_page(title: str, lead: str, sections: Sequence[Section], footer: str = "") -> bytes:
    """Return a page that needs no other file, in UTF-8.

    Args:
        title: Its title.
        lead: What stands below the title.
        sections: What follows; those without parts are left out.
        footer: What stands at its end.
    """
    used = [one for one in sections if one.parts]
    links = "".join(
        f'<li><a href="#part-{number}">{_safe(one.title)}</a></li>'
        for number, one in enumerate(used, 1)
    )
    body = "".join(
        f'<section id="part-{number}" aria-labelledby="title-{number}">'
        f"{as_section(one, f'title-{number}')}</section>"
        for number, one in enumerate(used, 1)
    )
    end = f"<footer><p>{_safe(footer)}</p></footer>" if footer else ""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{_safe(title)}</title><style>{_STYLE}</style></head><body>"
        f"<header><h1>{_safe(title)}</h1><p>{_safe(lead)}</p>"
        f'<nav aria-label="Contents"><ul>{links}</ul></nav></header>'
        f"<main>{body}</main>{end}</body></html>\n"
    ).encode()


def as_section(section: Section, id_: str = "") -> str:
    """Return a section as HTML, which notebooks show as well."""
    named = f' id="{id_}"' if id_ else ""
    kind = f' class="{section.kind}"' if section.kind else ""
    parts = "".join(map(_part, section.parts))
    return f"<h2{named}{kind}>{_safe(section.title)}</h2>{parts}"


def _part(part: Part) -> str:
    if isinstance(part, Figure):
        return _figure(part)
    if isinstance(part, Panels):
        figures = "".join(map(_figure, part.figures))
        legend = "".join(
            f"<li>{_safe(word)}:</li>"
            + "".join(f"<li>{swatch_html(color)}{_safe(text)}</li>" for color, text in entries)
            for word, entries in part.legend.items()
            if entries
        )
        return (
            f'<figure class="panels"><figcaption><b>{_safe(part.title)}</b></figcaption>'
            f'<div>{figures}</div><ul class="legend">{legend}</ul></figure>'
        )
    if isinstance(part, Items):
        kind = f' class="{part.kind}"' if part.kind else ""
        items = "".join(f"<li>{_safe(one)}</li>" for one in part.sentences)
        title = f"<h3>{_safe(part.title)}</h3>" if part.title else ""
        return f"{title}<ul{kind}>{items}</ul>" if items else ""
    return as_html([part], most_rows=MOST_ROWS)


def _figure(figure: Figure) -> str:
    type_ = "png" if figure.content.startswith(b"\x89PNG") else "jpeg"
    data = base64.b64encode(figure.content).decode()
    return (
        f'<figure><img alt="{_safe(figure.alt)}" src="data:image/{type_};base64,{data}"/>'
        f"<figcaption>{_safe(figure.caption)}</figcaption></figure>"
    )


def _safe(text: str) -> str:
    """Return text from outside as HTML that shows it as it is, with nothing hidden in it."""
    return escape(replace_hidden(text))

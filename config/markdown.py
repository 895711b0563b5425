"""Markdown as people write it in objectives, notes and comments: CommonMark in, a short list of safe tags out."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "strong", "ul"}
PARSER = MarkdownIt("commonmark", {"html": False, "linkify": False})


def markdown(text: str | None) -> Markup:
    """HTML of a CommonMark text. Its headings start at h3, below those of the page; HTML in it shows as text; images go."""
    tokens = PARSER.parse(text or "")
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + 2)}"
    html = PARSER.renderer.render(tokens, PARSER.options, {})
    return Markup(  # noqa: S704  nh3 has cleaned it
        nh3.clean(html, tags=TAGS, attributes={"a": {"href", "title"}, "ol": {"start"}}, link_rel="noopener nofollow")
    )

"""Pieces of a page that is one file."""

import base64
import html
import io

_STYLE = """
:root { color-scheme: light dark; --text: #1a1a1a; --soft: #555; --back: #fff; --line: #ddd; }
@media (prefers-color-scheme: dark) {
  :root { --text: #eee; --soft: #aaa; --back: #16181c; --line: #3a3d44; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
       max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem;
     border-top: 1px solid var(--line); padding-top: 1rem; }
p.note, figcaption { color: var(--soft); font-size: .9rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; }
figure { margin: 1rem 0; } img { max-width: 100%; background: #fff; border-radius: 4px; }
code, pre { font-size: .85rem; overflow-wrap: anywhere; white-space: pre-wrap; }
.numbers { display: flex; flex-wrap: wrap; gap: 2rem; } .numbers b { font-size: 1.8rem; }
.numbers div { line-height: 1.3; }
"""


def make_page(title, sections):
    """Put sections into a page that needs no network."""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{html.escape(title)}</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>\n{''.join(sections)}</body></html>\n"
    )


def make_picture(figure, caption):
    """Put a figure into the page, and close it."""
    import matplotlib.pyplot as plt

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})
    plt.close(figure)
    data = base64.b64encode(buffer.getvalue()).decode()
    text = html.escape(caption)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def try_picture(draw, caption):
    """Put what `draw` returns into the page, or why there is none: the rest is worth having."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    try:
        return make_picture(draw().figure_, caption)
    except ValueError as error:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)
        return f'<p class="note">Not drawn: {html.escape(str(error))}.</p>'


def make_table(table):
    """Write a DataFrame with three decimals, and a dash for what is not known."""
    return table.round(3).to_html(border=0, na_rep="\N{EN DASH}")


def make_code(text):
    """Write text as code."""
    return f"<code>{html.escape(text)}</code>"

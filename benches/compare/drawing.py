"""Two bar charts as one SVG, drawn by hand: no library, no script, legible on light and dark pages alike."""

from html import escape
from typing import Optional

from rows import BY_KEY, OWN, Row
from summary import Summary
from systems import BY_NAME

# Left: what one delivery costs; right: how many fit into a CPU second.
PANELS = (
    ("A20", ("floor", "floodway", "floodway-uring", "mosquitto", "nchan", "nats", "axum", "fastapi"), "CPU per delivery, µs",
     "1,000 WebSocket streams, 20 msg/s; less is better"),
    ("C1000", ("floor-batch", "floodway", "mosquitto", "nchan", "nats", "axum", "fastapi"),
     "Deliveries per CPU second, million", "1,000 streams, closed loop of 64 events; more is better"),
)

WIDTH, MARGIN, BAR, STEP, TOP = 880, 20, 18, 27, 74
PANEL = (WIDTH - 3 * MARGIN) // 2
NAMES, FIGURES = 118, 62

# The card brings its own background, so its text does not depend on that of the page.
STYLE = """
.card{fill:#ffffff;stroke:#d0d7de}.head{fill:#1f2328;font-weight:600;font-size:15px}.text{fill:#1f2328}
.faint{fill:#59636e}.other{fill:#afb8c1}.floor{fill:#6e7781}.own{fill:#0969da}
text{font:13px -apple-system,"Segoe UI",Helvetica,Arial,sans-serif}
@media (prefers-color-scheme:dark){.card{fill:#161b22;stroke:#30363d}.head,.text{fill:#e6edf3}
.faint{fill:#9198a1}.other{fill:#484f58}.floor{fill:#8b949e}.own{fill:#4493f8}}
""".strip()


def draw(summary: Summary, facts: dict[str, object]) -> str:
    """The picture of a summary."""
    rows = max(len(systems) for _, systems, _, _ in PANELS)
    height = TOP + rows * STEP + 44
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
        ' role="img" aria-label="CPU per delivery, and deliveries per CPU second, of floodway and others">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>',
    ]
    for number, (key, systems, head, below) in enumerate(PANELS):
        left = MARGIN + number * (PANEL + MARGIN)
        parts.append(text("head", left, 32, head))
        parts.append(text("faint", left, 52, below))
        parts += bars(summary, BY_KEY[key], systems, left)
    parts.append(text("faint", MARGIN, height - 18, f"{facts['machine']}, {facts['kernel']}, {facts['date']}"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def bars(summary: Summary, row: Row, systems: tuple[str, ...], left: int) -> list[str]:
    """One bar for each system, to the scale of the longest."""
    medians = {name: summary.cell(row.key, name).median for name in systems}
    longest = max((median for median in medians.values() if median is not None), default=1.0)
    room = PANEL - NAMES - FIGURES
    parts = []
    for line, name in enumerate(systems):
        top = TOP + line * STEP
        median = medians[name]
        length = room * median / longest if median is not None else 0
        parts.append(text("text", left, top + 14, title(name)))
        if median is not None:
            parts.append(
                f'<rect class="{style(name)}" x="{left + NAMES}" y="{top}" width="{max(length, 1):.1f}" height="{BAR}" rx="2"/>'
            )
        parts.append(text("text", left + NAMES + round(length) + 6, top + 14, told(row, median, summary, name)))
    return parts


def told(row: Row, median: Optional[float], summary: Summary, name: str) -> str:
    """The figure at the end of a bar; a word where there is none."""
    wrong = summary.cell(row.key, name).faults
    if median is None:
        return "can't keep up" if wrong else "not measured"
    return f"{median:.{row.digits}f}" + (" !" if wrong else "")


def style(name: str) -> str:
    if name == OWN:
        return "own"
    return "floor" if name.startswith("floor-") or name == "floor" else "other"


def title(name: str) -> str:
    """The system's name without Markdown, short enough for its place."""
    return {"floor": "floor (write)", "floor-batch": "floor (64 a write)", "axum": "axum"}.get(
        name, BY_NAME[name].title.replace("*", "")
    )


def text(style_name: str, x: int, y: int, words: str) -> str:
    return f'<text class="{style_name}" x="{x}" y="{y}">{escape(words)}</text>'

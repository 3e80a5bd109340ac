"""The report as Markdown: targets first, then a table for each row; and the short block for the README."""

from collections import Counter
from typing import Optional

from rows import BY_KEY, OWN, ROWS, Row, Target
from summary import Cell, Summary, Verdict
from systems import BY_NAME, SYSTEMS

BEGIN, END = "<!-- compare:begin -->", "<!-- compare:end -->"

# What the README shows: enough to see where everybody stands.
README_ROWS = ("A20", "A'20", "B p99", "C1000", "D", "E")
README_SYSTEMS = ("floor", "floodway", "floodway-uring", "mosquitto", "nchan", "nats", "axum", "fastapi")


def report(summary: Summary, facts: dict[str, object]) -> str:
    """The whole report."""
    parts = [
        "# The latest comparison",
        f"Made by `scripts/compare`: medians of {rounds(summary)}, systems interleaved, the server pinned to one core"
        " and clients to another; everything over loopback.",
        told(facts),
        "![CPU per delivery, and deliveries per CPU second](latest.svg)",
        "## Targets",
        targets(summary),
    ]
    for row in ROWS:
        if summary.measured(row.key):
            parts += [f"## {row.scenario}: {row.title}", of_row(summary, row)]
    parts += ["## How to read it", reading()]
    return "\n\n".join(parts) + "\n"


def rounds(summary: Summary) -> str:
    whole = summary.rounds - summary.of_ours_alone
    text = "one round" if whole == 1 else f"{whole} rounds"
    return f"{text} and {summary.of_ours_alone} more of floodway and the floor" if summary.of_ours_alone else text


def told(facts: dict[str, object]) -> str:
    """Machine, kernel, commit and date."""
    return "\n".join(f"* {name}: {value}" for name, value in facts.items())


def table(head: list[str], lines: list[list[str]], words: Optional[int] = None) -> str:
    """Everything but the first column, and that of the number `words`, is a figure."""
    rule = ["---" if column in (0, words) else "---:" for column in range(len(head))]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, rule, *lines])


def of_row(summary: Summary, row: Row) -> str:
    """Each system's figure, and how it stands to the floor and to floodway."""
    systems = [system.name for system in SYSTEMS if system.name in summary.measured(row.key)]
    lines = [
        [
            BY_NAME[name].title,
            figure(row, summary.cell(row.key, name)),
            ratio(summary.ratio(row.key, name, row.floor)),
            ratio(summary.ratio(row.key, name, OWN)),
            faults(summary.cell(row.key, name)),
        ]
        for name in systems
    ]
    return table(["system", unit(row), "x floor", "x floodway", "went wrong"], lines, words=4)


def unit(row: Row) -> str:
    return f"{row.unit}, more is better" if row.more_is_better else row.unit


def figure(row: Row, cell: Cell) -> str:
    """The median, and its range where there were several rounds."""
    if cell.median is None:
        return "–"
    told = f"{cell.median:.{row.digits}f}"
    if len(cell.figures) > 1:
        told += f" ({min(cell.figures):.{row.digits}f} to {max(cell.figures):.{row.digits}f})"
    return told


def ratio(value: Optional[float]) -> str:
    if value is None:
        return "–"
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def faults(cell: Cell) -> str:
    """Everything that went wrong, with how often."""
    counted = Counter(cell.faults)
    return "; ".join(f"{escaped(what)} ({times}x)" if times > 1 else escaped(what) for what, times in counted.items())


def escaped(words: str) -> str:
    """What a server said last must not break the table."""
    return words.replace("|", "\\|").replace("\n", " ")


def targets(summary: Summary) -> str:
    """What floodway is held to."""
    lines = [
        [described(verdict.target), bound(verdict.target), found(verdict), met(summary, verdict)]
        for verdict in summary.verdicts()
    ]
    return table(["target", "bound", "found", "met"], lines, words=3)


def described(target: Target) -> str:
    row = BY_KEY[target.row]
    words = f"{row.scenario}: {full_title(row)}"
    if target.of != OWN:
        words += f", {BY_NAME[target.of].title}"
    if target.system is not None:
        words += f", against {BY_NAME[target.system].title}"
    if target.other_row is not None:
        words += f", against {target.other_row}"
    return words


def bound(target: Target) -> str:
    row = BY_KEY[target.row]
    own = target.system is None and target.other_row is None
    words = "at least " if target.at_least else "at most "
    words += f"{target.bound:g} {row.unit}" if own else f"{target.bound:.2f} x"
    if target.or_figure is not None:
        words += f", or {target.or_figure:g} {row.unit}"
    return words


def found(verdict: Verdict) -> str:
    if verdict.found is None:
        return "not measured"
    own = verdict.target.system is None and verdict.target.other_row is None
    return f"{verdict.found:.2f} {BY_KEY[verdict.target.row].unit}" if own else f"{verdict.found:.2f} x"


def met(summary: Summary, verdict: Verdict) -> str:
    if verdict.met is None:
        return "–"
    wrong = faults(summary.cell(verdict.target.row, verdict.target.of))
    return "yes" if verdict.met else f"**no** {wrong}".strip()


def reading() -> str:
    """What the figures hold and what not."""
    return "\n".join(
        [
            "* CPU and memory are those of the server's processes; a broker in front of a server, and the clients, don't"
            " count. mosquitto, NATS and nginx take the events themselves, so their figures hold that as well.",
            "* floodway checks each client's own token, narrows events to its tenant and tells what was lost. The floor and"
            " the peers do nothing of that kind here.",
            "* The floor is a single thread that knows nothing but sockets: `write` of the finished frame to each"
            " subscriber. In the closed loop it is the one that writes 64 frames with one call.",
            "* In the closed loop the clients' core may be the limit: deliveries per CPU second say what the server could"
            " do, deliveries per second what came out here.",
            "* The cost of an unwanted event is that of the whole process, the kernel's read from the broker included: one"
            " stream wants one event in a thousand, so all but nothing is delivered. In G, mosquitto is left at its default,"
            " which gathers messages while earlier ones are unacknowledged; where it sends each at once, nearly every one"
            " of 20,000 a second finds the server asleep and pays for its wake-up.",
            "* Below 1.0 of the floor: where a machine is busy, events pile up, and who batches needs fewer writes than"
            " deliveries. Compare with 20 msg/s, or on a quieter machine.",
            "* A filter change among 10,000 is measured by `scripts/bench connect`.",
            "* What each system is set to, and why: `benches/peers/README.md`.",
        ]
    )


def readme_block(summary: Summary, facts: dict[str, object]) -> str:
    """What stands between the markers of the README, with them."""
    systems = [name for name in README_SYSTEMS if any(name in summary.measured(key) for key in README_ROWS)]
    lines = []
    for key in README_ROWS:
        row = BY_KEY[key]
        # The floor's column holds the floor that the row is held against.
        cells = [short(row, summary.cell(key, row.floor if name == "floor" else name)) for name in systems]
        if any(cell != "–" for cell in cells):
            more = ", more is better" if row.more_is_better else ""
            lines.append([f"{full_title(row)}, {row.unit}{more}", *cells])
    head = ["", *("floor" if name == "floor" else BY_NAME[name].title for name in systems)]
    where = f"{facts['machine']}, {facts['kernel']}, commit {facts['commit']}, {facts['date']}, {rounds(summary)},"
    where += f" load before {facts['load before']}"
    parts = [
        BEGIN,
        "![CPU per delivery, and deliveries per CPU second](benches/compare/latest.svg)",
        table(head, lines),
        f"{where}. ! marks what lost events or failed; all figures and targets:"
        " [benches/compare/latest.md](benches/compare/latest.md).",
        END,
    ]
    return "\n\n".join(parts)


def full_title(row: Row) -> str:
    """A row that continues the one above it stands alone here."""
    if not row.title.startswith("the same: "):
        return row.title
    above = ROWS[ROWS.index(row) - 1]
    return full_title(above).split(":")[0] + ": " + row.title.removeprefix("the same: ")


def short(row: Row, cell: Cell) -> str:
    if cell.median is None:
        return "!" if cell.faults else "–"
    return f"{cell.median:.{row.digits}f}" + (" !" if cell.faults else "")


def put_into_readme(readme: str, block: str) -> str:
    """The README with its block replaced. ValueError if the markers are not there."""
    before, after = readme.index(BEGIN), readme.index(END) + len(END)
    return readme[:before] + block + readme[after:]

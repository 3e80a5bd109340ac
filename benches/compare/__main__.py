"""The comparison: measures, or reads what was measured, and reports. `scripts/compare` prepares everything and starts it."""

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Any

import drawing
import machine
import markdown
import rounds
from processes import Broken, Processes
from scenarios import LETTERS
from summary import Summary
from systems import BY_NAME, SYSTEMS, Setting

HERE = Path(__file__).resolve().parent


def main() -> int:
    options = arguments()
    # Ended from outside, everything that was started is ended as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    machine.raise_open_files()
    if options.check:
        return check(options)
    out = options.report or options.out or options.target / "compare"
    out.mkdir(parents=True, exist_ok=True)
    if options.report is None:
        facts = machine.facts()
        (out / "facts.json").write_text(json.dumps(facts) + "\n")
        runs = rounds.measure(options, out)
    else:
        facts = json.loads((out / "facts.json").read_text())
        runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
    write(out, Summary(runs), facts, options.publish)
    return 0


def write(out: Path, summary: Summary, facts: dict[str, Any], publish: bool) -> None:
    """Prints the report, keeps it, and puts it where readers find it if that is asked for."""
    report, picture = markdown.report(summary, facts), drawing.draw(summary, facts)
    print(report)
    folders = [out, HERE] if publish else [out]
    for folder in folders:
        (folder / "latest.md").write_text(report)
        (folder / "latest.svg").write_text(picture)
    if publish:
        readme = machine.ROOT / "README.md"
        readme.write_text(markdown.put_into_readme(readme.read_text(), markdown.readme_block(summary, facts)))
    print(f"written to {out}", file=sys.stderr)


def check(options: argparse.Namespace) -> int:
    """Starts every system once, on each of its transports, and says what came of it."""
    server, other = machine.cores()
    failed = False
    for name in options.only:
        for transport in BY_NAME[name].paths:
            with Processes() as processes:
                setting = Setting(options.target, processes, transport, {server}, {other}, {other})
                try:
                    server = BY_NAME[name].start(setting)
                    print(f"{name:<13}{transport:<5}ready, processes {server.running.pids()}")
                except Broken as broken:
                    failed = True
                    print(f"{name:<13}{transport:<5}{broken}")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/compare",
        description="Compares floodway with the floor that the kernel sets and with what one would pick instead.",
    )
    systems = tuple(system.name for system in SYSTEMS)
    parser.add_argument("--rounds", type=positive, default=6, help="rounds at most (6)")
    parser.add_argument("--seconds", type=positive, default=2, help="seconds of each paced phase (2)")
    parser.add_argument("--minutes", type=float, default=8.0, help="no new round that would not end within these (8)")
    parser.add_argument("--only", type=some_of(systems), default=systems, help=f"of {','.join(systems)}")
    parser.add_argument("--scenario", type=some_of(LETTERS), default=LETTERS, help=f"of {','.join(LETTERS)}")
    parser.add_argument("--out", type=Path, help="folder for runs and report (compare, in the target folder)")
    parser.add_argument("--publish", action="store_true", help="also into benches/compare and the README")
    parser.add_argument("--report", type=Path, metavar="DIR", help="measure nothing, report what an earlier run left")
    parser.add_argument("--check", action="store_true", help="only start and end every system")
    parser.add_argument("--target", type=Path, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.scenario = set(options.scenario)
    return options


def positive(words: str) -> int:
    number = int(words)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def some_of(known: tuple[str, ...]) -> Any:
    """A list with commas, of known names."""

    def parse(words: str) -> tuple[str, ...]:
        asked = tuple(word.strip() for word in words.split(",") if word.strip())
        unknown = [word for word in asked if word not in known]
        if unknown or not asked:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown) or 'nothing'}; known: {', '.join(known)}")
        return asked

    return parse


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        # What was measured so far is in runs.jsonl, and everything that was started is ended.
        sys.exit(130)

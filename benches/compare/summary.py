"""Medians of all rounds, what went wrong, and whether each target is met."""

import statistics
from dataclasses import dataclass, field
from typing import Any, Optional

from rows import ROWS, TARGETS, Row, Run, Target, of_phase
from systems import OURS


@dataclass
class Cell:
    """One figure of one system: all its rounds, and what went wrong in any of them."""

    figures: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def median(self) -> Optional[float]:
        return statistics.median(self.figures) if self.figures else None

    def add(self, row: Row, run: Run) -> None:
        """Takes a run's figure, and notes what went wrong in it."""
        if run["fault"]:
            self.faults.append(run["fault"])
        if run["result"] is None:
            return
        self.faults += faults(row, run)
        figure = row.figure(run)
        if figure is not None:
            self.figures.append(figure)


@dataclass
class Verdict:
    """A target, and what was found."""

    target: Target
    found: Optional[float]
    met: Optional[bool]


class Summary:
    """What all runs together say."""

    def __init__(self, runs: list[Run]) -> None:
        self.cells: dict[tuple[str, str], Cell] = {}
        self.rounds = max((run["round"] for run in runs), default=0)
        of_others = (run["round"] for run in runs if run["system"] not in OURS)
        self.of_ours_alone = self.rounds - max(of_others, default=self.rounds)
        for run in runs:
            for row in ROWS:
                if row.sitting == run["sitting"] and concerns(row, run):
                    self.cell(row.key, run["system"], make=True).add(row, run)

    def cell(self, key: str, system: str, make: bool = False) -> Cell:
        """The figure of a system in a row; empty if it was not measured."""
        found = self.cells.get((key, system))
        if found is None:
            found = Cell()
            if make:
                self.cells[key, system] = found
        return found

    def measured(self, key: str) -> list[str]:
        """The systems that took part in a row."""
        return [system for row, system in self.cells if row == key]

    def ratio(self, key: str, system: str, to: str) -> Optional[float]:
        """A system's median divided by another's."""
        return divided(self.cell(key, system).median, self.cell(key, to).median)

    def verdicts(self) -> list[Verdict]:
        """Every target, whether or not its figures are there."""
        return [self.judge(target) for target in TARGETS]

    def judge(self, target: Target) -> Verdict:
        own = self.cell(target.row, target.of).median
        found = own
        if target.system is not None:
            found = self.ratio(target.row, target.of, target.system)
        elif target.other_row is not None:
            found = divided(own, self.cell(target.other_row, target.of).median)
        if found is None:
            return Verdict(target, None, None)
        met = found >= target.bound if target.at_least else found <= target.bound
        if target.or_figure is not None and own is not None:
            met = met or own <= target.or_figure
        # A figure that was reached by losing events is none.
        return Verdict(target, found, met and not self.cell(target.row, target.of).faults)


def divided(one: Optional[float], other: Optional[float]) -> Optional[float]:
    return one / other if one is not None and other else None


def concerns(row: Row, run: Run) -> bool:
    """Whether the run's load has the row's phase, or was to have it."""
    return row.load is None or any(asked.startswith(row.load) for asked in run["load"])


def faults(row: Row, run: Run) -> list[str]:
    """What the row's phase, or the streams' coming, did not do as it should."""
    found = [run["result"]["error"]] if run["result"].get("error") else []
    connect: dict[str, Any] = run["result"]["connect"]
    if connect["refused"]:
        found.append(f"{connect['refused']} refused")
    if run["result"]["closed_early"]:
        found.append(f"{run['result']['closed_early']} streams closed by the server")
    phase = of_phase(run, row.load) if row.load else None
    for wrong in ("lost", "doubled", "disordered", "unwanted"):
        if phase and phase.get(wrong):
            share = 100 * phase[wrong] / max(1, phase["expected"])
            found.append(f"{wrong} {share:.1f} %" if share >= 0.1 else f"{wrong} {phase[wrong]}")
    return found


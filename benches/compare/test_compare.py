"""Checks of what the comparison makes of its runs: `python3 -m unittest discover benches/compare`."""

import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import drawing  # noqa: E402
import markdown  # noqa: E402
from rounds import in_order  # noqa: E402
from rows import ROWS, TARGETS  # noqa: E402
from scenarios import SITTINGS, needed, phases_of  # noqa: E402
from summary import Summary  # noqa: E402
from systems import SYSTEMS  # noqa: E402

FACTS = {"machine": "a machine", "kernel": "a kernel", "commit": "abc", "date": "today", "load before": "0.1"}


def run(system, micros, number=1, lost=0, fault="", load="paced:100:3"):
    """A run of the sitting `thousand`, with one phase."""
    phase = {
        "kind": "paced", "seconds": 3.0, "expected": 1000, "received": 1000 - lost, "lost": lost, "doubled": 0,
        "disordered": 0, "cpu_us_per_delivery": micros, "cpu_s": 1.0,
    }  # fmt: skip
    result = {"connect": {"refused": 0, "connected": 1000}, "closed_early": 0, "phases": [phase]}
    return {
        "round": number, "sitting": "thousand", "system": system, "load": [load], "fault": fault,
        "result": None if fault else result,
    }  # fmt: skip


def verdict(runs, row="A100"):
    return next(verdict for verdict in Summary(runs).verdicts() if verdict.target.row == row)


class SummaryTest(unittest.TestCase):
    def test_the_median_of_the_rounds_counts(self):
        runs = [run("floodway", micros, number) for number, micros in enumerate((9.0, 5.0, 6.0), 1)]
        self.assertEqual(Summary(runs).cell("A100", "floodway").median, 6.0)

    def test_rounds_with_everybody_and_those_without_are_told_apart(self):
        runs = [run("floodway", 5.0, number) for number in (1, 2, 3)] + [run("nats", 9.0, number) for number in (1, 2)]
        self.assertEqual(markdown.rounds(Summary(runs)), "2 rounds and 1 more of floodway and the floor")
        self.assertEqual(markdown.rounds(Summary(runs[:3])), "3 rounds")

    def test_a_target_is_met_at_its_bound_and_not_beyond(self):
        self.assertTrue(verdict([run("floor", 10.0), run("floodway", 11.0)]).met)
        self.assertFalse(verdict([run("floor", 10.0), run("floodway", 11.1)]).met)
        self.assertIsNone(verdict([run("floodway", 11.0)]).met)

    def test_what_lost_events_meets_nothing(self):
        self.assertFalse(verdict([run("floor", 10.0), run("floodway", 5.0, lost=1)]).met)

    def test_a_fault_is_shown_and_has_no_figure(self):
        summary = Summary([run("nchan", 1.0, fault="crashed | badly"), run("floor", 1.0)])
        report = markdown.report(summary, FACTS)
        self.assertIn("| nginx + nchan | – | – | – | crashed \\| badly |", report)

    def test_loss_is_told_as_a_share_or_a_count(self):
        cell = Summary([run("nats", 1.0, lost=50), run("nats", 1.0, 2, lost=0)]).cell("A100", "nats")
        self.assertEqual(cell.faults, ["lost 5.0 %"])


class PlanTest(unittest.TestCase):
    def test_every_row_is_fed_by_a_phase_of_its_sitting(self):
        sittings = {sitting.name: sitting for sitting in SITTINGS}
        for row in ROWS:
            sitting = sittings[row.sitting]
            loads = phases_of(sitting, sitting.systems[0], {row.scenario}, 3) + [
                phase.load.format(seconds="3") for phase in sitting.phases
            ]
            self.assertTrue(needed(sitting, {row.scenario}), row.key)
            self.assertTrue(row.load is None or any(load.startswith(row.load) for load in loads), row.key)

    def test_targets_name_rows_that_exist(self):
        keys = {row.key for row in ROWS}
        for target in TARGETS:
            self.assertIn(target.row, keys)
            self.assertIn(target.other_row or target.row, keys)

    def test_each_round_has_everyone_once_in_another_order(self):
        rounds = [[system.name for system in in_order(SYSTEMS, number)] for number in (1, 2, 3)]
        for one in rounds:
            self.assertEqual(sorted(one), sorted(system.name for system in SYSTEMS))
        self.assertEqual(len({tuple(one) for one in rounds}), 3)

    def test_who_takes_no_part_in_a_scenario_gets_no_load(self):
        thousand = next(sitting for sitting in SITTINGS if sitting.name == "thousand")
        self.assertEqual(phases_of(thousand, "floor-batch", {"A"}, 3), [])
        self.assertEqual(phases_of(thousand, "floor-batch", {"A", "C"}, 3), ["window:64:1"])


class OutputTest(unittest.TestCase):
    def test_the_picture_is_well_formed_with_and_without_figures(self):
        for runs in ([], [run("floor", 6.0), run("floodway", 6.5), run("axum", 9.0, lost=3)]):
            root = xml.fromstring(drawing.draw(Summary(runs), FACTS))
            self.assertTrue(root.tag.endswith("svg"))

    def test_the_readme_keeps_all_but_its_block(self):
        before = f"# a\n\n{markdown.BEGIN}\nold\n{markdown.END}\n\n## b\n"
        block = markdown.readme_block(Summary([run("floor", 6.0, load="paced:20:3"), run("floodway", 6.5, load="paced:20:3")]), FACTS)
        after = markdown.put_into_readme(before, block)
        self.assertTrue(after.startswith("# a\n") and after.endswith("\n## b\n"))
        self.assertIn("6.50", after)
        self.assertNotIn("old", after)
        self.assertEqual(markdown.put_into_readme(after, block), after)


if __name__ == "__main__":
    unittest.main()

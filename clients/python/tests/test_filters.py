"""Filters follow the actions as the gateway reckons them, and survive as a query."""

import unittest

from floodway.filters import NO_GROUP, QUERY_CHARS, changed, named, query


def after(filters, *actions):
    for action, lists in actions:
        filters = changed(filters, {"action": action, **lists})
    return filters


class Changes(unittest.TestCase):
    def test_who_names_the_first_device_gives_up_everything_else(self):
        filters = after({}, ("subscribe", {"device_ids": ("A",)}), ("subscribe", {"group_ids": ("G",)}))
        self.assertEqual(query(filters), {"device_id": "A", "group_id": "G"})

    def test_who_gives_up_the_last_device_wants_nothing_and_not_everything(self):
        filters = after(named(["A", "B"], []), ("unsubscribe", {"device_ids": ("A", "B")}))
        self.assertEqual(query(filters), {"group_id": NO_GROUP})
        self.assertEqual(query(after(filters, ("subscribe", {"device_ids": ("C",)}))), {"device_id": "C"})
        self.assertEqual(query(after(filters, ("clear_filters", {}))), {})

    def test_who_wants_everything_and_gives_up_a_device_keeps_everything(self):
        self.assertEqual(query(after({}, ("unsubscribe", {"device_ids": ("A",)}))), {})

    def test_metrics_are_replaced_and_do_not_narrow_the_devices(self):
        filters = after({}, ("set_metrics", {"metrics": ("t", "h")}), ("set_metrics", {"metrics": ("p",)}))
        self.assertEqual(query(filters), {"metric": "p"})
        self.assertEqual(query(after(filters, ("set_metrics", {"metrics": ()}))), {})


class Names(unittest.TestCase):
    def test_one_name_is_no_list_of_letters_and_each_counts_once(self):
        self.assertEqual(named("press", ["G", "G"]), {"device_ids": ("press",), "group_ids": ("G",)})

    def test_what_a_query_can_not_carry_is_refused(self):
        for name in ("", " A", "A ", "A,B", "a/b", "a+b", "a#", "a\n", "a\x85"):
            with self.assertRaisesRegex(ValueError, "can't be the name"):
                named([name], [])
        self.assertEqual(named([], [], ["m³/h", "a+b"]), {"metrics": ("m³/h", "a+b")})

    def test_more_than_a_request_can_hold_is_refused(self):
        with self.assertRaisesRegex(ValueError, "use groups"):
            query(named([f"device-{number}" for number in range(QUERY_CHARS // 8)], []))


if __name__ == "__main__":
    unittest.main()

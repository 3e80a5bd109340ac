//! Tests of `admin::metrics::text`.

use super::*;

#[test]
fn a_family_stands_under_its_help_and_type_and_values_are_escaped() {
    let mut text = Text::new();
    text.family("things", Kind::Gauge, "Things.")
        .line("", &[("of", "a \"b\" \\ c\nd é"), ("is", "x")], 1)
        .line("", &[], 2);
    let expected = "# HELP floodway_things Things.\n# TYPE floodway_things gauge\n\
            floodway_things{of=\"a \\\"b\\\" \\\\ c\\nd é\",is=\"x\"} 1\nfloodway_things 2\n";
    assert_eq!(text.finish(), expected);
}

#[test]
fn a_histogram_is_cumulative() {
    let mut text = Text::new();
    text.family("times_seconds", Kind::Histogram, "Times.")
        .histogram([(0.0001, 2), (0.25, 0), (10.0, 3)], 4, 12.5);
    let text = text.finish();
    let samples: Vec<&str> = text.lines().skip(2).collect();
    assert_eq!(
        samples,
        [
            "floodway_times_seconds_bucket{le=\"0.0001\"} 2",
            "floodway_times_seconds_bucket{le=\"0.25\"} 2",
            "floodway_times_seconds_bucket{le=\"10\"} 5",
            "floodway_times_seconds_bucket{le=\"+Inf\"} 9",
            "floodway_times_seconds_sum 12.5",
            "floodway_times_seconds_count 9",
        ]
    );
}

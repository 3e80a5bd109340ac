//! The text format 0.0.4 of Prometheus.
//!
//! Invariant: each family has its HELP and TYPE and stands together, under a name that begins with `floodway_`.

use std::fmt::{Display, Write};

/// What the text is sent as.
pub(in crate::admin) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A page.
pub(super) struct Text(String);

/// One family, whose samples follow.
pub(super) struct Family<'a> {
    name: &'static str,
    text: &'a mut String,
}

/// A label and its value.
pub(super) type Label<'a> = (&'static str, &'a str);

impl Text {
    pub(super) fn new() -> Self {
        Self(String::with_capacity(16 * 1024))
    }

    /// Begins a family; `help` is one line without a backslash.
    pub(super) fn family(&mut self, name: &'static str, kind: Kind, help: &str) -> Family<'_> {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        write(&mut self.0, format_args!("# HELP floodway_{name} {help}\n# TYPE floodway_{name} {kind}\n"));
        Family { name, text: &mut self.0 }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

impl Family<'_> {
    /// The only sample of a family without labels.
    pub(super) fn sample(self, value: impl Display) {
        self.line("", &[], value);
    }

    /// One sample for each value of a label.
    pub(super) fn each(self, label: &'static str, samples: impl IntoIterator<Item = (impl AsRef<str>, impl Display)>) {
        self.each_of([label], samples.into_iter().map(|(name, value)| ([name], value)));
    }

    /// One sample for each combination of the labels' values.
    pub(super) fn each_of<const N: usize>(
        mut self,
        labels: [&'static str; N],
        samples: impl IntoIterator<Item = ([impl AsRef<str>; N], impl Display)>,
    ) {
        for (names, value) in samples {
            let labelled: [Label<'_>; N] = std::array::from_fn(|at| (labels[at], names[at].as_ref()));
            self = self.line("", &labelled, value);
        }
    }

    /// The samples of a histogram: how many were up to each bound, all that were counted, and their sum.
    pub(super) fn histogram(mut self, buckets: impl IntoIterator<Item = (f64, u64)>, beyond: u64, sum: f64) {
        let mut count = 0;
        for (bound, more) in buckets {
            count += more;
            self = self.line("_bucket", &[("le", &bound.to_string())], count);
        }
        count += beyond;
        self.line("_bucket", &[("le", "+Inf")], count)
            .line("_sum", &[], sum)
            .line("_count", &[], count);
    }

    fn line(self, suffix: &str, labels: &[Label<'_>], value: impl Display) -> Self {
        let Self { name, text } = self;
        write(text, format_args!("floodway_{name}{suffix}"));
        for (at, (label, value)) in labels.iter().enumerate() {
            let before = if at == 0 { '{' } else { ',' };
            write(text, format_args!("{before}{label}=\""));
            escape(value, text);
            text.push('"');
        }
        if !labels.is_empty() {
            text.push('}');
        }
        write(text, format_args!(" {value}\n"));
        Self { name, text }
    }
}

/// Writes families in their order: the kind, the name, the help, and the only sample or one for each value of a label, or of
/// several.
macro_rules! families {
    (@samples $family:expr, $value:expr) => { $family.sample($value) };
    (@samples $family:expr, $label:literal, $samples:expr) => { $family.each($label, $samples) };
    (@samples $family:expr, $labels:tt, $samples:expr) => { $family.each_of($labels, $samples) };
    ($text:expr; $($kind:ident $name:literal $help:literal $(by $label:tt)? = $value:expr;)+) => {
        $(families!(@samples $text.family($name, Kind::$kind, $help), $($label,)? $value);)+
    };
}
pub(super) use families;

/// Appends a label's value: any text, with backslash, quote and line feed escaped.
fn escape(value: &str, text: &mut String) {
    for char in value.chars() {
        match char {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str(r"\n"),
            char => text.push(char),
        }
    }
}

fn write(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes all that is written");
}

#[cfg(test)]
mod tests;

//! How numbers, times and lists are written for people.

mod table;
mod units;

pub(super) use table::{fields, table};
pub(super) use units::{age, bytes, clock, count, date, duration, per_second, since, stale};

/// `text` without what a terminal would take for a command: what a client sent must not steer the operator's screen.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_command(c) { '\u{fffd}' } else { c }).collect()
}

/// Control characters, and those that turn the direction of what follows.
fn is_command(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text`, or a dash where there is none.
pub(super) fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { plain(text) }
}

/// `1 stream`, `2 streams`.
pub(super) fn plural(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What stands below the first page of a list, if it is not the last one.
pub(super) fn more(next_page_token: &str, shown_by: &str) -> String {
    match next_page_token {
        "" => String::new(),
        _ => format!("… and more: {shown_by} shows them\n"),
    }
}

#[cfg(test)]
mod tests;

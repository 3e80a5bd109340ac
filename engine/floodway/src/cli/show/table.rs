//! Columns that are as wide as what stands in them.

use ratatui::text::Span;

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells under their titles, which are words with a blank between them. One that begins with `>` is of numbers:
/// they stand at the right, so that their digits stand below each other.
pub(in crate::cli) fn table<const N: usize>(titles: &str, rows: impl IntoIterator<Item = [String; N]>) -> String {
    let titles: Vec<&str> = titles.split(' ').collect();
    let titles: [&str; N] = titles.try_into().expect("a title for each cell");
    let head = titles.map(|title| title.trim_start_matches('>').to_owned());
    let lines: Vec<[String; N]> = std::iter::once(head).chain(rows).collect();
    let widths: [usize; N] = std::array::from_fn(|at| {
        let cells = lines.iter().map(|line| width(&line[at]));
        cells.max().unwrap_or(0)
    });
    let mut text = String::new();
    for line in &lines {
        for ((cell, title), wide) in line.iter().zip(titles).zip(widths) {
            let pad = " ".repeat(wide - width(cell));
            let (before, behind) = if title.starts_with('>') { (pad.as_str(), "") } else { ("", pad.as_str()) };
            text.extend([before, cell, behind, GAP]);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// Names before their values, a line each.
pub(in crate::cli) fn fields(lines: &[(&str, String)]) -> String {
    let widest = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    lines.iter().map(|(name, value)| format!("{name:<widest$} {value}\n")).collect()
}

/// Cells of a terminal: fewer than bytes, and not always one a character.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests;

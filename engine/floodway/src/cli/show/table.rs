//! Columns that are as wide as what stands in them.

use std::fmt::Write;

use ratatui::text::Span;

/// Between two columns.
const GAP: &str = "  ";

/// Rows of cells under their titles.
pub(in crate::cli) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    /// Numbers stand at the right, so that their digits stand below each other.
    is_number: bool,
}

impl Table {
    /// A table with these columns; a title that begins with `>` is of numbers.
    pub(in crate::cli) fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| Column {
            title: title.trim_start_matches('>'),
            is_number: title.starts_with('>'),
        };
        Self {
            columns: titles.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    pub(in crate::cli) fn row<const N: usize>(&mut self, cells: [String; N]) {
        assert_eq!(N, self.columns.len(), "a cell for each column");
        self.rows.push(cells.into());
    }

    /// The table as text; without rows only the titles.
    pub(in crate::cli) fn text(&self) -> String {
        let titles: Vec<String> = self.columns.iter().map(|c| c.title.to_owned()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().chain([&titles]);
                cells.map(|row| width(&row[at])).max().unwrap_or(0)
            })
            .collect();
        let lines = [&titles].into_iter().chain(&self.rows);
        lines.map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, column), wide) in row.iter().zip(&self.columns).zip(widths) {
            let pad = " ".repeat(wide - width(cell));
            if column.is_number {
                line.push_str(&pad);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&pad);
            }
            line.push_str(GAP);
        }
        line.truncate(line.trim_end().len());
        line.push('\n');
        line
    }
}

/// Names before their values, a line each.
pub(in crate::cli) fn fields(lines: &[(&str, String)]) -> String {
    let widest = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in lines {
        writeln!(text, "{name:<widest$} {value}").expect("a String takes all that is written");
    }
    text
}

/// Cells of a terminal: fewer than bytes, and not always one a character.
fn width(text: &str) -> usize {
    Span::raw(text).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_the_script() {
        let mut table = Table::new(&["TENANT", ">STREAMS", "STATE"]);
        table.row(["köln".into(), "7".into(), "subscribed".into()]);
        table.row(["東京".into(), "12345678".into(), "-".into()]);
        assert_eq!(
            table.text(),
            "TENANT   STREAMS  STATE\n\
             köln           7  subscribed\n\
             東京    12345678  -\n"
        );
    }

    #[test]
    fn an_empty_table_has_its_titles() {
        assert_eq!(Table::new(&["A", ">B"]).text(), "A  B\n");
    }

    #[test]
    fn values_stand_below_each_other() {
        let lines = [("id", "1".to_owned()), ("tenant", "T".to_owned())];
        assert_eq!(fields(&lines), "id     1\ntenant T\n");
    }
}

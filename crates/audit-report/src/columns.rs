//! Columns of text that fit a terminal.

use anstyle::Style;
use unicode_width::UnicodeWidthChar as _;

use crate::paint::Terminal;
use crate::text::shown;

/// The space between two columns.
const GAP: &str = "  ";

/// No cell is wider, on any terminal or in a file. Nothing that Kubernetes or IAM allows as a name is wider: a role's ARN with the longest
/// path has about 620 characters.
const MAX_WIDTH: usize = 640;

/// No column is cut to less than this for the terminal's sake.
const MIN_WIDTH: usize = 12;

/// What stands for what was cut.
const ELLIPSIS: &str = "…";

/// A cell of a table.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// Untrusted text. What is empty is shown as a dash, so that columns can be counted.
    pub(crate) fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self::styled("-", Style::new());
        }
        // What is cut need not be made safe to show, and a name may be as long as it likes.
        let kept = cut(text, MAX_WIDTH);
        Self {
            text: cut(&shown(&kept), MAX_WIDTH),
            style: Style::new(),
        }
    }

    /// Text of ours in a style.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: text.into(),
            style,
        }
    }
}

/// Lines in columns, each as wide as its widest cell. Where that is wider than the terminal, the widest columns are cut.
pub(crate) fn columns(rows: &[Vec<Cell>], terminal: Terminal) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let width = width(&cell.text);
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    if let Some(available) = terminal.width {
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        fit(&mut widths, available.saturating_sub(gaps));
    }
    let mut text = String::new();
    for row in rows {
        let mut blank = 0;
        for (cell, &column) in row.iter().zip(&widths) {
            let shown = cut(&cell.text, column);
            // Nothing is put after the last cell of a line.
            text.extend(std::iter::repeat_n(' ', blank));
            blank = column.saturating_sub(width(&shown)) + GAP.len();
            text.push_str(&terminal.paint(cell.style, &shown));
        }
        text.push('\n');
    }
    text
}

/// Lowers the widest to what all together may have: no column is cut while a wider one is not.
fn fit(widths: &mut [usize], available: usize) {
    let total = |most: usize| widths.iter().map(|width| (*width).min(most)).sum::<usize>();
    let widest = widths.iter().copied().max().unwrap_or_default();
    let most = (MIN_WIDTH..widest).rev().find(|most| total(*most) <= available);
    let most = if total(widest) <= available {
        widest
    } else {
        most.unwrap_or(MIN_WIDTH)
    };
    for width in widths {
        *width = (*width).min(most);
    }
}

/// How many columns of a terminal a text takes. A combining character counts as well, so that no text is long and takes no width.
fn width(text: &str) -> usize {
    text.chars().map(width_of).sum()
}

fn width_of(c: char) -> usize {
    c.width().unwrap_or_default().max(1)
}

/// A text in so many columns: the middle is cut, since names differ at their beginnings and ends.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text
        .chars()
        .map(width_of)
        .scan(0, |sum, width| {
            *sum += width;
            Some(*sum)
        })
        .all(|sum| sum <= most)
    {
        return text.to_owned();
    }
    let room = most.saturating_sub(width(ELLIPSIS));
    let end = taken(text.chars().rev(), room / 2);
    let start = taken(text.chars(), room - room / 2);
    let start: String = text.chars().take(start).collect();
    let skipped = text.chars().count().saturating_sub(end);
    let end: String = text.chars().skip(skipped).collect();
    format!("{start}{ELLIPSIS}{end}")
}

/// How many of these characters fit.
fn taken(chars: impl Iterator<Item = char>, room: usize) -> usize {
    let sums = chars.map(width_of).scan(0, |sum, width| {
        *sum += width;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= room).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(rows: &[&[&str]], width: Option<usize>) -> Vec<String> {
        let rows: Vec<Vec<Cell>> = rows
            .iter()
            .map(|row| row.iter().map(|text| Cell::of(text)).collect())
            .collect();
        let terminal = Terminal {
            width,
            ..Terminal::default()
        };
        columns(&rows, terminal).lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_fits_is_not_cut() {
        assert_eq!(
            lines(&[&["a", "bcd", "e"], &["fgh", "", "i"]], Some(12)),
            ["a    bcd  e", "fgh  -    i"]
        );
    }

    #[test]
    fn the_widest_column_is_cut_first_and_in_its_middle() {
        let (short, long) = ("a".repeat(14), format!("{}z", "b".repeat(59)));
        let lines = lines(&[&[&short, &long, "c"]], Some(40));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!(width(line), 40);
        assert!(line.starts_with(&short) && line.ends_with("z  c"), "{line}");
    }

    #[test]
    fn columns_stay_readable_on_a_narrow_terminal() {
        let long = "x".repeat(100);
        assert_eq!(
            width(&lines(&[&[&long, &long]], Some(5))[0]),
            2 * MIN_WIDTH + GAP.len()
        );
    }

    #[test]
    fn a_cell_of_any_length_is_cut() {
        for long in [
            "x".repeat(70_000),
            "\u{301}".repeat(70_000),
            "\u{1b}".repeat(70_000),
            "漢".repeat(70_000),
        ] {
            let lines = lines(&[&[&long, "y"], &["a", "b"]], None);
            assert_eq!(lines.len(), 2);
            assert!(lines.iter().all(|line| width(line) <= MAX_WIDTH + GAP.len() + 1));
            assert!(lines[0].ends_with('y') && lines[1].ends_with('b'));
        }
    }

    #[test]
    fn wide_characters_keep_columns_below_each_other() {
        let lines = lines(&[&["漢字", "x"], &["abcd", "y"]], None);
        assert_eq!(lines, ["漢字  x", "abcd  y"]);
    }
}

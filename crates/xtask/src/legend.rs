//! The legend beside a picture.

use std::fmt::Write as _;

/// What one line names.
#[derive(Debug)]
pub struct Entry<'a> {
    /// Its name.
    pub name: &'a str,
    /// By this it is sorted: the largest first.
    pub value: f64,
    /// The value for people.
    pub shown: String,
    /// Its colour, as SVG writes it.
    pub colour: &'a str,
}

/// Draws the legend at a place to the right of the picture, with no more lines than fit there.
pub fn draw(svg: &mut String, (x, y): (f64, f64), lines: usize, mut entries: Vec<Entry<'_>>) {
    entries.sort_by(|a, b| b.value.total_cmp(&a.value));
    let hidden = entries.len().saturating_sub(lines);
    let mut line = y + 8.0;
    for entry in entries.iter().take(lines) {
        let _ = writeln!(
            svg,
            "<rect x=\"{box_x:.1}\" y=\"{box_y:.1}\" width=\"9\" height=\"9\" fill=\"{colour}\"/><text x=\"{text_x:.1}\" y=\"{line:.1}\">{name}: {shown}</text>",
            box_x = x + 12.0,
            box_y = line - 9.0,
            colour = entry.colour,
            text_x = x + 26.0,
            name = entry.name,
            shown = entry.shown
        );
        line += 16.0;
    }
    if hidden > 0 {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{line:.1}\" fill=\"#555\">and {hidden} more</text>",
            x + 26.0
        );
    }
}

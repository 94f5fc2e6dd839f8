//! Curves over sizes as SVG, both axes logarithmic: what grows with the size is parallel to the dashed lines.

use std::fmt::Write as _;

use crate::legend::{self, Entry};
use crate::pictures::COLOURS;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
/// The plot's borders: left, top, right (the legend), bottom.
const BORDER: (f64, f64, f64, f64) = (64.0, 30.0, 240.0, 28.0);
/// The most curves with a line in the legend.
const LEGEND_LINES: usize = 22;

/// A curve: its name in the legend, and milliseconds by size.
pub struct Curve {
    /// Its name.
    pub name: String,
    /// Size and milliseconds, by size.
    pub points: Vec<(f64, f64)>,
}

/// The least time that is drawn, in milliseconds.
const LEAST: f64 = 0.01;

/// The curves as SVG.
pub fn picture(title: &str, curves: &[Curve]) -> String {
    let (left, top, right, bottom) = BORDER;
    let points = || curves.iter().flat_map(|curve| curve.points.iter().copied());
    let sizes = points().map(|(size, _)| size);
    let (smallest, largest) = sizes.fold((f64::MAX, 1.0_f64), |(a, b), size| (a.min(size), b.max(size)));
    let times = points().map(|(_, time)| time.max(LEAST));
    let (fastest, slowest) = times.fold((f64::MAX, LEAST), |(a, b), time| (a.min(time), b.max(time)));
    let (low, high) = (fastest.log10().floor(), slowest.log10().ceil());
    let width = (largest / smallest).log2().max(1.0);
    let x = |size: f64| left + (size / smallest).log2() / width * (WIDTH - left - right);
    let y = |time: f64| {
        let share = (time.max(LEAST).log10() - low) / (high - low).max(1.0);
        HEIGHT - bottom - share * (HEIGHT - top - bottom)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{left}\" y=\"17\" font-size=\"13\" font-weight=\"bold\">{title}</text>\n\
         <clipPath id=\"plot\"><rect x=\"{left}\" y=\"{top}\" width=\"{}\" height=\"{}\"/></clipPath>\n",
        WIDTH - left - right,
        HEIGHT - top - bottom
    );
    let mut power = low;
    // Writing to a string cannot fail.
    while power <= high {
        let time = 10_f64.powf(power);
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at:.1}H{to:.1}\" stroke=\"#ddd\"/><text x=\"{label:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\" fill=\"#555\">{time} ms</text>\n\
             <path d=\"M{left} {at:.1}L{to:.1} {risen:.1}\" stroke=\"#bbb\" stroke-dasharray=\"4 4\" clip-path=\"url(#plot)\"/>",
            at = y(time),
            to = WIDTH - right,
            label = left - 4.0,
            baseline = y(time) + 4.0,
            risen = y(time * largest / smallest),
        );
        power += 1.0;
    }
    let mut labelled = Vec::new();
    for (size, _) in points() {
        if !labelled.contains(&size.to_bits()) {
            labelled.push(size.to_bits());
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555\">{size}</text>",
                x(size),
                HEIGHT - 8.0
            );
        }
    }
    for (curve, colour) in curves.iter().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for (size, time) in &curve.points {
            let step = if path.is_empty() { "M" } else { "L" };
            let _ = write!(path, "{step}{:.1} {:.1}", x(*size), y(*time));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
        );
    }
    key(&mut svg, curves);
    svg.push_str("</svg>\n");
    svg
}

/// The legend, with the times of the largest size, the longest first.
fn key(svg: &mut String, curves: &[Curve]) {
    let (_, top, right, _) = BORDER;
    let last = |curve: &Curve| curve.points.last().map_or(0.0, |(_, time)| *time);
    let entries = curves.iter().zip(COLOURS.iter().cycle());
    let entries = entries.map(|(curve, colour)| Entry {
        name: &curve.name,
        value: last(curve),
        shown: format!("{} ms", rounded(last(curve))),
        colour,
    });
    legend::draw(svg, (WIDTH - right, top), LEGEND_LINES, entries.collect());
}

/// A time in milliseconds for people.
fn rounded(time: f64) -> String {
    if time >= 10.0 {
        format!("{time:.0}")
    } else {
        format!("{time:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_doubles_with_the_size_is_parallel_to_the_dashed_lines() {
        let curve = Curve {
            name: "linear".to_owned(),
            points: vec![(1000.0, 10.0), (2000.0, 20.0), (4000.0, 40.0)],
        };
        let svg = picture("t", &[curve]);
        let ends = |marker: &str| -> (f64, f64) {
            let line = svg
                .lines()
                .find(|line| line.contains(marker) && line.contains('L'))
                .unwrap();
            let path = line.split('"').nth(1).unwrap();
            let y = |point: &str| point.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
            let mut points = path.trim_start_matches('M').split('L');
            let first = y(points.next().unwrap());
            (first, y(points.next_back().unwrap()))
        };
        let (curve, dashed) = (ends("stroke-width"), ends("stroke-dasharray"));
        assert!(((curve.0 - curve.1) - (dashed.0 - dashed.1)).abs() < 0.5, "{svg}");
        assert!(svg.contains("linear: 40 ms"), "{svg}");
    }
}

//! How work grows with the cluster: the table and the curves of `docs/benchmarks.md`.

mod curves;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Error;
use curves::{Curve, picture};

/// The name of a picture's file, its title, and which kinds of work it has.
type Picture = (&'static str, &'static str, fn(&str) -> bool);

/// The pictures.
const PICTURES: [Picture; 3] = [
    ("growth-audit", "Audit of everything", |work| work == "audit"),
    ("growth-fill", "From nothing to all statuses", |work| {
        work == "fill"
    }),
    ("growth-change", "One change", |work| {
        !["fill", "audit", "overview"].contains(&work)
    }),
];

/// One kind of work on one shape: milliseconds by size.
#[derive(Debug, PartialEq)]
struct Measured {
    shape: String,
    work: String,
    times: Vec<(f64, f64)>,
}

/// Runs the benchmark of the engine, prints what it measured as a table, and draws it.
///
/// # Errors
/// When Cargo fails, or a picture cannot be written.
pub fn run(root: &Path) -> Result<(), Error> {
    let words = [
        "bench",
        "--quiet",
        "--package",
        "audit-engine",
        "--bench",
        "growth",
    ];
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.current_dir(root).args(words).stderr(Stdio::inherit());
    let output = cargo.output().ok().filter(|output| output.status.success());
    let output = output.ok_or_else(|| Error::Cargo(words.join(" ")))?;
    let measured = read(&String::from_utf8_lossy(&output.stdout));
    print!("{}", table(&measured));
    draw(root, &measured).map_err(|error| Error::World(error.to_string()))
}

/// Reads lines of shape, size, kind of work and milliseconds, with tabs between.
fn read(text: &str) -> Vec<Measured> {
    let mut all: Vec<Measured> = Vec::new();
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (Some(shape), Some(size), Some(work), Some(time)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (Ok(size), Ok(time)) = (size.parse(), time.parse()) else {
            continue;
        };
        match all.iter_mut().find(|one| one.shape == shape && one.work == work) {
            Some(one) => one.times.push((size, time)),
            None => all.push(Measured {
                shape: shape.to_owned(),
                work: work.to_owned(),
                times: vec![(size, time)],
            }),
        }
    }
    all
}

/// A line for each kind of work on each shape: milliseconds for each size, and by how much the largest size takes more than the one before.
fn table(measured: &[Measured]) -> String {
    let sizes: Vec<String> = measured.first().map_or_else(Vec::new, |one| {
        one.times.iter().map(|(size, _)| format!("{size:>10}")).collect()
    });
    let mut text = format!("{:<38}{}    growth\n", "milliseconds for", sizes.concat());
    for one in measured {
        let times: Vec<String> = one
            .times
            .iter()
            .map(|(_, time)| format!("{time:>10.1}"))
            .collect();
        let growth = match one.times.as_slice() {
            [.., (_, before), (_, last)] if *before >= 1.0 => format!("{:.1}", last / before),
            _ => "-".to_owned(),
        };
        let name = format!("{}: {}", one.shape, one.work);
        let _ = writeln!(text, "{name:<38}{}{growth:>10}", times.concat());
    }
    text
}

fn draw(root: &Path, measured: &[Measured]) -> std::io::Result<()> {
    let folder = root.join("docs/pictures");
    fs::create_dir_all(&folder)?;
    for (file, title, is_drawn) in PICTURES {
        let drawn = measured.iter().filter(|one| is_drawn(&one.work));
        let curves: Vec<Curve> = drawn
            .map(|one| Curve {
                name: if ["fill", "audit"].contains(&one.work.as_str()) {
                    one.shape.clone()
                } else {
                    format!("{}: {}", one.shape, one.work)
                },
                points: one.times.clone(),
            })
            .collect();
        let path = folder.join(format!("{file}.svg"));
        fs::write(&path, picture(title, &curves))?;
        println!("{}", path.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_rows_by_shape_and_work() {
        let text = "noise\nwild\t1000\tfill\t10.0\nwild\t1000\taudit\t1.5\nwild\t2000\tfill\t21.0\n";
        let measured = read(text);
        assert_eq!(measured.len(), 2);
        assert_eq!(measured[0].times, [(1000.0, 10.0), (2000.0, 21.0)]);
        let table = table(&measured);
        let fill = table.lines().nth(1).unwrap();
        assert!(fill.starts_with("wild: fill") && fill.ends_with("2.1"), "{table}");
    }
}

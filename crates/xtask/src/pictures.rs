//! `cargo xtask pictures`: panels of the dashboards as they look with real data, for the documents. A real operator works
//! on a real API server while a real Prometheus watches; what it then answers to the panels' own queries is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use e2e::aws::Aws;
use e2e::cluster::Target;
use e2e::prometheus::{self, Prometheus};
use e2e::scenario::{self, APP};
use e2e::world::World;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::legend::{self, Entry};

/// Which panels: the dashboard's file, and the title.
const PANELS: &[(&str, &str)] = &[
    ("overview", "Verdicts"),
    ("overview", "Broken by cause"),
    ("operator", "Calls to AWS"),
];

/// Between two things that happen.
const BEAT: Duration = Duration::from_millis(1500);

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
/// The plot's borders: left, top, right (the legend), bottom.
const BORDER: (f64, f64, f64, f64) = (36.0, 28.0, 250.0, 22.0);
const LEGEND_LINES: usize = 11;

/// Colours that are told apart on white.
pub const COLOURS: &[&str] = &[
    "#3274d9", "#e0752d", "#8f3bb8", "#299c46", "#c4162a", "#e5ac0e", "#1f9e8f", "#7c5c3b", "#d64ea8",
    "#5f7f95",
];

/// A series: its legend, and its values by time.
struct Series {
    name: String,
    points: BTreeMap<u64, f64>,
}

/// Draws all pictures into `docs/pictures`.
///
/// # Errors
/// When there is no Prometheus, or anything on the way fails.
pub fn run(root: &Path) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(shown)?.block_on(draw(root))
}

fn shown(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn draw(root: &Path) -> Result<(), String> {
    let programs = prometheus::programs().await.map_err(shown)?;
    let programs = programs.ok_or("the pictures need Prometheus")?;
    let world = World::start(Aws::fake().await.map_err(shown)?)
        .await
        .map_err(shown)?;
    let operator = world.operator(&["--refresh=15s"]).await.map_err(shown)?;
    let rules = prometheus::alerts(None).map_err(shown)?;
    let prometheus = Prometheus::start(&programs, &[operator.address()], &rules, "1s")
        .await
        .map_err(shown)?;
    let begun = now();
    happen(&world).await?;
    let end = now();

    let folder = root.join("docs/pictures");
    fs::create_dir_all(&folder).map_err(shown)?;
    for (file, title) in PANELS {
        let panel = panel(root, file, title)?;
        let series = series(&prometheus, &panel, begun, end).await?;
        let name = title.to_lowercase().replace(' ', "-");
        let path = folder.join(format!("{name}.svg"));
        fs::write(&path, picture(title, &panel, &series, (begun, end))).map_err(shown)?;
        println!("{}", path.display());
    }
    Ok(())
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

/// People make mistakes, one after the other, and then give up some of what is broken.
async fn happen(world: &World) -> Result<(), String> {
    let scenarios = scenario::all();
    for scenario in &scenarios {
        world.play(scenario).await.map_err(shown)?;
        sleep(BEAT).await;
    }
    let nothing = json!({"metadata": {"annotations": {"eks.amazonaws.com/role-arn": null}}});
    for scenario in scenarios
        .iter()
        .filter(|scenario| scenario.code.is_some())
        .take(12)
    {
        let target = Target::core("ServiceAccount", scenario.namespace, APP);
        // Some have no ServiceAccount, which is their point.
        let _ = world.cluster().merge(target, &nothing).await;
        sleep(BEAT).await;
    }
    Ok(())
}

fn panel(root: &Path, file: &str, title: &str) -> Result<Value, String> {
    let path = root.join(format!("charts/irsa-audit/files/dashboards/{file}.json"));
    let text = fs::read_to_string(&path).map_err(shown)?;
    let dashboard: Value = serde_json::from_str(&text).map_err(shown)?;
    let panels = dashboard
        .get("panels")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let found = panels
        .into_iter()
        .find(|panel| panel.get("title") == Some(&json!(title)));
    found.ok_or_else(|| format!("{file}.json has no panel `{title}`"))
}

/// What a panel shows.
async fn series(prometheus: &Prometheus, panel: &Value, begun: f64, end: f64) -> Result<Vec<Series>, String> {
    let mut all = Vec::new();
    for target in panel
        .get("targets")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default();
        let query = text("expr")
            .replace("$__rate_interval", "10s")
            .replace("$cluster", ".*")
            .replace("$namespace", ".*");
        let answer = prometheus
            .range(&query, end, end - begun, 1.0)
            .await
            .map_err(shown)?;
        for series in answer {
            let values = series
                .get("values")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            all.push(Series {
                name: legend(text("legendFormat"), series.get("metric")),
                points: values.iter().filter_map(point).collect(),
            });
        }
    }
    Ok(all)
}

/// A time in whole seconds, and the value.
fn point(pair: &Value) -> Option<(u64, f64)> {
    let time = pair.get(0)?.to_string();
    let seconds = time.split('.').next()?.parse().ok()?;
    Some((seconds, pair.get(1)?.as_str()?.parse().ok()?))
}

fn legend(format: &str, labels: Option<&Value>) -> String {
    let mut text = format.to_owned();
    for (name, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        text = text.replace(&format!("{{{{{name}}}}}"), value.as_str().unwrap_or_default());
    }
    text
}

/// The panel as SVG.
fn picture(title: &str, panel: &Value, series: &[Series], (begun, end): (f64, f64)) -> String {
    let text = |pointer: &str| panel.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let stacked = text("/fieldConfig/defaults/custom/stacking/mode") == "normal";
    let (left, top, right, bottom) = BORDER;
    let bands = bands(series, stacked);
    let most = bands
        .iter()
        .flatten()
        .map(|(.., upper)| *upper)
        .fold(f64::MIN_POSITIVE, f64::max)
        * 1.05;
    let x = |second: f64| left + (second - begun) / (end - begun).max(1.0) * (WIDTH - left - right);
    let y = |value: f64| HEIGHT - bottom - value / most * (HEIGHT - top - bottom);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n<text x=\"{left}\" y=\"17\" font-size=\"13\" font-weight=\"bold\">{title}</text>\n"
    );
    // Writing to a string cannot fail.
    for step in 0..=4 {
        let value = most * f64::from(step) / 4.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at:.1}H{to:.1}\" stroke=\"#ddd\"/><text x=\"{label:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\" fill=\"#555\">{value}</text>",
            at = y(value),
            to = WIDTH - right,
            label = left - 4.0,
            baseline = y(value) + 4.0,
            value = number(value)
        );
    }
    for (number, (one, band)) in series.iter().zip(&bands).enumerate() {
        let colour = colour(&one.name, number);
        let mut upper = String::new();
        let mut lower = String::new();
        for (second, below, above) in band {
            #[allow(clippy::cast_precision_loss, reason = "seconds of this century")]
            let at = x(*second as f64);
            let _ = write!(
                upper,
                "{}{at:.1} {:.1}",
                if upper.is_empty() { "M" } else { "L" },
                y(*above)
            );
            lower = format!("L{at:.1} {:.1}{lower}", y(*below));
        }
        if stacked {
            let _ = writeln!(
                svg,
                "<path d=\"{upper}{lower}Z\" fill=\"{colour}\" fill-opacity=\"0.7\"/>"
            );
        } else {
            let _ = writeln!(
                svg,
                "<path d=\"{upper}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
            );
        }
    }
    key(&mut svg, series);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"{at:.1}\" fill=\"#555\">0 s</text><text x=\"{to:.1}\" y=\"{at:.1}\" text-anchor=\"end\" fill=\"#555\">{span:.0} s</text>\n</svg>",
        at = HEIGHT - 6.0,
        to = WIDTH - right,
        span = end - begun
    );
    svg
}

/// The line at the lower and the upper edge of each series: second, below, above.
fn bands(series: &[Series], stacked: bool) -> Vec<Vec<(u64, f64, f64)>> {
    let seconds: BTreeSet<u64> = series.iter().flat_map(|one| one.points.keys().copied()).collect();
    let mut floor: BTreeMap<u64, f64> = BTreeMap::new();
    let mut bands = Vec::new();
    for one in series {
        let mut band = Vec::new();
        for second in &seconds {
            let below = if stacked {
                floor.get(second).copied().unwrap_or_default()
            } else {
                0.0
            };
            let value = one.points.get(second).copied();
            if let Some(value) = value.or(stacked.then_some(0.0)) {
                band.push((*second, below, below + value));
                floor.insert(*second, below + value);
            }
        }
        bands.push(band);
    }
    bands
}

/// The legend, with the latest values, the largest first.
fn key(svg: &mut String, series: &[Series]) {
    let (_, top, right, _) = BORDER;
    let entries = series.iter().enumerate().map(|(at, one)| Entry {
        name: &one.name,
        value: last(one),
        shown: number(last(one)),
        colour: colour(&one.name, at),
    });
    legend::draw(svg, (WIDTH - right, top), LEGEND_LINES, entries.collect());
}

fn last(series: &Series) -> f64 {
    series.points.values().next_back().copied().unwrap_or_default()
}

fn colour(name: &str, number: usize) -> &'static str {
    match name {
        "Working" => "#299c46",
        "AtRisk" => "#e5ac0e",
        "Broken" => "#c4162a",
        "Unknown" => "#8e8e8e",
        _ => COLOURS.get(number % COLOURS.len()).copied().unwrap_or("#000"),
    }
}

fn number(value: f64) -> String {
    if value >= 10.0 || value.fract().abs() < 0.005 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, values: &[(u64, f64)]) -> Series {
        Series {
            name: name.to_owned(),
            points: values.iter().copied().collect(),
        }
    }

    #[test]
    fn stacks_lie_on_top_of_each_other_and_the_legend_has_the_last_values() {
        let panel = json!({"fieldConfig": {"defaults": {"unit": "none", "custom": {"stacking": {"mode": "normal"}}}}});
        let series = [
            one("Working", &[(100, 1.0), (110, 2.0)]),
            one("Broken", &[(110, 2.0)]),
        ];
        let svg = picture("t", &panel, &series, (100.0, 110.0));
        assert!(svg.contains("Working: 2") && svg.contains("Broken: 2"), "{svg}");
        // Four, with some air above, fill the height.
        assert!(svg.contains(">4.20</text>"), "{svg}");
    }

    #[test]
    fn legends_are_filled_in_and_times_read() {
        let labels = json!({"code": "IRSA204", "reason": "x"});
        assert_eq!(legend("{{code}} {{reason}}", Some(&labels)), "IRSA204 x");
        assert_eq!(point(&json!([1_700_000_000.5, "2"])), Some((1_700_000_000, 2.0)));
    }
}

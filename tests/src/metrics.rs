//! Metrics as Prometheus would read them.

use std::collections::BTreeMap;

/// One line of the text format: a series and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The name.
    pub name: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// The value, as it is written.
    pub value: String,
}

impl Sample {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels
            .iter()
            .all(|(name, value)| self.labels.get(*name).is_some_and(|held| held == value))
    }
}

/// All samples of one scrape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics(Vec<Sample>);

impl Metrics {
    /// Reads the text format. Lines that are no samples are left out.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .filter_map(sample)
                .collect(),
        )
    }

    /// The samples of this name that have at least these labels.
    pub fn with<'m>(&'m self, name: &'m str, labels: &'m [(&str, &str)]) -> impl Iterator<Item = &'m Sample> {
        self.0
            .iter()
            .filter(move |sample| sample.name == name && sample.has(labels))
    }

    /// The sum of the samples of this name that have at least these labels, where they are whole numbers; 0 without any.
    #[must_use]
    pub fn total(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.with(name, labels)
            .filter_map(|sample| sample.value.parse::<u64>().ok())
            .sum()
    }

    /// The value of the first sample of this name that has at least these labels.
    #[must_use]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.with(name, labels).next()?.value.parse().ok()
    }

    /// Whether any sample has at least these labels, whatever its name.
    #[must_use]
    pub fn mention(&self, labels: &[(&str, &str)]) -> bool {
        self.0.iter().any(|sample| sample.has(labels))
    }

    /// All samples.
    #[must_use]
    pub fn all(&self) -> &[Sample] {
        &self.0
    }
}

fn sample(line: &str) -> Option<Sample> {
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ')?;
        return Some(Sample {
            name: name.to_owned(),
            labels: BTreeMap::new(),
            value: value.trim().to_owned(),
        });
    };
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    while !rest.starts_with('}') {
        let (label, after) = rest.split_once("=\"")?;
        let (value, after) = quoted(after)?;
        labels.insert(label.trim_start_matches(',').to_owned(), value);
        rest = after;
    }
    let value = rest.strip_prefix('}')?.trim().to_owned();
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// A label's value up to its closing quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => match characters.next()? {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read_with_their_labels() {
        let text = "# HELP a b\na 1\nb{x=\"1\",y=\"q\\\"}\\n\"} 2\nb{x=\"2\"} 3\nc 2.5\n";
        let metrics = Metrics::parse(text);
        assert_eq!(
            (
                metrics.total("a", &[]),
                metrics.total("b", &[]),
                metrics.total("d", &[])
            ),
            (1, 5, 0)
        );
        assert_eq!(metrics.total("b", &[("y", "q\"}\n")]), 2);
        assert_eq!(
            (metrics.value("c", &[]), metrics.value("d", &[])),
            (Some(2.5), None)
        );
        assert!(metrics.mention(&[("x", "2")]) && !metrics.mention(&[("x", "3")]));
    }
}

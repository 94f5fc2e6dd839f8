//! A family of gauges, made by hand.

use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};

/// A label.
#[must_use]
pub fn label(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// A family of gauges in the making.
pub struct Family {
    name: &'static str,
    help: &'static str,
    metrics: Vec<Metric>,
}

impl Family {
    /// An empty family.
    #[must_use]
    pub fn new(name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            metrics: Vec::new(),
        }
    }

    /// Adds a series.
    pub fn add(&mut self, mut labels: Vec<LabelPair>, value: f64) {
        labels.sort_by(|a, b| a.name().cmp(b.name()));
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        let mut metric = Metric::from_label(labels);
        metric.set_gauge(gauge);
        self.metrics.push(metric);
    }

    /// The family, unless it is empty, which the registry does not take.
    #[must_use]
    pub fn finish(self) -> Option<MetricFamily> {
        if self.metrics.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name.to_owned());
        family.set_help(self.help.to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(self.metrics);
        Some(family)
    }
}

//! Percentiles of durations.

use std::time::Duration;

/// The p-th percentile by nearest rank; zero of nothing.
pub fn percentile(sorted: &[Duration], p: usize) -> Duration {
    let rank = (sorted.len() * p).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

/// Count, median, 99th percentile and maximum, in one line.
pub fn summary(mut durations: Vec<Duration>) -> String {
    durations.sort_unstable();
    format!(
        "n = {}, p50 = {:?}, p99 = {:?}, max = {:?}",
        durations.len(),
        percentile(&durations, 50),
        percentile(&durations, 99),
        percentile(&durations, 100)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank() {
        let ms: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&ms, 50), Duration::from_millis(100));
        assert_eq!(percentile(&ms, 99), Duration::from_millis(198));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}

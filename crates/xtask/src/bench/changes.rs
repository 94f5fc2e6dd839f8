//! Changes of bindings at a steady rate, and how long each takes to be seen.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use audit_api::irsa_audit::VerdictName;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::Error;
use super::percentile::summary;
use super::world::Statuses;

/// Changes a second: a busy cluster, not a flood.
const RATE: u32 = 20;

/// How many changes there are.
const CHANGES: usize = 600;

/// Breaks and mends one binding after another, each at its time, whatever the requests before it take; times each from before the request to
/// the arrival of the new verdict at a watch, and the request alone. `nth` gives the number of the binding of each change, and `name` its
/// `IrsaAudit`; in 300 changes no binding comes twice.
///
/// # Errors
/// When a request fails, or no status comes for minutes.
pub async fn measure<F: Future<Output = Result<(), Error>>>(
    statuses: &mut Statuses,
    nth: impl Fn(usize) -> usize,
    name: impl Fn(usize) -> String,
    change: impl Fn(usize, bool) -> F,
) -> Result<String, Error> {
    statuses.clear();
    let (mut durations, mut requests) = (Vec::new(), Vec::new());
    for broken in [true, false] {
        let wanted = if broken {
            VerdictName::Broken
        } else {
            VerdictName::Working
        };
        let mut sent: HashMap<String, Instant> = HashMap::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / RATE);
        let mut under_way = FuturesUnordered::new();
        let mut indices = 0..CHANGES / 2;
        while !(indices.is_empty() && under_way.is_empty()) {
            tokio::select! {
                _ = ticks.tick(), if !indices.is_empty() => {
                    let Some(index) = indices.next() else {
                        continue;
                    };
                    let binding = nth(index);
                    let begin = Instant::now();
                    sent.insert(name(binding), begin);
                    let request = change(binding, broken);
                    under_way.push(async move { request.await.map(|()| begin.elapsed()) });
                }
                Some(took) = under_way.next() => requests.push(took?),
            }
        }
        while !sent.is_empty() {
            let seen = statuses.next().await?;
            if seen.verdict == wanted
                && let Some(begin) = sent.remove(&seen.name)
            {
                durations.push(seen.at.duration_since(begin));
            }
        }
    }
    Ok(format!(
        "{}; the requests alone: {}",
        summary(durations),
        summary(requests)
    ))
}

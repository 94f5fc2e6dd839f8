//! What the operator's process takes, and what its endpoints say.

use std::fs;
use std::time::{Duration, Instant};

use kube::Client;
use test_kit::Process;

use super::Error;
use super::machine::memory;
use super::world::world;

/// Clock ticks a second in `/proc/<pid>/stat`, the same on all machines that Rust supports.
const TICKS: f64 = 100.0;

/// How long the operator may take to serve its endpoints.
const SERVES: Duration = Duration::from_mins(1);

/// A running operator.
pub struct Operator {
    process: Process,
    endpoints: Client,
}

/// Processor time of a process until now, in seconds.
pub fn processor_time(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name of the program, in parentheses, may have blanks in it.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / TICKS
}

impl Operator {
    /// Waits until a process serves its endpoints.
    ///
    /// # Errors
    /// When it does not.
    pub async fn new(process: Process) -> Result<Self, Error> {
        let line = process
            .wait_for_line("metrics are served", SERVES)
            .await
            .map_err(world)?;
        let address = line
            .split_whitespace()
            .find_map(|word| word.strip_prefix("address="));
        let uri = format!("http://{}", address.unwrap_or_default());
        // The Kubernetes client speaks plain HTTP to anything. Not ready is an answer, and no reason to ask later.
        let mut config = kube::Config::new(uri.parse().map_err(world)?);
        config.default_retry = false;
        let endpoints = Client::try_from(config).map_err(world)?;
        Ok(Self { process, endpoints })
    }

    /// Resident memory in MiB.
    pub fn memory(&self) -> f64 {
        memory(self.process.pid(), "VmRSS")
    }

    /// The most memory that was ever resident, in MiB.
    pub fn peak(&self) -> f64 {
        memory(self.process.pid(), "VmHWM")
    }

    /// Open files and connections.
    pub fn files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.process.pid())).map_or(0, Iterator::count)
    }

    /// Processor time until now, in seconds.
    pub fn processor_time(&self) -> f64 {
        processor_time(self.process.pid())
    }

    /// What an endpoint says, and how long that took.
    ///
    /// # Errors
    /// When it does not answer, or not with success.
    pub async fn get(&self, path: &str) -> Result<(String, Duration), Error> {
        let request = http::Request::get(path).body(Vec::new()).map_err(world)?;
        // The operator ends each connection after a while: a request on its way at that moment is made again, as browsers do.
        let mut last = None;
        for _ in 0..2 {
            let begin = Instant::now();
            match self.endpoints.request_text(request.clone()).await {
                Ok(text) => return Ok((text, begin.elapsed())),
                Err(error @ kube::Error::Api(_)) => return Err(world(error)),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| world("no answer"), world))
    }

    /// The sum of a metric's series whose labels contain all of some texts.
    ///
    /// # Errors
    /// When the metrics cannot be read.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, Error> {
        let (text, _) = self.get("/metrics").await?;
        let lines = text.lines().filter(|line| {
            let rest = line.strip_prefix(name).unwrap_or_default();
            rest.starts_with(['{', ' ']) && labels.iter().all(|label| rest.contains(label))
        });
        Ok(lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// When it does not within some minutes.
    pub async fn ready(&self) -> Result<(), Error> {
        let begin = Instant::now();
        while self.get("/readyz").await.is_err() {
            if begin.elapsed() > Duration::from_mins(5) {
                return Err(world("the operator is not ready after five minutes"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

//! The memory of this process, as Linux tells it.

use std::collections::HashMap;
use std::fs;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;

use super::family::Family;

const NAME: &str = "process_resident_memory_bytes";
const HELP: &str = "Resident memory size in bytes.";

/// Makes the family at each scrape; elsewhere than on Linux there is none.
pub struct ProcessMemory {
    described: Desc,
}

impl ProcessMemory {
    /// The collector.
    ///
    /// # Errors
    /// Never: the name is a valid one.
    pub fn new() -> prometheus::Result<Self> {
        let described = Desc::new(NAME.to_owned(), HELP.to_owned(), Vec::new(), HashMap::new())?;
        Ok(Self { described })
    }
}

impl Collector for ProcessMemory {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.described]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = Family::new(NAME, HELP);
        if let Some(bytes) = fs::read_to_string("/proc/self/status")
            .ok()
            .as_deref()
            .and_then(resident)
        {
            family.add(Vec::new(), bytes);
        }
        family.finish().into_iter().collect()
    }
}

/// The resident memory in the text of `/proc/self/status`, which gives it in kibibytes whatever the size of a page.
fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kibibytes) * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_read_in_bytes() {
        let status = "Name:\tirsa-audit\nVmHWM:\t   12000 kB\nVmRSS:\t   10240 kB\n";
        assert!(resident(status).is_some_and(|bytes| (bytes - 10_485_760.0).abs() < 1.0));
        assert_eq!(resident("Name:\tx\n"), None);
    }
}

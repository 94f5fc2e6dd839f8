//! Volumes of the secrets-store CSI driver.

use super::raw::{RawCsi, RawVolume};

/// The longest name of an object: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>. A volume may name a longer
/// one, which cannot exist.
const LONGEST_NAME: usize = 253;

/// How many are kept of one pod.
const MOST_CLASSES: usize = 64;

/// The driver.
const DRIVER: &str = "secrets-store.csi.k8s.io";

/// The `SecretProviderClass` objects that volumes name, each once.
pub(super) fn classes(volumes: &[RawVolume]) -> Box<[String]> {
    let of_driver = volumes
        .iter()
        .filter_map(|volume| volume.csi.as_ref())
        .filter(|csi| is_read(csi));
    let mut names: Vec<&str> = of_driver
        .map(|csi| csi.volume_attributes.secret_provider_class.as_str())
        .filter(|name| (1..=LONGEST_NAME).contains(&name.len()))
        .collect();
    names.sort_unstable();
    names.dedup();
    let names: Vec<String> = names.into_iter().take(MOST_CLASSES).map(str::to_owned).collect();
    names.into_boxed_slice()
}

/// Whether anything is read of a volume of a CSI driver.
pub(super) fn is_read(csi: &RawCsi) -> bool {
    csi.driver == DRIVER
}

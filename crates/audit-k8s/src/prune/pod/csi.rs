//! Volumes of the secrets-store CSI driver.

use super::raw::{RawCsi, RawVolume};

/// The driver.
const DRIVER: &str = "secrets-store.csi.k8s.io";

/// The `SecretProviderClass` objects that volumes name, each once.
pub(super) fn classes(volumes: &[RawVolume]) -> Box<[String]> {
    let of_driver = volumes
        .iter()
        .filter_map(|volume| volume.csi.as_ref())
        .filter(|csi| is_read(csi));
    let mut names: Vec<String> = of_driver
        .map(|csi| csi.volume_attributes.secret_provider_class.clone())
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names.into_boxed_slice()
}

/// Whether anything is read of a volume of a CSI driver.
pub(super) fn is_read(csi: &RawCsi) -> bool {
    csi.driver == DRIVER
}

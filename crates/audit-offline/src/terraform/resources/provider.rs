//! `aws_iam_openid_connect_provider`.

use super::Reading;
use crate::terraform::attributes::{Attributes, Planned};
use crate::terraform::change::What;
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(url) = resource.destroyed().and_then(|before| url(before).known()) {
        reading.change(resource, What::ProviderGone(url));
    }
    let Some(after) = &resource.after else { return };
    let client_ids = after.texts(&["client_id_list"]);
    let what = match (url(after), client_ids) {
        (Planned::Absent, _) => return,
        (Planned::Known(url), Planned::Known(client_ids)) if resource.is_data => {
            What::ProviderSeen { url, client_ids }
        }
        _ if resource.is_data => return,
        (url, client_ids) => What::Provider { url, client_ids },
    };
    reading.change(resource, what);
}

/// Its URL without the scheme, as IAM keeps it.
fn url(attributes: &Attributes) -> Planned<String> {
    attributes.text(&["url"]).map(|url| {
        let url = url.strip_prefix("https://").unwrap_or(url);
        url.trim_end_matches('/').to_owned()
    })
}

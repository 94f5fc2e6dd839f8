//! `aws_iam_policy`: a managed policy of the account.

use super::Reading;
use crate::terraform::attributes::Planned;
use crate::terraform::change::What;
use crate::terraform::plan::Resource;

pub(super) fn take<'p>(reading: &mut Reading<'p>, resource: &'p Resource) {
    if let Some(arn) = resource
        .destroyed()
        .and_then(|before| before.text(&["arn"]).known())
    {
        reading.change(resource, What::PolicyGone(arn.to_owned()));
    }
    let Some(after) = &resource.after else { return };
    // Without an ARN, nothing can refer to it but an argument that is open as well.
    let Planned::Known(arn) = reading.arn_of(resource, after, "policy") else {
        return;
    };
    let document = after.text(&["policy"]).map(str::to_owned);
    let what = match document {
        Planned::Known(document) if resource.is_data => What::PolicySeen { arn, document },
        _ if resource.is_data => return,
        document => What::Policy { arn, document },
    };
    reading.change(resource, what);
}

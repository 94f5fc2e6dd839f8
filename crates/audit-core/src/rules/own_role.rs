//! The operator's own binding, as far as the cluster shows it: what to repair first when the operator gets no credentials.

use super::pods::lacks_credentials;
use crate::chain::asked_role;
use crate::config::Config;
use crate::fix::{Command, Fix};
use crate::snapshot::Snapshot;
use crate::text::quote;

/// The first broken link of the operator's own binding, with its repair; nothing where nobody said which binding that is, or where
/// it is not in the snapshot.
#[must_use]
pub fn broken_link(snapshot: &Snapshot, config: &Config) -> Option<(String, Fix)> {
    let own = config.own.as_ref()?;
    let binding = snapshot.cluster.binding(own)?;
    let (namespace, name) = (quote(&own.namespace), quote(&own.service_account));
    let account = format!("the operator's ServiceAccount `{namespace}/{name}`");
    let Some(role) = asked_role(snapshot, config, own) else {
        let annotation = format!("{}/role-arn", config.annotation_prefix);
        let fix = Fix::manual(format!(
            "create a role for the operator, set annotation `{annotation}` of that ServiceAccount to its ARN where the ServiceAccount is managed \
             (a value of the chart), and recreate the operator's pods"
        ));
        return Some((
            format!("{account} names no role in annotation `{annotation}`"),
            fix,
        ));
    };
    let running = binding
        .pods()
        .iter()
        .filter(|pod| pod.is_active() && !pod.is_template());
    let mut lacking = running.filter(|pod| lacks_credentials(pod));
    if let Some(pod) = lacking.next() {
        let delete = Command::new("kubectl delete pod").option("--namespace", own.namespace.as_str());
        let fix = Fix::manual(format!(
            "recreate the operator's pods: `{}`. If the new ones have no `AWS_WEB_IDENTITY_TOKEN_FILE` either, \
             the pod identity webhook does not process them",
            delete.argument(&*pod.name)
        ));
        let message = format!(
            "pod `{}` of {account} has no token for AWS: the pod is older than the annotation, or the webhook did not change the pod",
            quote(&pod.name)
        );
        return Some((message, fix));
    }
    let role = quote(&role.to_string());
    let message = format!("AWS STS does not give {account} credentials for role `{role}`");
    let audit = Command::new("irsa-audit audit").option("--namespace", own.namespace.as_str());
    let fix = Fix::manual(format!(
        "no policy of the role fixes this. The role must exist; its account must have an OIDC provider for the cluster's issuer; its trust \
         policy must admit subject `{}`. `{audit}`, with your own AWS credentials, names which of these is wrong and \
         prints the fix",
        quote(&own.subject())
    ));
    Some((message, fix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    fn link(world: World) -> (String, String) {
        let config = Config {
            own: Some(world.key.clone()),
            ..world.config
        };
        let (message, fix) = broken_link(&world.snapshot, &config).unwrap();
        (message, fix.whole())
    }

    #[test]
    fn the_first_broken_link_is_named() {
        let (message, _) = link(World::healthy().without_annotation());
        assert!(message.contains("names no role"), "{message}");
        let (message, fix) = link(World::healthy().container(bare("app")));
        assert!(message.contains("has no token for AWS"), "{message}");
        assert!(fix.contains("kubectl delete pod --namespace shop"), "{fix}");
        let (message, fix) = link(World::healthy());
        assert!(message.contains("STS does not give"), "{message}");
        assert!(fix.contains("`system:serviceaccount:shop:cart`"), "{fix}");
        assert!(broken_link(&World::healthy().snapshot, &World::healthy().config).is_none());
    }
}

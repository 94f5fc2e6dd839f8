//! Objects into a cluster.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;

use audit_api::DEFAULT_POLICY_NAME;
use audit_core::Config;
use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::webhook::CONFIG_MAP;
use audit_core::model::{
    AuditRequest, BindingKey, Consumer, ConsumerObject, DEFAULT_SERVICE_ACCOUNT, EnvSource, Held, Pod,
    Registration, ServiceAccount, WebhookEntry, Workload,
};
use audit_core::snapshot::Cluster;
use audit_k8s::consumers::{self, ConsumerKind};
use audit_k8s::{Undecodable, prune};
use serde_json::Value;

use super::object::Object;
use super::owner::{self, Owners};
use super::template;
use super::variables::Variables;
use super::webhook;
use crate::Options;
use crate::problem::{InputProblem, Place};

/// Kind, namespace and name.
type Id = (String, String, String);

/// Something that was read, with the place of its object.
type Placed<T> = HashMap<Id, (Place, T)>;

/// What was read so far.
struct Loader<'a> {
    options: &'a Options,
    accounts: Placed<ServiceAccount>,
    requests: Placed<AuditRequest>,
    policies: Placed<audit_api::IrsaAuditPolicySpec>,
    pods: Placed<Pod>,
    templates: Placed<Pod>,
    roles: Placed<RbacRole>,
    bindings: Placed<RoleBinding>,
    owners: Owners,
    /// What keeps workloads from replacing their pods, with their namespaces.
    held: Vec<(String, Workload, Held)>,
    /// The controllers that own workloads, with the namespaces of these.
    managers: Vec<(String, Workload, Workload)>,
    variables: Variables,
    /// Each `MutatingWebhookConfiguration`: where it leads pods to the pod identity webhook.
    webhooks: Placed<Vec<Registration>>,
    /// The audience that the pod identity webhook's own manifest gives it.
    webhook_audience: Option<String>,
    /// The labels of namespaces.
    labels: BTreeMap<String, BTreeMap<String, String>>,
    /// What the pod identity webhook's ConfigMap says.
    webhook_entries: Placed<BTreeMap<BindingKey, WebhookEntry>>,
    /// Objects of other projects that use ServiceAccounts, with what each uses.
    consumers: Placed<(ConsumerObject, Vec<Consumer>)>,
    /// Every object that is in a namespace.
    given: HashSet<Id>,
    namespaces: BTreeSet<String>,
}

/// Puts objects into a cluster, and the `default` policy over `config`.
pub(super) fn load(
    objects: Vec<Object>,
    options: &Options,
    config: &mut Config,
    problems: &mut Vec<InputProblem>,
) -> Cluster {
    let mut loader = Loader {
        options,
        accounts: HashMap::new(),
        requests: HashMap::new(),
        policies: HashMap::new(),
        pods: HashMap::new(),
        templates: HashMap::new(),
        roles: HashMap::new(),
        bindings: HashMap::new(),
        owners: Owners::default(),
        held: Vec::new(),
        managers: Vec::new(),
        variables: Variables::default(),
        webhooks: HashMap::new(),
        webhook_audience: None,
        labels: BTreeMap::new(),
        webhook_entries: HashMap::new(),
        consumers: HashMap::new(),
        given: HashSet::new(),
        namespaces: BTreeSet::new(),
    };
    let is_empty = objects.is_empty();
    for object in objects {
        if let Err(problem) = loader.take(object) {
            problems.push(problem);
        }
    }
    if !options.partial && !is_empty && loader.accounts.is_empty() {
        problems.push(InputProblem::warning(
            Place::everywhere(),
            "hold no ServiceAccount, and count as the whole cluster: give the ServiceAccounts as well, or --partial",
        ));
    }
    if let Some((_, policy)) = loader.policies.values().next() {
        audit_api::spec::configure(config, policy);
    }
    loader.finish()
}

impl Loader<'_> {
    /// Takes in an object.
    fn take(&mut self, mut object: Object) -> Result<(), InputProblem> {
        if !object.namespace.is_empty() {
            self.namespaces.insert(object.namespace.clone());
        }
        let prefix = self.options.annotation_prefix.as_str();
        match (object.group.as_str(), object.kind.as_str()) {
            ("", "Namespace") => {
                self.namespaces.insert(object.name.clone());
                let namespace =
                    prune::namespace(object.value.take()).map_err(|error| unreadable(&object, &error))?;
                self.labels.insert(namespace.name, namespace.labels);
            }
            ("", "ServiceAccount") => {
                let id = self.settle(&mut object);
                let account = prune::service_account(object.value.take(), prefix);
                let account = account.map_err(|error| unreadable(&object, &error))?;
                put_once(&mut self.accounts, id, &object, account, |old, new| {
                    old.annotations == new.annotations
                })?;
            }
            ("", "Pod") => {
                let id = self.settle(&mut object);
                let is_live = template::is_live(&object);
                let pod =
                    prune::pod(object.value.take(), prefix).map_err(|error| unreadable(&object, &error))?;
                if is_live {
                    // Of a pod that was listed twice, the later listing is the younger.
                    self.pods.insert(id, (object.place, pod));
                } else {
                    let workload = owner::workload(&object);
                    self.templates
                        .insert(id, (object.place, template::standing_for(pod, workload)));
                }
            }
            ("", "Secret") => {
                self.settle(&mut object);
                self.variables.take(EnvSource::Secret, &object);
            }
            ("", "ConfigMap") => self.take_config_map(object)?,
            ("admissionregistration.k8s.io", "MutatingWebhookConfiguration") => {
                let id = self.settle_in(&mut object, false);
                let webhook =
                    prune::webhook(object.value.take()).map_err(|error| unreadable(&object, &error))?;
                put_once(
                    &mut self.webhooks,
                    id,
                    &object,
                    webhook.registrations,
                    |old, new| old == new,
                )?;
            }
            ("rbac.authorization.k8s.io", kind) => match kind {
                "Role" => self.take_role(object, true, prune::role)?,
                "ClusterRole" => self.take_role(object, false, prune::cluster_role)?,
                "RoleBinding" => self.take_role_binding(object, true, prune::role_binding)?,
                "ClusterRoleBinding" => self.take_role_binding(object, false, prune::cluster_role_binding)?,
                _ => {}
            },
            ("irsa-audit.dev", "IrsaAudit") => {
                let id = self.settle(&mut object);
                let audit = prune::audit(object.value.take()).map_err(|error| unreadable(&object, &error))?;
                let timeless = |request: &AuditRequest| AuditRequest {
                    created: None,
                    ..request.clone()
                };
                put_once(&mut self.requests, id, &object, audit.request, |old, new| {
                    timeless(old) == timeless(new)
                })?;
            }
            ("irsa-audit.dev", "IrsaAuditPolicy") if object.name == DEFAULT_POLICY_NAME => {
                let id = (object.kind.clone(), String::new(), object.name.clone());
                let policy =
                    prune::policy(object.value.take()).map_err(|error| unreadable(&object, &error))?;
                put_once(&mut self.policies, id, &object, policy.spec, |old, new| {
                    old == new
                })?;
            }
            (group, kind) => match consumers::kind(group, kind) {
                Some(kind) => self.take_consumer(kind, object)?,
                None => self.take_workload(object)?,
            },
        }
        Ok(())
    }

    /// Takes in a ConfigMap: what it brings into containers, and what the pod identity webhook is told if it is its own.
    fn take_config_map(&mut self, mut object: Object) -> Result<(), InputProblem> {
        let id = self.settle(&mut object);
        self.variables.take(EnvSource::ConfigMap, &object);
        if object.name != CONFIG_MAP || object.namespace != self.options.webhook_namespace {
            return Ok(());
        }
        let map = prune::config_map(object.value.take()).map_err(|error| unreadable(&object, &error))?;
        put_once(&mut self.webhook_entries, id, &object, map.entries, |old, new| {
            old == new
        })
    }

    /// Takes in an object that uses ServiceAccounts. One that has a whole pod template is a workload as well.
    fn take_consumer(&mut self, kind: &ConsumerKind, mut object: Object) -> Result<(), InputProblem> {
        let id = self.settle_in(&mut object, kind.namespaced);
        let id = (format!("{}.{}", kind.kind, kind.group), id.1, id.2);
        if let Some(read) = consumers::read(kind, &object.value) {
            put_once(&mut self.consumers, id, &object, read, |old, new| old == new)?;
        }
        if kind.namespaced {
            self.take_workload(object)?;
        }
        Ok(())
    }

    fn take_role(
        &mut self,
        mut object: Object,
        namespaced: bool,
        prune: impl Fn(Value) -> Result<RbacRole, Undecodable>,
    ) -> Result<(), InputProblem> {
        let id = self.settle_in(&mut object, namespaced);
        let role = prune(object.value.take()).map_err(|error| unreadable(&object, &error))?;
        put_once(&mut self.roles, id, &object, role, |old, new| old == new)
    }

    fn take_role_binding(
        &mut self,
        mut object: Object,
        namespaced: bool,
        prune: impl Fn(Value) -> Result<RoleBinding, Undecodable>,
    ) -> Result<(), InputProblem> {
        let id = self.settle_in(&mut object, namespaced);
        let binding = prune(object.value.take()).map_err(|error| unreadable(&object, &error))?;
        put_once(&mut self.bindings, id, &object, binding, |old, new| old == new)
    }

    /// As [`Loader::settle`], where objects of the kind lie in namespaces.
    fn settle_in(&mut self, object: &mut Object, namespaced: bool) -> Id {
        if namespaced {
            self.settle(object)
        } else {
            (object.kind.clone(), String::new(), object.name.clone())
        }
    }

    /// Takes in an object of another kind, if it is a workload.
    fn take_workload(&mut self, mut object: Object) -> Result<(), InputProblem> {
        let Some(found) = template::of(&object) else {
            return Ok(());
        };
        let found = found.clone();
        if let Some(audience) = webhook::audience(&object.name, &found) {
            self.webhook_audience = Some(audience);
        }
        let id = self.settle(&mut object);
        if let Some(held) = template::held(&object) {
            self.held
                .push((object.namespace.clone(), owner::workload(&object), held));
        }
        if let Some(manager) = owner::controller(&object.value)
            && !owner::is_helper(&object.kind)
        {
            let workload = owner::workload(&object);
            self.managers.push((object.namespace.clone(), workload, manager));
        }
        self.owners.take(&object.namespace, &object);
        if template::is_spent(&object) {
            return Ok(());
        }
        let pod = template::pod(
            &object,
            &found,
            &object.namespace,
            &self.options.annotation_prefix,
        )
        .map_err(|error| unreadable(&object, &error))?;
        put_once(&mut self.templates, id, &object, pod, |old, new| old == new)
    }

    /// Gives an object that names no namespace the one where it would be created, and takes note that it was given.
    fn settle(&mut self, object: &mut Object) -> Id {
        if object.namespace.is_empty() {
            object.namespace.clone_from(&self.options.namespace);
            self.namespaces.insert(object.namespace.clone());
        }
        if let Some(metadata) = object.value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("namespace".to_owned(), object.namespace.clone().into());
            if !object.name.is_empty() {
                metadata.insert("name".to_owned(), object.name.clone().into());
            }
        }
        let id = (object.kind.clone(), object.namespace.clone(), object.name.clone());
        self.given.insert(id.clone());
        id
    }

    fn finish(self) -> Cluster {
        let Self {
            options,
            accounts,
            requests,
            pods,
            templates,
            roles,
            bindings,
            owners,
            held,
            managers,
            variables,
            webhooks,
            webhook_audience,
            labels,
            webhook_entries,
            consumers,
            given,
            namespaces,
            ..
        } = self;
        let mut cluster = empty(options.partial, namespaces);
        for (namespace, workload, held) in held {
            cluster.put_held(&namespace, workload, held);
        }
        for (namespace, workload, manager) in managers {
            cluster.put_manager(&namespace, workload, manager);
        }
        for (_, account) in accounts.into_values() {
            cluster.put_service_account(account);
        }
        for (_, role) in roles.into_values() {
            cluster.rbac_mut().put_role(role);
        }
        for (_, binding) in bindings.into_values() {
            cluster.rbac_mut().put_binding(&binding);
        }
        for (_, (object, uses)) in consumers.into_values() {
            cluster.put_consumer(object, uses);
        }
        for (_, entries) in webhook_entries.into_values() {
            cluster.put_webhook_entries(entries);
        }
        // A dump without any such configuration was made without asking for them.
        let is_whole = !options.partial && !webhooks.is_empty();
        let registrations: Vec<Registration> = webhooks.into_values().flat_map(|(_, its)| its).collect();
        if is_whole || !registrations.is_empty() {
            cluster.set_registrations(Some(registrations));
        }
        cluster.set_own_audience(webhook_audience);
        for (name, labels) in labels {
            cluster.put_namespace(name, labels);
        }
        for ((_, namespace, _), (_, request)) in requests {
            cluster.put_request(&namespace, request);
        }
        let mut templates = sorted(templates);
        for (_, template) in &mut templates {
            variables.resolve(template);
        }
        // Of what owns something else, only the owner's template makes new pods.
        let newest: HashMap<(&str, &Workload), &Pod> = templates
            .iter()
            .map(|(_, template)| ((template.namespace.as_str(), &template.workload), template))
            .collect();
        // What a workload's pods show, its template need not tell: it says what new pods will be like.
        let mut have_pods: HashSet<(String, Workload)> = HashSet::new();
        for (_, mut pod) in sorted(pods) {
            variables.resolve(&mut pod);
            let workload = owners.resolve(&pod.namespace, pod.workload.clone());
            if pod.is_active() {
                have_pods.insert((pod.namespace.clone(), workload.clone()));
            }
            let template = newest.get(&(pod.namespace.as_str(), &workload)).copied();
            if let Some(template) = template {
                template::compare(&mut pod, template);
            }
            cluster.put_pod(Pod { workload, ..pod });
        }
        for (_, template) in templates {
            let workload = owners.resolve(&template.namespace, template.workload.clone());
            let owner_is_given = workload != template.workload
                && given.contains(&(
                    workload.kind.clone(),
                    template.namespace.clone(),
                    workload.name.clone(),
                ));
            let is_own = workload == template.workload;
            if !have_pods.contains(&(template.namespace.clone(), workload.clone())) {
                if !owner_is_given {
                    cluster.put_pod(Pod { workload, ..template });
                }
            } else if is_own {
                cluster.put_template(template);
            }
        }
        cluster
    }
}

/// A cluster without objects, but for what goes without saying: where the files hold all of it, every namespace has its `default`
/// ServiceAccount.
fn empty(is_partial: bool, namespaces: impl IntoIterator<Item = String>) -> Cluster {
    if is_partial {
        return Cluster::partial();
    }
    let mut cluster = Cluster::default();
    for namespace in namespaces {
        cluster.put_service_account(ServiceAccount {
            key: BindingKey::new(namespace, DEFAULT_SERVICE_ACCOUNT),
            uid: String::new(),
            created: None,
            annotations: [].into(),
            automount_off: false,
        });
    }
    cluster
}

fn sorted(pods: Placed<Pod>) -> Vec<(Id, Pod)> {
    let mut pods: Vec<_> = pods.into_iter().map(|(id, (_, pod))| (id, pod)).collect();
    pods.sort_by(|(a, _), (b, _)| a.cmp(b));
    pods
}

/// Keeps what was read of an object. The same object in another form elsewhere is an error: nobody can tell which of them is
/// true.
fn put_once<T: Debug>(
    kept: &mut Placed<T>,
    id: Id,
    object: &Object,
    new: T,
    same: impl Fn(&T, &T) -> bool,
) -> Result<(), InputProblem> {
    match kept.get(&id) {
        Some((place, old)) if !same(old, &new) => Err(InputProblem::error(
            object.place.clone(),
            format!(
                "{} stands also in {place}, and says something else there: give one of them; overlays are to be rendered \
                 first, as by `kubectl kustomize`",
                object.shown()
            ),
        )),
        _ => {
            kept.insert(id, (object.place.clone(), new));
            Ok(())
        }
    }
}

/// An object that the API server would refuse.
fn unreadable(object: &Object, error: &Undecodable) -> InputProblem {
    let message = format!(
        "{} cannot be read, and the API server would refuse it: {}",
        object.shown(),
        error.reason
    );
    InputProblem::error(object.place.clone(), message)
}

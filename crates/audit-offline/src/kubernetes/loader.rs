//! Objects into a cluster.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Debug;
use std::sync::Arc;

use audit_core::Config;
use audit_core::model::rbac::{RbacRole, RoleBinding};
use audit_core::model::{
    Annotations, AuditRequest, BindingKey, DEFAULT_SERVICE_ACCOUNT, EnvSource, Held, ManifestPlaces, Pod,
    Registration, ServiceAccount, WebhookEntry, Workload,
};
use audit_core::snapshot::Cluster;
use audit_core::text::quote;
use audit_k8s::Undecodable;
use audit_k8s::consumers::ReadObject;

use super::content::{Content, Templated};
use super::object::Object;
use super::owner::{self, Owners};
use super::places;
use super::template;
use super::variables::{Keys, Variables};
use crate::Options;
use crate::captured::SERVICE_ACCOUNTS;
use crate::problem::{InputProblem, Place};

/// Kind, namespace and name.
type Id = (String, String, String);

/// Something that was read, with the place of its object.
type Placed<T> = HashMap<Id, (Place, T)>;

/// What was read so far.
struct Loader<'a> {
    options: &'a Options,
    accounts: Placed<ServiceAccount>,
    requests: Placed<Arc<AuditRequest>>,
    policies: Placed<audit_api::IrsaAuditPolicySpec>,
    pods: HashMap<Id, Box<Pod>>,
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
    consumers: Placed<ReadObject>,
    /// How many pods the status of a workload counts, with its namespace.
    counted: Vec<(String, Workload, u64)>,
    /// ServiceAccounts of which some manifest names no namespace.
    adrift: BTreeSet<BindingKey>,
    /// Every object that is in a namespace.
    given: HashSet<Id>,
    namespaces: BTreeSet<String>,
}

/// Puts objects into a cluster, and the `default` policy over `config`. Gives the files that declare bindings as well.
pub(super) fn load(
    objects: Vec<(Place, Box<Object>)>,
    options: &Options,
    config: &mut Config,
    problems: &mut Vec<InputProblem>,
) -> (Cluster, ManifestPlaces) {
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
        counted: Vec::new(),
        adrift: BTreeSet::new(),
        given: HashSet::new(),
        namespaces: BTreeSet::new(),
    };
    for (place, object) in objects {
        if let Err(problem) = loader.take(place, *object) {
            problems.push(problem);
        }
    }
    if let Some((_, policy)) = loader.policies.values().next() {
        audit_api::spec::configure(config, policy);
    }
    let places = loader.places();
    (loader.finish(), places)
}

impl Loader<'_> {
    /// Takes in an object.
    fn take(&mut self, place: Place, object: Object) -> Result<(), InputProblem> {
        let Object {
            group,
            kind,
            namespace,
            name,
            is_given,
            is_live: _,
            printed: _,
            is_adrift,
            content,
        } = object;
        if is_adrift && self.options.namespace_is_assumed {
            self.adrift
                .extend(content.as_ref().ok().and_then(Content::service_account));
        }
        if !namespace.is_empty() {
            self.namespaces.insert(namespace.clone());
        }
        if group.is_empty() && kind == "Namespace" {
            self.namespaces.insert(name.clone());
        }
        let named = if is_given {
            let id = (kind, namespace, name);
            self.given.insert(id.clone());
            Named {
                place,
                outside: String::new(),
                id,
            }
        } else {
            Named {
                place,
                outside: namespace,
                id: (kind, String::new(), name),
            }
        };
        match content {
            Ok(content) => self.take_content(named, content),
            Err(error) => Err(named.unreadable(&error)),
        }
    }

    fn take_content(&mut self, object: Named, content: Content) -> Result<(), InputProblem> {
        match content {
            Content::Nothing => {}
            Content::Namespace(namespace) => {
                self.labels.insert(namespace.name, namespace.labels);
            }
            Content::ServiceAccount(account) => {
                put_once(
                    &mut self.accounts,
                    object.id.clone(),
                    &object,
                    account,
                    |old, new| old.annotations == new.annotations,
                )?;
            }
            // Of a pod that was listed twice, the later listing is the younger.
            Content::Pod(pod) => {
                self.pods.insert(object.id, pod);
            }
            Content::Template(pod) => {
                self.templates.insert(object.id, (object.place, pod));
            }
            Content::Secret(keys) => self.take_keys(EnvSource::Secret, &object, keys),
            Content::ConfigMap(keys) => self.take_keys(EnvSource::ConfigMap, &object, keys),
            Content::WebhookConfigMap(keys, map) => {
                self.take_keys(EnvSource::ConfigMap, &object, keys);
                let map = map.map_err(|error| object.unreadable(&error))?;
                put_once(
                    &mut self.webhook_entries,
                    object.id.clone(),
                    &object,
                    map.entries,
                    |old, new| old == new,
                )?;
            }
            Content::Webhook(registrations) => {
                put_once(
                    &mut self.webhooks,
                    object.id.clone(),
                    &object,
                    registrations,
                    |old, new| old == new,
                )?;
            }
            Content::Role(role) => {
                put_once(&mut self.roles, object.id.clone(), &object, role, |old, new| {
                    old == new
                })?;
            }
            Content::RoleBinding(binding) => {
                put_once(
                    &mut self.bindings,
                    object.id.clone(),
                    &object,
                    binding,
                    |old, new| old == new,
                )?;
            }
            Content::Request(request) => {
                let timeless = |request: &AuditRequest| AuditRequest {
                    created: None,
                    ..request.clone()
                };
                put_once(
                    &mut self.requests,
                    object.id.clone(),
                    &object,
                    request,
                    |old, new| timeless(old) == timeless(new),
                )?;
            }
            Content::Policy(policy) => {
                put_once(
                    &mut self.policies,
                    object.id.clone(),
                    &object,
                    *policy,
                    |old, new| old == new,
                )?;
            }
            Content::Consumer { kind, read, workload } => {
                if let Some(read) = read {
                    let (_, namespace, name) = object.id.clone();
                    let id = (kind, namespace, name);
                    put_once(&mut self.consumers, id, &object, read, |old, new| old == new)?;
                }
                if let Some(workload) = workload {
                    self.take_workload(&object, *workload)?;
                }
            }
            Content::Workload(workload) => self.take_workload(&object, *workload)?,
        }
        Ok(())
    }

    fn take_keys(&mut self, source: EnvSource, object: &Named, keys: Keys) {
        let (_, namespace, name) = &object.id;
        self.variables.take(source, namespace, name, keys);
    }

    /// Takes in an object with a pod template.
    fn take_workload(&mut self, object: &Named, templated: Templated) -> Result<(), InputProblem> {
        let Templated {
            webhook_audience,
            held,
            pods,
            controller,
            pod,
        } = templated;
        if webhook_audience.is_some() {
            self.webhook_audience = webhook_audience;
        }
        let (kind, namespace, name) = object.id.clone();
        let workload = Workload {
            kind: kind.into(),
            name: name.into(),
        };
        if let Some(held) = held {
            self.held.push((namespace.clone(), workload.clone(), held));
        }
        if pods > 0 {
            self.counted.push((namespace.clone(), workload.clone(), pods));
        }
        if let Some(manager) = controller {
            if !owner::is_helper(&workload.kind) {
                self.managers
                    .push((namespace.clone(), workload.clone(), manager.clone()));
            }
            self.owners.take(&namespace, workload, manager);
        }
        match pod {
            None => Ok(()),
            Some(Ok(pod)) => put_once(&mut self.templates, object.id.clone(), object, pod, |old, new| {
                old == new
            }),
            Some(Err(error)) => Err(object.unreadable(&error)),
        }
    }

    /// The files that declare bindings. A ServiceAccount is what people change; what only refers to one stands in where it is not given.
    fn places(&self) -> ManifestPlaces {
        let workloads = self.templates.values();
        let workloads = workloads.map(|(place, pod)| (pod.binding_key(), place));
        let requests = self.requests.iter().map(|((_, namespace, _), (place, request))| {
            let key = BindingKey::new(&**namespace, &*request.service_account);
            (key, place)
        });
        let accounts = self.accounts.values();
        let accounts = accounts.map(|(place, account)| (account.key.clone(), place));
        places::declared([workloads.collect(), requests.collect(), accounts.collect()])
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
            counted,
            adrift,
            given,
            namespaces,
            ..
        } = self;
        let mut cluster = empty(options, namespaces);
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
        put_registrations(&mut cluster, webhooks, options.partial);
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
            .map(|(_, template)| ((template.namespace.as_str(), &*template.workload), template))
            .collect();
        // What a workload's pods show, its template need not tell: it says what new pods will be like.
        let mut with_pods = WithPods::default();
        let mut pods: Vec<_> = pods.into_iter().collect();
        pods.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (_, mut pod) in pods {
            variables.resolve(&mut pod);
            let workload = owners.resolve(&pod.namespace, pod.workload.as_ref().clone());
            with_pods.take(&pod, &workload);
            if let Some(template) = newest.get(&(pod.namespace.as_str(), &workload)).copied() {
                template::compare(&mut pod, template, &options.annotation_prefix);
            }
            pod.workload = workload.into();
            cluster.put_pod(*pod);
        }
        with_pods.put_ungiven(counted, &owners, &mut cluster);
        for key in adrift {
            cluster.put_assumed_namespace(key);
        }
        for (_, mut template) in templates {
            let own = Workload::clone(&template.workload);
            let workload = owners.resolve(&template.namespace, own.clone());
            let owner_is_given = workload != own
                && given.contains(&(
                    workload.kind.to_string(),
                    template.namespace.to_string(),
                    workload.name.to_string(),
                ));
            let is_own = workload == own;
            if !with_pods.shows(&template.namespace, &workload) {
                if !owner_is_given {
                    template.workload = workload.into();
                    cluster.put_pod(template);
                }
            } else if is_own {
                cluster.put_template(template);
            }
        }
        cluster
    }
}

/// Puts in where pods are led to the pod identity webhook. A dump without any such configuration was made without asking for them.
fn put_registrations(cluster: &mut Cluster, webhooks: Placed<Vec<Registration>>, is_partial: bool) {
    let is_whole = !is_partial && !webhooks.is_empty();
    let registrations: Vec<Registration> = webhooks.into_values().flat_map(|(_, its)| its).collect();
    if is_whole || !registrations.is_empty() {
        cluster.set_registrations(Some(registrations));
    }
}

/// The workloads of which pods were given.
#[derive(Debug, Default)]
struct WithPods {
    /// With their namespaces.
    workloads: HashMap<(String, Workload), GivenPods>,
    /// By namespaces and names of Deployments, told by the names of their `ReplicaSet`s: where these were not given, nothing else tells.
    deployments: HashMap<(String, String), GivenPods>,
}

/// How many pods of a workload were given.
#[derive(Debug, Clone, Copy, Default)]
struct GivenPods {
    /// Those that can still ask for credentials.
    active: u64,
    /// Those that go away: the status of their workload may have been read while it still counted them.
    leaving: u64,
}

impl WithPods {
    fn take(&mut self, pod: &Pod, workload: &Workload) {
        let of_deployment = owner::deployment_by_name(workload).map(|name| {
            self.deployments
                .entry((pod.namespace.to_string(), name.to_owned()))
        });
        let of_workload = self
            .workloads
            .entry((pod.namespace.to_string(), workload.clone()));
        let counts = [
            Some(of_workload.or_default()),
            of_deployment.map(Entry::or_default),
        ];
        for count in counts.into_iter().flatten() {
            if pod.is_active() {
                count.active += 1;
            } else if pod.terminating {
                count.leaving += 1;
            }
        }
    }

    fn shows(&self, namespace: &str, workload: &Workload) -> bool {
        let given = self.workloads.get(&(namespace.to_owned(), workload.clone()));
        given.is_some_and(|given| given.active > 0)
    }

    /// Takes note of the pods that the status of a workload counts, and that were not given.
    fn put_ungiven(&self, counted: Vec<(String, Workload, u64)>, owners: &Owners, cluster: &mut Cluster) {
        for (namespace, workload, pods) in counted {
            let workload = owners.resolve(&namespace, workload);
            let by_name = (namespace.clone(), workload.name.to_string());
            let given = [
                self.workloads.get(&(namespace.clone(), workload.clone())),
                self.deployments.get(&by_name),
            ];
            let sum = |count: fn(&GivenPods) -> u64| given.into_iter().flatten().map(count).sum::<u64>();
            let active = sum(|given| given.active);
            let seen = if active == 0 {
                0
            } else {
                active + sum(|given| given.leaving)
            };
            if pods > seen {
                cluster.put_ungiven_pods(&namespace, workload, pods - seen, seen);
            }
        }
    }
}

/// A cluster without objects, but for what goes without saying: where the files hold all of it, every namespace has its `default`
/// ServiceAccount, unless they list every ServiceAccount.
fn empty(options: &Options, namespaces: impl IntoIterator<Item = String>) -> Cluster {
    if options.partial {
        return Cluster::partial();
    }
    let mut cluster = Cluster::default();
    let snapshot = options.snapshot.as_ref();
    if snapshot.is_some_and(|given| given.manifest.has_whole(SERVICE_ACCOUNTS)) {
        return cluster;
    }
    for namespace in namespaces {
        cluster.put_service_account(ServiceAccount {
            key: BindingKey::new(namespace, DEFAULT_SERVICE_ACCOUNT),
            uid: String::new(),
            created: None,
            annotations: Annotations::default(),
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
    object: &Named,
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

/// Which object something was read of.
#[derive(Debug)]
struct Named {
    place: Place,
    id: Id,
    /// The namespace that it names although its kind is in none.
    outside: String,
}

impl Named {
    /// Its name with its kind, safe to show.
    fn shown(&self) -> String {
        let (kind, namespace, name) = &self.id;
        let namespace = [namespace, &self.outside]
            .into_iter()
            .find(|text| !text.is_empty());
        let prefix = namespace
            .map(|namespace| format!("{namespace}/"))
            .unwrap_or_default();
        format!("{} `{}`", quote(kind), quote(&format!("{prefix}{name}")))
    }

    /// An object that the API server would refuse.
    fn unreadable(&self, error: &Undecodable) -> InputProblem {
        let message = format!(
            "{} cannot be read, and the API server would refuse it: {}",
            self.shown(),
            error.reason
        );
        InputProblem::error(self.place.clone(), message)
    }
}

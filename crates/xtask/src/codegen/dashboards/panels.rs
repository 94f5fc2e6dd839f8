//! What the dashboards ask. `BINDING` and `CLUSTER` in an expression stand for the matchers of the variables.

use super::{Dashboard, Kind, Panel};

/// Of all bindings.
pub const OVERVIEW: Dashboard = Dashboard {
    name: "overview",
    title: "irsa-audit / Overview",
    variables: &[("namespace", "irsa_audit_bindings")],
    panels: &[
        Panel {
            title: "Bindings by verdict",
            about: "ServiceAccounts bound to an IAM role, now.",
            kind: Kind::Number,
            width: 24,
            unit: "none",
            queries: &[("sum by (verdict) (irsa_audit_bindings{BINDING})", "{{verdict}}")],
        },
        Panel {
            title: "Verdicts",
            about: "The same over time.",
            kind: Kind::Stack,
            width: 12,
            unit: "none",
            queries: &[("sum by (verdict) (irsa_audit_bindings{BINDING})", "{{verdict}}")],
        },
        Panel {
            title: "Broken by cause",
            about: "Bindings with a finding that breaks them, by its code.",
            kind: Kind::Stack,
            width: 12,
            unit: "none",
            queries: &[(
                "count by (code, reason) (max by (cluster, namespace, service_account, code, reason) (irsa_audit_finding{severity=\"broken\",BINDING}))",
                "{{code}} {{reason}}",
            )],
        },
        Panel {
            title: "Broken by namespace",
            about: "Namespaces with the most broken bindings.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, sum by (cluster, namespace) (irsa_audit_bindings{verdict=\"Broken\",BINDING}) > 0)",
                "{{namespace}}",
            )],
        },
        Panel {
            title: "Broken by account",
            about: "Accounts of the roles of broken bindings.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, count by (account) (max by (cluster, namespace, service_account, account) (irsa_audit_binding_info{BINDING}) and on (cluster, namespace, service_account) irsa_audit_binding_verdict{verdict=\"Broken\",BINDING} == 1))",
                "{{account}}",
            )],
        },
        Panel {
            title: "At risk by cause",
            about: "Bindings that work, with what exposes them or will break them.",
            kind: Kind::Bars,
            width: 8,
            unit: "none",
            queries: &[(
                "topk(10, count by (code, reason) (max by (cluster, namespace, service_account, code, reason) (irsa_audit_finding{severity=\"risk\",BINDING})))",
                "{{code}} {{reason}}",
            )],
        },
        Panel {
            title: "What is broken, and for how long",
            about: "Each broken binding with its cause. The age counts within the time that is shown.",
            kind: Kind::Table,
            width: 24,
            unit: "s",
            queries: &[(
                "sort_desc(time() - min by (cluster, namespace, service_account, code, reason) (min_over_time(timestamp(irsa_audit_finding{severity=\"broken\",BINDING})[$__range:])) and on (cluster, namespace, service_account, code) irsa_audit_finding{severity=\"broken\",BINDING})",
                "",
            )],
        },
        Panel {
            title: "Pods",
            about: "Pods of audited ServiceAccounts: with another role than the annotation's (stale), without credentials (missing).",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[("sum by (state) (irsa_audit_pods{BINDING})", "{{state}}")],
        },
        Panel {
            title: "Age of evidence",
            about: "How old the oldest reading of each account is.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "max by (cluster, account) (irsa_audit_evidence_age_seconds{CLUSTER})",
                "{{account}}",
            )],
        },
        Panel {
            title: "Repairs",
            about: "Bindings by how far the repair of their role's trust policy has come: the column Rem of kubectl.",
            kind: Kind::Lines,
            width: 8,
            unit: "none",
            queries: &[(
                "sum by (progress) (irsa_audit_remediation_bindings{BINDING})",
                "{{progress}}",
            )],
        },
        Panel {
            title: "Changes of trust policies",
            about: "What came of them, within an hour. The writer makes them, if it is installed.",
            kind: Kind::Lines,
            width: 8,
            unit: "none",
            queries: &[(
                "sum by (outcome) (increase(irsa_audit_remediations_total{outcome=~\"applied|refused|not_applied|abandoned|latched|undecided\",CLUSTER}[1h]))",
                "{{outcome}}",
            )],
        },
        Panel {
            title: "Needs a person",
            about: "Roles that another actor changed during a write, changes without an end, roles with a statement that no record has.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[
                ("max(irsa_audit_remediation_latched_roles{CLUSTER})", "latched"),
                ("max(irsa_audit_remediation_open_changes{CLUSTER})", "unfinished"),
                ("max(irsa_audit_unrecorded_roles{CLUSTER})", "without a record"),
            ],
        },
    ],
};

/// Of single bindings.
pub const BINDING: Dashboard = Dashboard {
    name: "binding",
    title: "irsa-audit / Binding",
    variables: &[
        ("namespace", "irsa_audit_bindings"),
        ("service_account", "irsa_audit_binding_info"),
    ],
    panels: &[
        Panel {
            title: "Role",
            about: "By default, bindings that are Working have no series of their own: see --metrics-detail.",
            kind: Kind::Table,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, namespace, service_account, account, role_arn) (irsa_audit_binding_info{BINDING,service_account=~\"$service_account\"})",
                "",
            )],
        },
        Panel {
            title: "Verdict",
            about: "Over time; a gap is a time without a series, which is Working by default.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (namespace, service_account, verdict) (irsa_audit_binding_verdict{BINDING,service_account=~\"$service_account\"}) == 1",
                "{{namespace}}/{{service_account}} {{verdict}}",
            )],
        },
        Panel {
            title: "Findings",
            about: "What stands now. The page of each code says what it means and how to repair it.",
            kind: Kind::Table,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, namespace, service_account, code, reason, severity) (irsa_audit_finding{BINDING,service_account=~\"$service_account\"})",
                "",
            )],
        },
        Panel {
            title: "Findings over time",
            about: "When each came and went.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (namespace, service_account, code, reason) (irsa_audit_finding{BINDING,service_account=~\"$service_account\"})",
                "{{namespace}}/{{service_account}} {{code}} {{reason}}",
            )],
        },
        Panel {
            title: "Last audit",
            about: "How long ago it was looked at.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "time() - max by (namespace, service_account) (irsa_audit_last_audit_timestamp_seconds{BINDING,service_account=~\"$service_account\"})",
                "{{namespace}}/{{service_account}}",
            )],
        },
        Panel {
            title: "Pods of the namespace",
            about: "With another role than the annotation's (stale), without credentials (missing).",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[(
                "sum by (namespace, state) (irsa_audit_pods{BINDING})",
                "{{namespace}} {{state}}",
            )],
        },
    ],
};

/// Of the operator itself.
pub const OPERATOR: Dashboard = Dashboard {
    name: "operator",
    title: "irsa-audit / Operator",
    variables: &[],
    panels: &[
        Panel {
            title: "Leaders",
            about: "One in each cluster.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[("sum by (cluster) (irsa_audit_leader{CLUSTER})", "{{cluster}}")],
        },
        Panel {
            title: "Replicas by version",
            about: "Those that are scraped.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[(
                "count by (version) (irsa_audit_build_info{CLUSTER})",
                "{{version}}",
            )],
        },
        Panel {
            title: "Objects that could not be read",
            about: "They are skipped; the log names them.",
            kind: Kind::Number,
            width: 8,
            unit: "none",
            queries: &[("sum(irsa_audit_undecodable_objects_total{CLUSTER})", "skipped")],
        },
        Panel {
            title: "Who leads",
            about: "Over time.",
            kind: Kind::States,
            width: 24,
            unit: "none",
            queries: &[(
                "max by (cluster, instance) (irsa_audit_leader{CLUSTER})",
                "{{cluster}} {{instance}}",
            )],
        },
        Panel {
            title: "A turn of the audit",
            about: "How long one takes: the median, and the slowest in a hundred.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[
                (
                    "histogram_quantile(0.5, sum by (le) (rate(irsa_audit_reconcile_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                    "median",
                ),
                (
                    "histogram_quantile(0.99, sum by (le) (rate(irsa_audit_reconcile_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                    "99 %",
                ),
            ],
        },
        Panel {
            title: "Waiting",
            about: "Observations and readings for the audit, writes for the API server.",
            kind: Kind::Lines,
            width: 12,
            unit: "none",
            queries: &[("sum by (queue) (irsa_audit_waiting{CLUSTER})", "{{queue}}")],
        },
        Panel {
            title: "Calls to AWS",
            about: "Each attempt, by operation.",
            kind: Kind::Lines,
            width: 12,
            unit: "reqps",
            queries: &[(
                "sum by (service, operation) (rate(irsa_audit_aws_requests_total{CLUSTER}[$__rate_interval]))",
                "{{service}} {{operation}}",
            )],
        },
        Panel {
            title: "Calls to AWS that failed",
            about: "Throttled, denied, failed or without an answer, by account.",
            kind: Kind::Lines,
            width: 12,
            unit: "reqps",
            queries: &[(
                "sum by (account, outcome) (rate(irsa_audit_aws_requests_total{outcome!~\"ok|not_found\",CLUSTER}[$__rate_interval]))",
                "{{account}} {{outcome}}",
            )],
        },
        Panel {
            title: "Time of a call to AWS",
            about: "The slowest in a hundred, by operation.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "histogram_quantile(0.99, sum by (le, operation) (rate(irsa_audit_aws_request_duration_seconds_bucket{CLUSTER}[$__rate_interval])))",
                "{{operation}}",
            )],
        },
        Panel {
            title: "Writes to the API server",
            about: "By what came of them.",
            kind: Kind::Lines,
            width: 12,
            unit: "wps",
            queries: &[(
                "sum by (write, outcome) (rate(irsa_audit_writes_total{CLUSTER}[$__rate_interval]))",
                "{{write}} {{outcome}}",
            )],
        },
        Panel {
            title: "Memory",
            about: "Resident memory of each replica.",
            kind: Kind::Lines,
            width: 12,
            unit: "bytes",
            queries: &[(
                "process_resident_memory_bytes{CLUSTER} and on (instance) irsa_audit_build_info{CLUSTER}",
                "{{instance}}",
            )],
        },
        Panel {
            title: "Age of evidence",
            about: "How old the oldest reading of each account is.",
            kind: Kind::Lines,
            width: 12,
            unit: "s",
            queries: &[(
                "max by (cluster, account) (irsa_audit_evidence_age_seconds{CLUSTER})",
                "{{account}}",
            )],
        },
    ],
};

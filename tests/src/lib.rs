//! Worlds to run the operator in, and the scenarios that are played in them: for the end-to-end tests, the demo and
//! the benchmarks.
//!
//! | module | what is in it |
//! |---|---|
//! | [`world`] | a real API server, an AWS endpoint, and the operator as a process with its own rights |
//! | [`scenario`] | what people report: objects in the cluster and in AWS, and the verdict that names the cause |
//! | [`foreign`] | definitions of other projects' kinds |
//! | [`fake_clock`] | the clock of a process, set at will |
//! | [`cluster`] | acting as the cluster's administrator; awaiting verdicts |
//! | [`aws`] | the AWS endpoint, and what is created there over the wire |
//! | [`operator`] | the operator's process, and its metrics |
//! | [`chart`], [`schemas`] | the Helm chart as it is rendered, and what Kubernetes releases take |
//! | [`audit_log`] | what the API server was asked, and whether RBAC allowed it |
//! | [`remediation`] | the writer, and everyone who has to agree to what it does |
//! | [`prometheus`] | a real Prometheus with the alerts that are shipped |
//! | [`chromium`], [`graphviz`] | a browser and `dot`, for the pages and graphs of `irsa-audit audit` |
//! | [`debian`] | Debian's packages of what the machine lacks |
//! | [`image`] | the container image, built and run |
//! | [`tools`] | `aws`, `jq` and `kubectl`, to run what the operator prints |
//! | [`checkers`] | programs that check what is shipped |
//! | [`table`] | what `kubectl get` would show |

pub mod audit_log;
pub mod aws;
pub mod chart;
pub mod checkers;
pub mod chromium;
pub mod cluster;
pub mod debian;
pub mod fake_clock;
pub mod foreign;
pub mod graphviz;
pub mod image;
pub mod issuer;
pub mod manifests;
pub mod metrics;
pub mod objects;
pub mod operator;
pub mod prometheus;
pub mod remediation;
pub mod scenario;
pub mod schemas;
pub mod table;
pub mod tools;
pub mod trust;
pub mod world;

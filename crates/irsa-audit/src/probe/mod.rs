//! `irsa-audit probe`: what STS says of a token of the ServiceAccount, next to what the evaluation says.
//!
//! | module | what is in it |
//! |---|---|
//! | [`args`] | the flags |
//! | `target` | pure: which role, audience and region |
//! | `token` | a token, by the caller's own permissions |
//! | `comparison` | pure: whether STS and the evaluation agree |
//! | `view` | pure: the answer as text and JSON |
//!
//! The evaluation comes first: it says which role and audience to ask for, and a token is created only if there is something to ask. The
//! token is in a [`secrecy::SecretString`] from the answer of the API server to the request to STS, and no answer holds it.

pub mod args;
mod comparison;
mod target;
mod token;
mod view;

use std::io::{self, Write as _};
use std::process::ExitCode;

use audit_aws::{StsAnswer, WebIdentityCall};
use audit_core::chain::Chain;
use audit_core::model::BindingKey;
use audit_core::rules::irsa905::ProbedRole;

use crate::audit::color::ColorWhen;
use crate::audit::live::{self, LiveError, Wish};
use crate::audit::source::AuditInput;
use crate::console::Progress;
use crate::status;
use crate::status::view::Subject;
use args::{ProbeArgs, ProbeError, ProbeOutput};
use comparison::Comparison;
use target::{StsRegion, Target};
use view::ProbeView;

/// Probes, and prints both answers; the exit code says it as well. `program` is how this command line was called.
///
/// # Errors
/// When there is no answer; the exit code is then 2.
pub fn run(args: &ProbeArgs, program: &'static str) -> Result<ExitCode, ProbeError> {
    let key = args.subject.key()?;
    let evidence = look(args, &key)?;
    let chain = Chain::derive(&evidence.snapshot, &evidence.config, &key, evidence.now);
    let target = target::find(chain, args.role_arn.as_ref())?;
    let Probed {
        answer,
        token_issuer,
        region,
        session_name,
    } = live::runtime()?.block_on(probe(args, &key, &target))?;
    let subject = Subject::find(&evidence, &args.source().config(), &key);
    let role = ProbedRole {
        arn: target.role.as_str(),
        outcome: target.outcome,
        findings: &target.findings,
        issuer: target.issuer.as_deref(),
        token_issuer: token_issuer.as_deref(),
    };
    let comparison = Comparison::new(answer, &role, program).map_err(|why| ProbeError::Sts {
        region: region.name.clone(),
        why,
    })?;
    // With a role that is not its own, the status would be about a ServiceAccount that does not exist.
    let has_status = args.role_arn.is_none();
    let view = ProbeView {
        key: &key,
        target: &target,
        token_issuer: token_issuer.as_deref(),
        region: &region,
        session_name: &session_name,
        comparison: &comparison,
    };
    let (status, text) = match args.output {
        ProbeOutput::Text => {
            let status = subject.text(false);
            let shown = has_status.then_some(status.text.as_str());
            (status.code, view.text(shown, ColorWhen::Auto.terminal()))
        }
        ProbeOutput::Json => {
            let status = subject.json();
            let shown = has_status.then(|| serde_json::from_str(&status.text).unwrap_or_default());
            (status.code, view.json(shown.as_ref()))
        }
    };
    print(&text)?;
    let code = comparison.exit_code(target.outcome, has_status.then_some(status));
    Ok(ExitCode::from(code))
}

/// What `status` sees; with a role that is given, as if the ServiceAccount named it.
fn look(args: &ProbeArgs, key: &BindingKey) -> Result<AuditInput, ProbeError> {
    let source = args.source();
    let namespace = Some(key.namespace.as_str());
    let Some(role) = &args.role_arn else {
        return Ok(status::look(&source, namespace, None)?);
    };
    let wish = Wish {
        namespace,
        heeds_policies: true,
        expect: &|cluster| target::annotate(cluster, key, &args.annotation_prefix, role),
    };
    Ok(live::look(&source, &wish)?)
}

/// What came of a probe. The token is gone.
struct Probed {
    answer: StsAnswer,
    token_issuer: Option<String>,
    region: StsRegion,
    session_name: String,
}

async fn probe(args: &ProbeArgs, key: &BindingKey, target: &Target) -> Result<Probed, ProbeError> {
    let progress = Progress::start("creating a token of the ServiceAccount");
    let kubeconfig = args.connection.config().await.map_err(LiveError::from)?;
    let client = live::client(kubeconfig)?;
    let home = audit_aws::load_home().await;
    let configured = home.region().map(ToString::to_string);
    let region = target::region(
        args.region.as_deref(),
        target.issuer.as_deref(),
        configured,
        target.role.partition(),
    )?;
    let session_name = token::session_name(token::own_name(&client).await.as_deref());
    let minted = token::mint(&client, key, &target.audience).await?;
    progress.now("asking STS");
    let call = WebIdentityCall {
        role_arn: target.role.as_str(),
        session_name: &session_name,
        region: &region.name,
        token: &minted.token,
    };
    let answer = audit_aws::assume_with_token(&home, &call).await;
    Ok(Probed {
        answer,
        token_issuer: minted.issuer,
        region,
        session_name,
    })
}

/// Writes to standard output. A reader that has closed it still has the exit code.
fn print(text: &str) -> Result<(), ProbeError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(ProbeError::Output(error)),
        _ => Ok(()),
    }
}

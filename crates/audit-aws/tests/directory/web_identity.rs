//! One exchange of a token, and what each answer of STS says.

use audit_aws::{StsAnswer, WebIdentityCall, assume_with_token};
use fake_aws::{FakeAws, Fault, Role};
use secrecy::SecretString;

use crate::support::{HOME, ISSUER, config};

const ROLE: &str = "arn:aws:iam::111122223333:role/team/app";

/// Tokens of `system:serviceaccount:shop:cart` of [`ISSUER`], for STS and for something else, and one of another issuer. Nobody signed them.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL29pZGMuZWtzLmV1LXdlc3QtMS5hbWF6b25hd3MuY29tL2lkLzAxMjM0NTY3ODlBQkNERUYwMTIzNDU2Nzg5QUJDREVGIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OnNob3A6Y2FydCIsImF1ZCI6WyJzdHMuYW1hem9uYXdzLmNvbSJdfQ.c2lnbmF0dXJlIG9mIG5vYm9keQ";
const FOR_VAULT: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL29pZGMuZWtzLmV1LXdlc3QtMS5hbWF6b25hd3MuY29tL2lkLzAxMjM0NTY3ODlBQkNERUYwMTIzNDU2Nzg5QUJDREVGIiwic3ViIjoic3lzdGVtOnNlcnZpY2VhY2NvdW50OnNob3A6Y2FydCIsImF1ZCI6WyJ2YXVsdCJdfQ.c2lnbmF0dXJlIG9mIG5vYm9keQ";
const OF_ANOTHER: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL290aGVyLmV4YW1wbGUiLCJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6c2hvcDpjYXJ0IiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIl19.c2lnbmF0dXJlIG9mIG5vYm9keQ";

async fn fake() -> FakeAws {
    let fake = FakeAws::start().await.unwrap();
    fake.account(HOME)
        .provider(ISSUER, ["sts.amazonaws.com"])
        .role(Role::named("app").path("/team/"));
    fake
}

async fn ask(fake: &FakeAws, role_arn: &str, token: &str) -> StsAnswer {
    let (key, secret) = fake.credentials(HOME);
    let home = config(fake.endpoint(), key, secret).await;
    let call = WebIdentityCall {
        role_arn,
        session_name: "irsa-audit-probe-jane",
        region: "eu-west-1",
        token: &SecretString::from(token),
    };
    assume_with_token(&home, &call).await
}

/// The code with which STS refuses.
fn refusal(answer: &StsAnswer) -> &str {
    match answer {
        StsAnswer::Refused(error) => &error.code,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_call_is_unsigned_short_and_may_do_nothing() {
    let fake = fake().await;
    assert_eq!(ask(&fake, ROLE, TOKEN).await, StsAnswer::Admitted);
    let calls = fake.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let call = &calls[0];
    assert_eq!(
        (call.operation.as_str(), call.service.as_str()),
        ("AssumeRoleWithWebIdentity", "")
    );
    let sent = |name: &str| call.parameters.get(name).map_or("", String::as_str);
    assert_eq!(
        [
            sent("RoleArn"),
            sent("RoleSessionName"),
            sent("DurationSeconds"),
            sent("WebIdentityToken")
        ],
        [ROLE, "irsa-audit-probe-jane", "900", TOKEN]
    );
    assert!(sent("Policy").contains("\"Deny\""), "{}", sent("Policy"));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_code() {
    let fake = fake().await;
    for (role, token, code) in [
        (ROLE, FOR_VAULT, "InvalidIdentityToken"),
        (ROLE, OF_ANOTHER, "InvalidIdentityToken"),
        (ROLE, "no token", "InvalidIdentityToken"),
        ("arn:aws:iam::111122223333:role/app", TOKEN, "AccessDenied"),
        ("arn:aws:iam::999999999999:role/app", TOKEN, "AccessDenied"),
    ] {
        assert_eq!(refusal(&ask(&fake, role, token).await), code, "{role} {token}");
    }
}

#[tokio::test]
async fn an_answer_about_something_else_decides_nothing() {
    let fake = fake().await;
    for (status, code) in [
        (400, "Throttling"),
        (400, "IDPCommunicationError"),
        (400, "PackedPolicyTooLarge"),
        (503, "ServiceUnavailable"),
    ] {
        let fault = Fault::on("AssumeRoleWithWebIdentity").error(status, code, "no");
        fake.clear_faults().fault(fault);
        let answer = ask(&fake, ROLE, TOKEN).await;
        assert!(
            matches!(&answer, StsAnswer::Undecided(error) if error.code == code),
            "{answer:?}"
        );
    }
    for fault in [
        Fault::on("AssumeRoleWithWebIdentity").drop_connection(),
        Fault::on("AssumeRoleWithWebIdentity").garbage_body(),
    ] {
        fake.clear_faults().fault(fault);
        let answer = ask(&fake, ROLE, TOKEN).await;
        assert!(matches!(&answer, StsAnswer::Silent(_)), "{answer:?}");
    }
    assert_eq!(
        fake.count("AssumeRoleWithWebIdentity"),
        6,
        "nothing is tried twice"
    );
}

#[tokio::test]
async fn neither_token_nor_credentials_are_in_an_answer() {
    let fake = fake().await;
    let admitted = format!("{:?}", ask(&fake, ROLE, TOKEN).await);
    let message = format!(
        "1 validation error detected: Value '{TOKEN}' at 'webIdentityToken' failed to satisfy constraint"
    );
    fake.fault(Fault::on("AssumeRoleWithWebIdentity").error(400, "ValidationError", message));
    let refused = format!("{:?}", ask(&fake, ROLE, TOKEN).await);
    let signature = TOKEN.rsplit('.').next().unwrap();
    for text in [admitted, refused] {
        assert!(
            !text.contains(signature) && !text.contains("Fake") && !text.contains("ASIA"),
            "{text}"
        );
    }
}

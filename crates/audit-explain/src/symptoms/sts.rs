//! What STS answers to `AssumeRoleWithWebIdentity`, and why it cannot be reached. The texts are those of STS (API reference, "Errors",
//! and the error messages of the service).

use crate::symptom::Symptom;

/// The endpoint of STS, in the words of those who call it.
const STS_ENDPOINT: [&str; 10] = [
    "/sts.",
    "lookup sts.",
    "to sts.",
    "'sts.",
    "\"sts.",
    "enotfound sts.",
    "eai_again sts.",
    "unknownhostexception: sts.",
    "operation error sts:",
    "sts.amazonaws.com:443",
];

/// An endpoint of AWS, or an SDK that calls one. The API servers of EKS, its webhooks, and the servers of RDS have names of AWS as well, and
/// certificates of other CAs.
const AWS_ENDPOINT: [&str; 28] = [
    "/sts.",
    "lookup sts.",
    "to sts.",
    "'sts.",
    "\"sts.",
    "operation error ",
    "awssdk",
    "aws_sdk",
    "aws-sdk",
    "com.amazonaws.",
    "botocore",
    "webidentity",
    "aws http error",
    "https://s3.",
    ".s3.",
    "https://ec2.",
    "https://secretsmanager.",
    "https://ssm.",
    "https://kms.",
    "https://sqs.",
    "https://sns.",
    "https://dynamodb.",
    "https://logs.",
    "https://monitoring.",
    "https://elasticloadbalancing.",
    "https://route53.",
    "https://autoscaling.",
    "https://api.ecr.",
];

/// A CloudTrail record of a token that was exchanged.
pub(super) const ASSUMED: &str = "sts-assumed";

pub(super) const TABLE: &[Symptom] = &[
    Symptom {
        id: "sts-not-authorized",
        title: "STS refused the token: the role's trust policy does not admit it, or the role does not exist",
        means: "STS found the OIDC provider and verified the token. Then it did not find the role, or the role's trust policy has no statement \
                that admits this issuer, subject and audience. STS gives the same answer in both cases.",
        codes: &[
            "IRSA204", "IRSA205", "IRSA203", "IRSA210", "IRSA206", "IRSA207", "IRSA211", "IRSA209",
            "IRSA201", "IRSA220", "IRSA202", "IRSA212", "IRSA213", "IRSA214", "IRSA218", "IRSA104",
            "IRSA404", "IRSA402", "IRSA403",
        ],
        checks: &[
            "A change in IAM takes up to some minutes to take effect.",
            "A resource control policy (RCP) of the role's organization can deny the call as well.",
            "Compare the subject in the error or in CloudTrail with the trust policy, character by character.",
        ],
        advice: &["identity-policy", "thumbprint", "open-trust"],
        signs: &[
            &["not authorized to perform sts:assumerolewithwebidentity"],
            &["not authorized to perform: sts:assumerolewithwebidentity"],
            &["(accessdenied) when calling the assumerolewithwebidentity operation"],
            &["cannot assume role with web identity", "accessdenied"],
        ],
        hidden_by: &["denied-rcp", "denied-scp", "denied-endpoint"],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-no-provider",
        title: "STS does not know the cluster's issuer in the role's account",
        means: "The account of the role has no IAM OIDC provider for the issuer in the token. A provider in a different account, even that of \
                the cluster, does not count. A new cluster has a new issuer.",
        codes: &["IRSA301", "IRSA302"],
        checks: &[],
        advice: &["cluster-account", "thumbprint"],
        signs: &[&["no openidconnect provider found in your account"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-audience",
        title: "STS does not accept the token's audience",
        means: "The audience of the token is not in the client ID list of the IAM OIDC provider. EKS uses `sts.amazonaws.com`, in every \
                partition.",
        codes: &["IRSA303", "IRSA104", "IRSA404"],
        checks: &[],
        advice: &[],
        signs: &[&["incorrect token audience"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-verification-key",
        title: "STS could not get the key that verifies the token from the issuer",
        means: "STS reads `/.well-known/openid-configuration` of the issuer and the keys that it names, from the internet. It did not get them, \
                or the key that signed the token is not among them. No policy is the cause, and no finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "On EKS, AWS serves both documents. Right after a cluster is created, or during a burst of calls, the error goes away: retry with backoff.",
            "On a self-hosted cluster, both documents must be public, with a certificate of a public CA or with the provider's thumbprint.",
            "On a self-hosted cluster, publish the new key before the API server signs with it (--service-account-signing-key-file).",
        ],
        advice: &["thumbprint"],
        signs: &[
            &["retrieve verification key"],
            &["verification key", "identity provider"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-thumbprint",
        title: "The issuer's certificate does not match the provider's thumbprints",
        means: "The certificate of the issuer is not from a CA that IAM trusts, so IAM compares it with the thumbprints of the OIDC provider, and \
                none matches. This is possible only for a self-hosted issuer: those of EKS have certificates of a public CA.",
        codes: &["IRSA302"],
        checks: &[
            "Serve the issuer with a certificate of a public CA, or update the thumbprint with `aws iam update-open-id-connect-provider-thumbprint`.",
        ],
        advice: &[],
        signs: &[&["match configured thumbprint"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-idp-communication",
        title: "STS could not reach the issuer",
        means: "STS asked the issuer for its keys, and the issuer did not answer in time or answered with an error. The caller may retry.",
        codes: &[],
        checks: &[
            "On a self-hosted cluster, check that the issuer's URL is reachable from the internet and answers within seconds.",
        ],
        advice: &[],
        signs: &[&["idpcommunicationerror"]],
        hidden_by: &["sts-verification-key"],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-claim-rejected",
        title: "The issuer's answer made STS reject the token's claims",
        means: "STS verified where the token comes from and rejected a claim in it. For tokens of a ServiceAccount this is rare; the token may come \
                from a different program.",
        codes: &["IRSA405", "IRSA404"],
        checks: &[],
        advice: &[],
        signs: &[&["idprejectedclaim"]],
        hidden_by: &["sts-audience", "sts-no-provider"],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-token-expired",
        title: "The token had expired when it reached STS",
        means: "The kubelet renews the token file when 80% of its lifetime is over. This process sent an older token: it read the file once, or the \
                file is not the one that the kubelet renews, or the clock of the node is wrong.",
        codes: &["IRSA413"],
        checks: &[
            "Compare the two times in the error: minutes point to a clock, hours to a token that was read once.",
            "An SDK older than the minimum may not read the file again.",
        ],
        advice: &[],
        signs: &[
            &["token expired: current date/time"],
            &["expiredtokenexception", "token expired"],
            &["expiredtokenexception", "assumerolewithwebidentity"],
            &["(expiredtoken) when calling the assumerolewithwebidentity operation"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-clock-skew",
        title: "The clock of the node is wrong",
        means: "The request or the token carries a time that is too far from that of AWS. AWS accepts a request within a few minutes of its time.",
        codes: &[],
        checks: &[
            "Check NTP (chronyd, Amazon Time Sync Service at 169.254.169.123) on the node where the pod runs.",
        ],
        advice: &[],
        signs: &[
            &["token must not be accepted before"],
            &["requesttimetooskewed"],
            &["signature not yet current"],
            &["signature expired:"],
            &["difference between the request time and the current time is too large"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-token-invalid",
        title: "What was sent to STS is not a token of the cluster's issuer",
        means: "The file that the SDK reads does not contain a token that STS can read: it is empty or cut off, it is a token for something else, or \
                the variable AWS_WEB_IDENTITY_TOKEN_FILE names a different file.",
        codes: &["IRSA405", "IRSA404"],
        checks: &[
            "Check that the token of the file has `iss`, `sub` and `aud` as expected. Do not paste the token anywhere.",
        ],
        advice: &[],
        signs: &[
            &["not a valid jwt"],
            &["provided token is not a login with amazon token"],
            &["missing a required claim"],
            &["invalididentitytoken"],
        ],
        hidden_by: &[
            "sts-no-provider",
            "sts-audience",
            "sts-verification-key",
            "sts-thumbprint",
            "sts-token-expired",
            "sts-clock-skew",
            "sts-claim-rejected",
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-role-arn",
        title: "AWS_ROLE_ARN is not the ARN of a role",
        means: "STS rejected the role's ARN before it checked the token. The annotation, or the variable in the pod, has a typing error, or is \
                the ARN of something else.",
        codes: &["IRSA102", "IRSA402"],
        checks: &[],
        advice: &[],
        signs: &[
            &["request arn is invalid"],
            &["at 'rolearn' failed to satisfy constraint"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-session-name",
        title: "The session name is not valid",
        means: "The variable AWS_ROLE_SESSION_NAME, or the setting `role_session_name`, has characters other than letters, digits and `=,.@-_`, or \
                is not 2 to 64 characters long.",
        codes: &["IRSA415"],
        checks: &[],
        advice: &[],
        signs: &[&["at 'rolesessionname' failed to satisfy constraint"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-duration",
        title: "The session is requested for longer than the role allows",
        means: "The application requests a session that is longer than the MaxSessionDuration of the role. A role that is assumed from a role's \
                session lasts one hour at most, whatever that setting says. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &["Leave the duration to the SDK, or raise the role's MaxSessionDuration."],
        advice: &[],
        signs: &[
            &["durationseconds exceeds the maxsessionduration"],
            &["exceeds the 1 hour session limit for roles assumed by role chaining"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-session-policy",
        title: "STS does not accept the session policy of the request",
        means: "The application, or `irsa-audit probe`, sends a session policy with the request. STS cannot read it, or it is too large together \
                with the session tags. The role's own policies are not at fault.",
        codes: &[],
        checks: &[],
        advice: &[],
        signs: &[
            &["packedpolicytoolarge"],
            &["malformedpolicydocument", "assumerolewithwebidentity"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-region-disabled",
        title: "STS is not active in this region for the account",
        means: "The endpoint of this region is deactivated for the account, or the region is an opt-in region that the account has not enabled. \
                The account of the role counts. No trust policy is the cause.",
        codes: &["IRSA411"],
        checks: &[
            "Enable the region, or activate its STS endpoint, in the account settings of IAM of the role's account.",
            "Check AWS_REGION and AWS_STS_REGIONAL_ENDPOINTS in the pod.",
        ],
        advice: &[],
        signs: &[&["regiondisabled"], &["sts is not activated in this region"]],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-throttled",
        title: "AWS throttled the call",
        means: "Too many calls were made in the account and region. For STS, many pods that start at once, or an application that creates a new client \
                for each request, are the usual cause. The credentials and policies are not the cause.",
        codes: &["IRSA902"],
        checks: &[
            "Create one client and keep it: it keeps the credentials until they expire.",
            "Use the regional endpoint of STS, and retry with backoff (AWS_RETRY_MODE=adaptive or standard).",
        ],
        advice: &[],
        signs: &[
            &["rate exceeded"],
            &["throttlingexception"],
            &["(throttling)"],
            &["code: throttling"],
            &["throttling: "],
            &["requestlimitexceeded"],
        ],
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-unreachable",
        title: "The pod cannot reach STS",
        means: "The name or the address of the STS endpoint cannot be reached from the pod. The token was not sent, so AWS evaluated no trust \
                policy. No finding of irsa-audit reports it.",
        codes: &["IRSA411"],
        checks: &[
            "A NetworkPolicy must allow DNS and HTTPS to the endpoint. A private subnet needs a NAT gateway or a VPC endpoint for STS.",
            "A VPC endpoint serves the regional name: set AWS_STS_REGIONAL_ENDPOINTS=regional and AWS_REGION for an older SDK.",
            "Its security group must admit the pods. NO_PROXY must list every endpoint that the proxy cannot reach.",
        ],
        advice: &[],
        signs: &[
            &["could not connect to the endpoint url"],
            &["connect timeout on endpoint url"],
            &["read timeout on endpoint url"],
            &["no such host"],
            &["i/o timeout"],
            &["connection refused"],
            &["connection timed out"],
            &["connect timed out"],
            &["unknownhostexception"],
            &["name or service not known"],
            &["temporary failure in name resolution"],
            &["enotfound"],
            &["eai_again"],
            &["etimedout"],
            &["econnrefused"],
            &["context deadline exceeded"],
            &["dns error"],
            &["httptimeouterror"],
            &["tls handshake timeout"],
            &["broken connection to sts."],
            &["could not resolve host: sts."],
            &["failed to connect to sts."],
        ],
        and_any: &STS_ENDPOINT,
        hidden_by: &["sts-not-authorized", "imds-unreachable", "tls-"],
        ..Symptom::NONE
    },
    Symptom {
        id: "tls-certificate",
        title: "The container does not trust the certificate that it gets for AWS",
        means: "The connection was made, and TLS failed: the image has no CA certificates or old ones, or a proxy or firewall answers in place of AWS \
                with a certificate of its own. The request was not sent, so AWS evaluated no policy. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "Install the CA certificates in the image: the package ca-certificates; an image from scratch or a JVM with its own trust store needs them copied.",
            "Behind a proxy that intercepts TLS, add its CA to the container's trust store, and to AWS_CA_BUNDLE, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS where \
             the SDK reads these. Or exempt the AWS endpoints (NO_PROXY).",
            "`openssl s_client -connect HOST:443` in the pod shows who issued the certificate. That of AWS is issued by Amazon.",
        ],
        advice: &[],
        signs: &[
            &["certificate signed by unknown authority"],
            &["x509: certificate has expired"],
            &["x509: certificate is valid for"],
            &["x509: certificate is not trusted"],
            &["ssl validation failed for"],
            &["certificate verify failed"],
            &["certificate_verify_failed"],
            &["pkix path building failed"],
            &["pkix path validation failed"],
            &["unable to find valid certification path"],
            &["unable to get local issuer certificate"],
            &["unable_to_get_issuer_cert_locally"],
            &["unable to verify the first certificate"],
            &["unable_to_verify_leaf_signature"],
            &["self signed certificate"],
            &["self-signed certificate"],
            &["self_signed_cert_in_chain"],
            &["depth_zero_self_signed_cert"],
            &["remote certificate is invalid"],
            &["invalid peer certificate"],
            &["ssl certificate problem"],
            &["ssl peer certificate or ssh remote key was not ok"],
            &["curl error 60"],
        ],
        and_any: &AWS_ENDPOINT,
        ..Symptom::NONE
    },
    Symptom {
        id: "sts-unspecified",
        title: "The call to STS failed, and the text does not say why",
        means: "The program tried to exchange the token for credentials, and says only that this failed. STS may have refused it, or the pod may not have \
                reached STS.",
        codes: &[
            "IRSA204", "IRSA205", "IRSA203", "IRSA301", "IRSA201", "IRSA303", "IRSA405",
        ],
        checks: &[
            "Look at the lines before it. Fluent Bit says what STS answered, `STS API responded with`, some of it only with `Log_Level debug`.",
            "`irsa-audit probe NAMESPACE/NAME` asks STS with a token of the ServiceAccount, and shows the answer.",
            "Of a call that reached STS, CloudTrail has a record, AssumeRoleWithWebIdentity, in the account of the role. If there is none, check the network.",
        ],
        advice: &[],
        signs: &[
            &["sts assume role request failed"],
            &["sts api responded with"],
            &["webidentityerr: failed to retrieve credentials"],
            &["operation error sts: assumerolewithwebidentity"],
            &["could not load credentials from tokenfilewebidentitycredentials"],
        ],
        hidden_by: &["sts-", "tls-", "token-file", "static-keys", "credentials-expired"],
        ..Symptom::NONE
    },
    Symptom {
        id: "endpoint-unreachable",
        title: "The pod cannot reach an endpoint of AWS",
        means: "The name or the address of the endpoint cannot be reached from the pod. AWS evaluated no policy. No finding of irsa-audit reports it.",
        codes: &[],
        checks: &[
            "A NetworkPolicy must allow DNS and HTTPS to the endpoint. A private subnet needs a NAT gateway or a VPC endpoint for the service.",
            "Check AWS_REGION, and any endpoint in the application's settings.",
        ],
        advice: &[],
        signs: &[
            &["could not connect to the endpoint url", ".amazonaws.com"],
            &["connect timeout on endpoint url", ".amazonaws.com"],
            &["read timeout on endpoint url", ".amazonaws.com"],
        ],
        hidden_by: &["sts-unreachable", "tls-", "pod-identity-", "imds-"],
        ..Symptom::NONE
    },
    Symptom {
        id: ASSUMED,
        title: "STS gave credentials for the token",
        means: "The record shows a call that succeeded: service account, provider and trust policy work together. If the application still fails, \
                check the permissions of the role, and which credentials the application uses first.",
        codes: &["IRSA501", "IRSA502", "IRSA503", "IRSA504", "IRSA406"],
        checks: &[],
        advice: &[],
        ..Symptom::NONE
    },
];

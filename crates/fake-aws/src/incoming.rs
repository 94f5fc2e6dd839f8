//! A request, decoded: which service, which operation, which parameters.

use crate::authorization::Credential;
use crate::eks_route;
use crate::parameters::Parameters;
use crate::service::{Service, WEB_IDENTITY};
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;

/// More than any request of the services that are spoken.
const BODY_LIMIT: usize = 1 << 20;

/// A decoded request.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) service: Service,
    pub(crate) operation: String,
    pub(crate) parameters: Parameters,
    /// `None` if the request is not signed.
    pub(crate) credential: Option<Credential>,
    pub(crate) session_token: Option<String>,
}

impl Incoming {
    /// Reads a request to its end; `None` if the client went away or sends too much.
    pub(crate) async fn read(request: Request) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BODY_LIMIT).await.ok()?;
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
        let credential = header(AUTHORIZATION.as_str()).and_then(Credential::parse);
        let mut service = credential.as_ref().map_or(Service::Other, |credential| {
            Service::from_signing_name(&credential.service)
        });
        let (operation, parameters) = match service {
            Service::Eks => eks_route::route(&head.method, &head.uri),
            Service::Iam | Service::Sts | Service::Other => {
                let mut parameters = Parameters::from_form(&body);
                parameters.take("Version");
                (parameters.take("Action").unwrap_or_default(), parameters)
            }
        };
        if credential.is_none() && operation == WEB_IDENTITY {
            service = Service::Sts;
        }
        let session_token = header("x-amz-security-token").map(ToOwned::to_owned);
        Some(Self {
            service,
            operation,
            parameters,
            credential,
            session_token,
        })
    }

    /// The region the request is signed for; empty if it is not signed.
    pub(crate) fn region(&self) -> &str {
        self.credential
            .as_ref()
            .map_or("", |credential| &credential.region)
    }
}

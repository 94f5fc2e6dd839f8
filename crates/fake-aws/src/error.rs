//! Errors as the services answer them.

use crate::service::Service;

/// One error answer: HTTP status, the service's error code, its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceError {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl ServiceError {
    pub(crate) fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
        }
    }

    pub(crate) fn no_such_entity(message: impl Into<String>) -> Self {
        Self::new(404, "NoSuchEntity", message)
    }

    pub(crate) fn no_such_role(name: &str) -> Self {
        Self::no_such_entity(format!("The role with name {name} cannot be found."))
    }

    pub(crate) fn already_exists(message: impl Into<String>) -> Self {
        Self::new(409, "EntityAlreadyExists", message)
    }

    pub(crate) fn delete_conflict(message: impl Into<String>) -> Self {
        Self::new(409, "DeleteConflict", message)
    }

    pub(crate) fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(409, "LimitExceeded", message)
    }

    pub(crate) fn malformed_policy(message: impl Into<String>) -> Self {
        Self::new(400, "MalformedPolicyDocument", message)
    }

    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidInput", message)
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(crate) fn unmodifiable_role(name: &str) -> Self {
        let message = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        );
        Self::new(400, "UnmodifiableEntity", message)
    }

    pub(crate) fn throttled(service: Service) -> Self {
        Self::new(
            400,
            service.pick("Throttling", "ThrottlingException"),
            "Rate exceeded",
        )
    }

    pub(crate) fn access_denied(service: Service, message: impl Into<String>) -> Self {
        Self::new(
            403,
            service.pick("AccessDenied", "AccessDeniedException"),
            message,
        )
    }

    pub(crate) fn expired_token(service: Service) -> Self {
        let message = "The security token included in the request is expired";
        Self::new(
            403,
            service.pick("ExpiredToken", "ExpiredTokenException"),
            message,
        )
    }

    pub(crate) fn unknown_token(service: Service) -> Self {
        let message = "The security token included in the request is invalid.";
        Self::new(
            403,
            service.pick("InvalidClientTokenId", "UnrecognizedClientException"),
            message,
        )
    }

    pub(crate) fn missing_token(service: Service) -> Self {
        let code = service.pick(
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
        );
        Self::new(403, code, "Request is missing Authentication Token")
    }

    pub(crate) fn unknown_operation(service: Service, operation: &str) -> Self {
        let version = match service {
            Service::Eks => return Self::new(404, "UnknownOperationException", ""),
            Service::Iam => " for version 2010-05-08",
            Service::Sts => " for version 2011-06-15",
            Service::Other => "",
        };
        Self::new(
            400,
            "InvalidAction",
            format!("Could not find operation {operation}{version}"),
        )
    }
}
